//! Shows on the calls of one run that the comparison would notice: each grant that was needed is taken away, each
//! condition is narrowed, unneeded grants are added, and each time somebody must complain.

use super::{
    Call, Deployed,
    evaluate::evaluate,
    judgement::{Grant, grants, grants_of},
    pattern::matches_action,
    policy::{Document, Effect, Statement, Values},
};

/// Needed grants that could be taken away in every stack without any call being refused: something else allows the same.
#[must_use]
pub fn redundant(calls: &[Call], deployed: &Deployed, stacks: &str) -> Vec<Grant> {
    let needed = grants(calls, deployed, stacks).into_iter().filter(|(_, used)| *used).map(|(grant, _)| grant);
    let (missed, idle): (Vec<Grant>, Vec<Grant>) =
        needed.partition(|grant| is_noticed(calls, &grant.action, &without(deployed, grant)));
    idle.into_iter().filter(|grant| !missed.iter().any(|other| other.is_same_line(grant))).collect()
}

/// Statements with a condition that could ask for anything else without any call being refused, as `owner sid key`.
#[must_use]
pub fn idle_conditions(calls: &[Call], deployed: &Deployed, stacks: &str) -> Vec<String> {
    let mut idle = Vec::new();
    let redundant = redundant(calls, deployed, stacks);
    // Of a grant that could go altogether, the conditions could, too.
    for (grant, used) in grants(calls, deployed, stacks).into_iter().filter(|(grant, _)| !redundant.contains(grant)) {
        for key in condition_keys(deployed, &grant) {
            if used && !is_noticed(calls, &grant.action, &narrowed(deployed, &grant, &key)) {
                idle.push(format!("{} {} {key}", grant.owner, grant.sid));
            }
        }
    }
    idle
}

/// For each role, a grant that nobody needs is added; those whose addition nobody would notice.
#[must_use]
pub fn unnoticed_additions(calls: &[Call], deployed: &Deployed, stacks: &str) -> Vec<String> {
    let before: Vec<Grant> = grants(calls, deployed, stacks).into_keys().collect();
    let owners = deployed.roles.iter().filter(|role| role.stack.starts_with(stacks));
    let mut unnoticed = Vec::new();
    for owner in owners.map(|role| &role.name) {
        let another_action = |statement: &mut Statement| statement.action.push("s3:PutBucketPolicy".to_owned());
        let another_resource =
            |statement: &mut Statement| statement.resource.push("arn:aws:s3:::elsewhere/*".to_owned());
        for addition in [&another_action as &dyn Fn(&mut Statement), &another_resource] {
            let mut more = deployed.clone();
            let statement = statements_of(&mut more, owner).find(|statement| statement.effect == Effect::Allow);
            statement.into_iter().for_each(addition);
            let after = grants(calls, &more, stacks);
            if !after.iter().any(|(grant, used)| !used && !before.contains(grant)) {
                unnoticed.push(owner.clone());
            }
        }
    }
    unnoticed
}

/// Whether any call with this action is refused now.
fn is_noticed(calls: &[Call], action: &str, deployed: &Deployed) -> bool {
    calls.iter().any(|call| matches_action(action, &call.action) && evaluate(call, deployed).is_err())
}

/// Everything but this action on this resource.
fn without(deployed: &Deployed, grant: &Grant) -> Deployed {
    let mut less = deployed.clone();
    for document in documents_of(&mut less, &grant.owner) {
        let statements = std::mem::take(&mut document.statement);
        document.statement = statements.into_iter().flat_map(|statement| split(statement, grant)).collect();
    }
    less
}

/// The statement's other actions, and this action on its other resources.
fn split(statement: Statement, grant: &Grant) -> Vec<Statement> {
    if !grants_of(&grant.owner, &statement).contains(grant) {
        return vec![statement];
    }
    let (mut other_actions, mut other_resources) = (statement.clone(), statement);
    other_actions.action.retain(|action| *action != grant.action);
    other_resources.action = vec![grant.action.clone()];
    other_resources.resource.retain(|resource| *resource != grant.resource);
    // Without resources it would be about everything.
    let keep = !other_resources.resource.is_empty();
    std::iter::once(other_actions).chain(keep.then_some(other_resources)).collect()
}

fn condition_keys(deployed: &Deployed, grant: &Grant) -> Vec<String> {
    let mut deployed = deployed.clone();
    let statements = statements_of(&mut deployed, &grant.owner);
    let of_grant = statements.filter(|statement| grants_of(&grant.owner, statement).contains(grant));
    of_grant.flat_map(|statement| statement.condition.values().flat_map(|keys| keys.keys().cloned())).collect()
}

fn narrowed(deployed: &Deployed, grant: &Grant, key: &str) -> Deployed {
    let mut narrower = deployed.clone();
    for statement in statements_of(&mut narrower, &grant.owner) {
        if grants_of(&grant.owner, statement).contains(grant) {
            for values in statement.condition.values_mut().filter_map(|keys| keys.get_mut(key)) {
                *values = Values(vec!["narrowed".to_owned()]);
            }
        }
    }
    narrower
}

fn statements_of<'a>(deployed: &'a mut Deployed, owner: &'a str) -> impl Iterator<Item = &'a mut Statement> {
    documents_of(deployed, owner).flat_map(|document| &mut document.statement)
}

/// The policies of a role, its trust and its guardrails included, or of a resource, by its name in the template.
fn documents_of<'a>(deployed: &'a mut Deployed, owner: &'a str) -> impl Iterator<Item = &'a mut Document> {
    let roles = deployed.roles.iter_mut().filter(move |role| role.name == owner);
    let resources = deployed.resources.values_mut().filter(move |resource| resource.name == owner);
    roles
        .flat_map(|role| role.policies.values_mut().chain(role.guardrails.values_mut()).chain([&mut role.trust]))
        .chain(resources.map(|resource| &mut resource.policy))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ROLE: &str = "arn:aws:iam::000000000000:role/r";

    fn world(statements: &Value) -> Deployed {
        serde_json::from_value(json!({"resources": {}, "roles": [{
            "arn": ROLE, "stack": "demo-x", "name": "Role", "guardrails": {},
            "policies": {"p": {"Version": "2012-10-17", "Statement": statements}},
            "trust": {"Version": "2012-10-17", "Statement": []},
        }]}))
        .unwrap()
    }

    fn calls(made: &[(&str, &str)]) -> Vec<Call> {
        let call = |(action, resource): &(&str, &str)| {
            let context = json!({"ses:FromAddress": "a@b.c"});
            json!({"role": ROLE, "by": "", "action": action, "resource": resource, "context": context})
        };
        serde_json::from_value(Value::Array(made.iter().map(call).collect())).unwrap()
    }

    #[test]
    fn a_needed_grant_is_missed_and_a_double_one_is_not() {
        let made = calls(&[("s3:GetObject", "arn:aws:s3:::b/scans/1")]);
        let one =
            json!({"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::b/*"});
        assert_eq!(redundant(&made, &world(&json!([one])), "demo"), []);
        let found = redundant(
            &made,
            &world(&json!([one, {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}])),
            "demo",
        );
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_condition_that_would_refuse_nothing_if_it_asked_for_something_else_is_idle() {
        let made = calls(&[("ses:SendEmail", "arn:aws:ses:x:0:identity/i")]);
        let guarded = json!({"Sid": "S", "Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*",
            "Condition": {"StringEquals": {"ses:FromAddress": "a@b.c"}}});
        assert_eq!(idle_conditions(&made, &world(&json!([guarded])), "demo"), Vec::<String>::new());
        let either = json!({"Sid": "S", "Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*",
            "Condition": {"StringNotEquals": {"ses:FromAddress": "x@y.z"}}});
        let found = idle_conditions(&made, &world(&json!([either])), "demo");
        assert_eq!(found, ["Role S ses:FromAddress"]);
    }

    #[test]
    fn an_addition_is_noticed_unless_a_star_takes_it_in() {
        let made = calls(&[("s3:GetObject", "arn:aws:s3:::b/1")]);
        let exact = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"});
        assert_eq!(unnoticed_additions(&made, &world(&json!([exact])), "demo"), Vec::<String>::new());
        let everything_used = calls(&[
            ("s3:GetObject", "arn:aws:s3:::elsewhere/1"),
            ("s3:PutBucketPolicy", "arn:aws:s3:::b/1"),
            ("s3:PutBucketPolicy", "arn:aws:s3:::elsewhere/1"),
        ]);
        assert_eq!(unnoticed_additions(&everything_used, &world(&json!([exact])), "demo").len(), 2);
    }
}
