//! What is wrong between the deployed policies and the calls that were made.

use std::collections::BTreeMap;

use super::{
    Call, Deployed,
    condition::holds,
    evaluate::{Refusal, context, evaluate},
    pattern::{matches, matches_action},
    policy::{Document, Effect, Statement},
};

/// One action on one resource that a statement allows.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Grant {
    /// The template's name of the role, or of what the policy belongs to.
    pub owner: String,
    pub sid: String,
    pub action: String,
    /// Where the resource stands in the statement: in each stack of a template it is another one.
    pub position: usize,
    pub resource: String,
}

impl Grant {
    /// Whether both are the same line of a template, in two stacks.
    #[must_use]
    pub fn is_same_line(&self, other: &Self) -> bool {
        let line = |grant: &Self| (grant.owner.clone(), grant.sid.clone(), grant.action.clone(), grant.position);
        line(self) == line(other)
    }
}

/// Calls that AWS would have refused, each with the reason.
#[must_use]
pub fn refused<'a>(calls: &'a [Call], deployed: &Deployed) -> Vec<(&'a Call, Refusal)> {
    calls.iter().filter_map(|call| evaluate(call, deployed).err().map(|refusal| (call, refusal))).collect()
}

/// One grant of each line of a template that no call needed in any of its stacks.
#[must_use]
pub fn unused(calls: &[Call], deployed: &Deployed, stacks: &str) -> Vec<Grant> {
    let (used, unused): (Vec<_>, Vec<_>) = grants(calls, deployed, stacks).into_iter().partition(|(_, used)| *used);
    let mut lines: Vec<Grant> = Vec::new();
    for (grant, _) in unused {
        let is_used = used.iter().any(|(other, _)| other.is_same_line(&grant));
        if !is_used && !lines.iter().any(|line| line.is_same_line(&grant)) {
            lines.push(grant);
        }
    }
    lines
}

/// Every grant of the roles and resources that are of stacks with this beginning, and whether any call needed it.
#[must_use]
pub fn grants(calls: &[Call], deployed: &Deployed, stacks: &str) -> BTreeMap<Grant, bool> {
    let mut found = BTreeMap::new();
    let mut add =
        |owner: &str, documents: &mut dyn Iterator<Item = &Document>, used: &dyn Fn(&Statement, &Grant) -> bool| {
            for statement in documents.flat_map(|document| &document.statement) {
                for grant in grants_of(owner, statement) {
                    let used = used(statement, &grant);
                    *found.entry(grant).or_insert(false) |= used;
                }
            }
        };
    for role in deployed.roles.iter().filter(|role| role.stack.starts_with(stacks)) {
        let used = |statement: &Statement, grant: &Grant| {
            calls.iter().any(|call| call.role == role.arn && needs(call, statement, grant))
        };
        add(&role.name, &mut role.policies.values(), &used);
        let assumed = |statement: &Statement, grant: &Grant| {
            calls
                .iter()
                .any(|call| call.resource == role.arn && by_service(call, statement) && needs(call, statement, grant))
        };
        add(&role.name, &mut std::iter::once(&role.trust), &assumed);
    }
    for (_, resource) in deployed.resources.iter().filter(|(_, resource)| resource.stack.starts_with(stacks)) {
        let used = |statement: &Statement, grant: &Grant| {
            calls.iter().any(|call| by_service(call, statement) && needs(call, statement, grant))
        };
        add(&resource.name, &mut std::iter::once(&resource.policy), &used);
    }
    found
}

/// The grants of one statement. Those to the account itself are left out: they leave the decision to the roles' policies.
pub(super) fn grants_of(owner: &str, statement: &Statement) -> Vec<Grant> {
    let to_account = matches!(&statement.principal, Some(super::policy::Principal::Aws(names))
        if names.iter().all(|name| name.ends_with(":root")));
    if statement.effect == Effect::Deny || to_account {
        return Vec::new();
    }
    let own = [String::new()];
    let resources = if statement.resource.is_empty() { &own } else { statement.resource.as_slice() };
    let grant = |action: &String, (position, resource): (usize, &String)| Grant {
        owner: owner.to_owned(),
        sid: statement.sid.clone(),
        action: action.clone(),
        position,
        resource: resource.clone(),
    };
    let each = |action| resources.iter().enumerate().map(move |resource| grant(action, resource));
    statement.action.iter().flat_map(each).collect()
}

fn needs(call: &Call, statement: &Statement, grant: &Grant) -> bool {
    matches_action(&grant.action, &call.action)
        && (grant.resource.is_empty() || matches(&grant.resource, &call.resource))
        && holds(statement, &context(call))
}

fn by_service(call: &Call, statement: &Statement) -> bool {
    matches!(&statement.principal, Some(super::policy::Principal::Service(names)) if names.contains(&call.by))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn role(stack: &str, bucket: &str, actions: &Value) -> Value {
        let resource = [format!("arn:aws:s3:::{bucket}/a/*"), format!("arn:aws:s3:::{bucket}/b/*")];
        json!({"arn": format!("arn:aws:iam::000000000000:role/{stack}"), "stack": stack, "name": "Role", "guardrails": {},
            "trust": {"Version": "2012-10-17", "Statement": []}, "policies": {"p": {"Version": "2012-10-17",
            "Statement": {"Sid": "S", "Effect": "Allow", "Action": actions, "Resource": resource}}}})
    }

    fn call(stack: &str, action: &str, resource: &str) -> Value {
        json!({"role": format!("arn:aws:iam::000000000000:role/{stack}"), "by": "", "action": action,
            "resource": resource, "context": {}})
    }

    #[test]
    fn a_line_is_used_if_any_stack_of_its_template_uses_it() {
        let actions = json!(["s3:GetObject"]);
        let roles = [role("demo-1", "x", &actions), role("demo-2", "y", &actions), role("other", "z", &actions)];
        let deployed: Deployed = serde_json::from_value(json!({"roles": roles, "resources": {}})).unwrap();
        let calls = |made: Vec<Value>| -> Vec<Call> { serde_json::from_value(Value::Array(made)).unwrap() };

        let one = calls(vec![call("demo-1", "s3:GetObject", "arn:aws:s3:::x/a/1")]);
        let found = unused(&one, &deployed, "demo-");
        let [left] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((left.position, left.sid.as_str()), (1, "S"));

        let both = calls(vec![
            call("demo-1", "s3:GetObject", "arn:aws:s3:::x/a/1"),
            call("demo-2", "s3:GetObject", "arn:aws:s3:::y/b/1"),
        ]);
        assert_eq!(unused(&both, &deployed, "demo-"), []);
        assert_eq!(refused(&both, &deployed).len(), 0);
        let across = calls(vec![call("demo-1", "s3:GetObject", "arn:aws:s3:::y/a/1")]);
        assert_eq!(refused(&across, &deployed).len(), 1, "a stack reads another's bucket");
    }
}
