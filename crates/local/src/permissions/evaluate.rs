//! What AWS would make of a call: the policy evaluation logic within one account.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use super::{
    Call, Deployed, Role,
    condition::{Context, holds},
    pattern::{matches, matches_action},
    policy::{Document, Effect, Principal, Statement},
};

/// Why a call would be refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// A statement says so, by its Sid.
    Denied(String),
    /// No policy of the role allows it.
    NotAllowed,
    /// No guardrail of the channel allows it.
    NotInGuardrails,
    /// The resource's own policy must allow it, and does not.
    NotByResource,
}

/// Whether AWS would let the call pass.
///
/// # Errors
/// The first reason why not.
pub fn evaluate(call: &Call, deployed: &Deployed) -> Result<(), Refusal> {
    let role = deployed.roles.iter().find(|role| role.arn == call.role);
    let context = context(call);
    let resource = resource_statements(call, deployed);
    let identity: Vec<&Statement> = role.map_or_else(Vec::new, |role| statements(role.policies.values()));
    let guardrails = role.map_or_else(Vec::new, |role| statements(role.guardrails.values()));

    let identity = identity.into_iter().filter(|statement| is_about(statement, call, &context));
    let guardrails = guardrails.into_iter().filter(|statement| is_about(statement, call, &context));
    let by_resource = resource.into_iter().filter(|statement| {
        concerns(statement.principal.as_ref(), call, role) && is_about_own(statement, call, &context)
    });
    let (identity, guardrails, by_resource): (Vec<_>, Vec<_>, Vec<_>) =
        (identity.collect(), guardrails.collect(), by_resource.collect());

    let all = identity.iter().chain(&guardrails).chain(&by_resource);
    if let Some(denying) = all.clone().find(|statement| statement.effect == Effect::Deny) {
        return Err(Refusal::Denied(denying.sid.clone()));
    }
    let allows = |statements: &[&Statement]| statements.iter().any(|statement| statement.effect == Effect::Allow);
    let Some(role) = role else {
        return if allows(&by_resource) { Ok(()) } else { Err(Refusal::NotByResource) };
    };
    if !role.guardrails.is_empty() && !allows(&guardrails) {
        return Err(Refusal::NotInGuardrails);
    }
    let names_the_role = by_resource.iter().any(|statement| {
        statement.effect == Effect::Allow
            && matches!(&statement.principal, Some(Principal::Aws(names)) if names.contains(&role.arn))
    });
    // A key's policy must allow, be it that it leaves the decision to IAM by naming the account.
    // https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    if call.action.starts_with("kms:") && !allows(&by_resource) {
        return Err(Refusal::NotByResource);
    }
    if allows(&identity) || names_the_role { Ok(()) } else { Err(Refusal::NotAllowed) }
}

/// Whether a statement of a role's policy is about the call, its conditions included.
#[must_use]
pub fn is_about(statement: &Statement, call: &Call, context: &Context) -> bool {
    statement.action.iter().any(|action| matches_action(action, &call.action))
        && statement.resource.iter().any(|resource| matches(resource, &call.resource))
        && holds(statement, context)
}

/// The same for a resource's own policy: in a trust policy the resource is not written down, and a key's `*` is the key.
fn is_about_own(statement: &Statement, call: &Call, context: &Context) -> bool {
    let own = Statement { resource: vec!["*".to_owned()], ..statement.clone() };
    is_about(if statement.resource.is_empty() { &own } else { statement }, call, context)
}

/// The request's condition keys, and those that AWS adds. A call to AWS itself is always encrypted: the local cloud's
/// address is the only one without TLS.
#[must_use]
pub fn context(call: &Call) -> Context {
    let account = "000000000000";
    let mut context = call.context.clone();
    let mut add = |name: &str, value: &str| {
        context.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    };
    add("aws:SecureTransport", "true");
    add("aws:ResourceAccount", account);
    if !call.role.is_empty() {
        add("aws:PrincipalArn", &call.role);
        add("aws:PrincipalAccount", account);
    }
    context
}

fn statements<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Vec<&'a Statement> {
    documents.into_iter().flat_map(|document| &document.statement).collect()
}

/// The policy of the bucket, queue, topic, key or function that the call is about, or the trust policy of a role.
fn resource_statements<'a>(call: &Call, deployed: &'a Deployed) -> Vec<&'a Statement> {
    let owner = match call.resource.strip_prefix("arn:aws:s3:::") {
        Some(object) => format!("arn:aws:s3:::{}", object.split('/').next().unwrap_or_default()),
        None => call.resource.clone(),
    };
    let trust = deployed.roles.iter().filter(|role| role.arn == call.resource).map(|role| &role.trust);
    let policies = deployed.resources.get(&owner).map(|resource| &resource.policy);
    statements(trust.chain(policies))
}

fn concerns(principal: Option<&Principal>, call: &Call, role: Option<&Role>) -> bool {
    match principal {
        None => false,
        Some(Principal::Everyone) => true,
        Some(Principal::Service(names)) => names.contains(&call.by),
        Some(Principal::Aws(names)) => role.is_some_and(|role| {
            let account = role.arn.split(':').nth(4).unwrap_or_default();
            names
                .iter()
                .any(|name| *name == role.arn || *name == account || *name == format!("arn:aws:iam::{account}:root"))
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ROLE: &str = "arn:aws:iam::000000000000:role/r";
    const BUCKET: &str = "arn:aws:s3:::b";

    fn world(identity: Value, guardrail: Option<Value>, resource: Value) -> Deployed {
        let document = |statement: Value| json!({"Version": "2012-10-17", "Statement": statement});
        let guardrails = guardrail.map_or_else(|| json!({}), |statement| json!({"g": document(statement)}));
        serde_json::from_value(json!({
            "roles": [{"arn": ROLE, "stack": "s", "name": "Role", "policies": {"p": document(identity)},
                "guardrails": guardrails, "trust": document(json!({"Effect": "Allow", "Action": "sts:AssumeRole",
                    "Principal": {"Service": "lambda.amazonaws.com"}}))}],
            "resources": {BUCKET: {"stack": "s", "name": "Bucket", "policy": document(resource)}},
        }))
        .unwrap()
    }

    fn call(role: &str, by: &str, action: &str, resource: &str) -> Call {
        serde_json::from_value(json!({"role": role, "by": by, "action": action, "resource": resource, "context": {}}))
            .unwrap()
    }

    fn get() -> Call {
        call(ROLE, "", "s3:GetObject", "arn:aws:s3:::b/k")
    }

    fn allow() -> Value {
        json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"})
    }

    #[test]
    fn what_nobody_allows_is_refused_and_a_deny_wins() {
        assert_eq!(evaluate(&get(), &world(json!([]), None, json!([]))), Err(Refusal::NotAllowed));
        assert_eq!(evaluate(&get(), &world(allow(), None, json!([]))), Ok(()));
        let deny = json!({"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"});
        assert_eq!(evaluate(&get(), &world(allow(), None, deny.clone())), Err(Refusal::Denied("No".to_owned())));
        let mut insecure = deny;
        insecure["Condition"] = json!({"Bool": {"aws:SecureTransport": "false"}});
        assert_eq!(evaluate(&get(), &world(allow(), None, insecure)), Ok(()));
    }

    #[test]
    fn a_bucket_may_let_a_role_in_by_name_and_not_by_its_account() {
        let by = |principal: &str| {
            json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::b/*"})
        };
        assert_eq!(evaluate(&get(), &world(json!([]), None, by(ROLE))), Ok(()));
        let account = evaluate(&get(), &world(json!([]), None, by("arn:aws:iam::000000000000:root")));
        assert_eq!(account, Err(Refusal::NotAllowed));
    }

    #[test]
    fn a_guardrail_only_takes_away() {
        assert_eq!(evaluate(&get(), &world(allow(), Some(json!([])), json!([]))), Err(Refusal::NotInGuardrails));
        assert_eq!(evaluate(&get(), &world(json!([]), Some(allow()), json!([]))), Err(Refusal::NotAllowed));
        assert_eq!(evaluate(&get(), &world(allow(), Some(allow()), json!([]))), Ok(()));
    }

    #[test]
    fn a_service_needs_the_resource_s_own_policy() {
        let world = world(allow(), None, json!([]));
        let assume = |service: &str| evaluate(&call("", service, "sts:AssumeRole", ROLE), &world);
        assert_eq!(assume("lambda.amazonaws.com"), Ok(()));
        assert_eq!(assume("states.amazonaws.com"), Err(Refusal::NotByResource));
        let other = call("", "events.amazonaws.com", "s3:GetObject", "arn:aws:s3:::b/k");
        assert_eq!(evaluate(&other, &world), Err(Refusal::NotByResource));
    }

    #[test]
    fn a_key_s_policy_must_allow_as_well() {
        let decrypt = json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": BUCKET});
        let call = call(ROLE, "", "kms:Decrypt", BUCKET);
        assert_eq!(evaluate(&call, &world(decrypt.clone(), None, json!([]))), Err(Refusal::NotByResource));
        let leaves_it_to_iam = json!({"Effect": "Allow", "Action": "kms:*", "Resource": "*",
            "Principal": {"AWS": "arn:aws:iam::000000000000:root"}});
        assert_eq!(evaluate(&call, &world(decrypt, None, leaves_it_to_iam.clone())), Ok(()));
        assert_eq!(evaluate(&call, &world(json!([]), None, leaves_it_to_iam)), Err(Refusal::NotAllowed));
    }
}
