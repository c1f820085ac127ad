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
    pub resource: String,
}

/// Calls that AWS would have refused, each with the reason.
#[must_use]
pub fn refused<'a>(calls: &'a [Call], deployed: &Deployed) -> Vec<(&'a Call, Refusal)> {
    calls.iter().filter_map(|call| evaluate(call, deployed).err().map(|refusal| (call, refusal))).collect()
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
    let grant = |action: &String, resource: &String| Grant {
        owner: owner.to_owned(),
        sid: statement.sid.clone(),
        action: action.clone(),
        resource: resource.clone(),
    };
    statement.action.iter().flat_map(|action| resources.iter().map(move |resource| grant(action, resource))).collect()
}

fn needs(call: &Call, statement: &Statement, grant: &Grant) -> bool {
    matches_action(&grant.action, &call.action)
        && (grant.resource.is_empty() || matches(&grant.resource, &call.resource))
        && holds(statement, &context(call))
}

fn by_service(call: &Call, statement: &Statement) -> bool {
    matches!(&statement.principal, Some(super::policy::Principal::Service(names)) if names.contains(&call.by))
}
