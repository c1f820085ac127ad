//! Grants that reach further than anything that was done: next to each resource that was called stands one that nobody
//! has called, and a grant that allows it as well is wide. Most wildcards are right; each is on a list with its reason.

use super::{
    Call, Deployed,
    judgement::{Grant, grants},
    pattern::{matches, matches_action},
};

/// One used grant of each line of a template that allows a resource beside those that were called.
#[must_use]
pub fn wide(calls: &[Call], deployed: &Deployed, stacks: &str) -> Vec<Grant> {
    let mut lines: Vec<Grant> = Vec::new();
    for grant in used(calls, deployed, stacks) {
        let is_wide = reaches_further(&grant.resource, &called(calls, deployed, &grant));
        if is_wide && !lines.iter().any(|line| line.is_same_line(&grant)) {
            lines.push(grant);
        }
    }
    lines
}

/// Each used grant is widened to each of its parents, `…/*` up to `*`; those of which nobody would complain. `known` says
/// which wide grants are on the list.
#[must_use]
pub fn unnoticed_widenings(
    calls: &[Call],
    deployed: &Deployed,
    stacks: &str,
    known: impl Fn(&Grant) -> bool,
) -> Vec<String> {
    let mut unnoticed = Vec::new();
    let used = used(calls, deployed, stacks);
    for grant in &used {
        let called = called(calls, deployed, grant);
        for parent in parents(&grant.resource) {
            let widened = Grant { resource: parent, ..grant.clone() };
            // Where a parameter says how wide a line is, another stack may have it as wide as that.
            if used.iter().any(|other| other.is_same_line(grant) && other.resource == widened.resource) {
                continue;
            }
            if !reaches_further(&widened.resource, &called) || known(&widened) {
                unnoticed.push(format!(
                    "{} {} {}: {} as {}",
                    grant.owner, grant.sid, grant.action, grant.resource, widened.resource
                ));
            }
        }
    }
    unnoticed
}

/// Those that name a resource: a trust policy names none.
fn used(calls: &[Call], deployed: &Deployed, stacks: &str) -> Vec<Grant> {
    let grants = grants(calls, deployed, stacks).into_iter();
    grants.filter(|(grant, used)| *used && !grant.resource.is_empty()).map(|(grant, _)| grant).collect()
}

/// The resources for which the grant was needed.
fn called<'a>(calls: &'a [Call], deployed: &Deployed, grant: &Grant) -> Vec<&'a str> {
    let owned = |call: &Call| {
        let role = deployed.roles.iter().find(|role| role.arn == call.role);
        role.is_none_or(|role| role.name == grant.owner)
    };
    let needed = calls.iter().filter(|call| {
        matches_action(&grant.action, &call.action) && matches(&grant.resource, &call.resource) && owned(call)
    });
    needed.map(|call| call.resource.as_str()).collect()
}

fn reaches_further(pattern: &str, called: &[&str]) -> bool {
    // Some actions know no resource, and are asked about `*`: that is all there is.
    called.iter().any(|resource| neighbours(resource).any(|neighbour| matches(pattern, &neighbour)))
}

/// `arn:…:b/scans/1/report.json` has beside it `b/scans/1/-`, `b/scans/-`, `b/-` and `-`.
fn neighbours(resource: &str) -> impl Iterator<Item = String> {
    cuts(resource).into_iter().map(|before| format!("{before}-somewhere-else"))
}

/// The patterns that take in everything below one of the pattern's own parents, and the one that takes in everything.
fn parents(pattern: &str) -> Vec<String> {
    let parents = cuts(pattern).into_iter().map(|before| format!("{before}*")).chain(["*".to_owned()]);
    parents.filter(|parent| parent != pattern).collect()
}

/// What stands before each part of an ARN's resource, the separator included.
fn cuts(arn: &str) -> Vec<&str> {
    // arn:partition:service:region:account: comes before the resource.
    let resource = arn.match_indices(':').nth(4).map_or(arn.len(), |(at, _)| at);
    let separators = arn.match_indices(['/', ':']).filter(|(at, _)| *at >= resource);
    separators.filter_map(|(at, separator)| arn.get(..at + separator.len())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROLE: &str = "arn:aws:iam::000000000000:role/r";

    fn world(resource: &str) -> (Vec<Call>, Deployed) {
        let statement = json!({"Sid": "S", "Effect": "Allow", "Action": "s3:GetObject", "Resource": resource});
        let deployed = json!({"resources": {}, "roles": [{
            "arn": ROLE, "stack": "demo-x", "name": "Role", "guardrails": {},
            "policies": {"p": {"Version": "2012-10-17", "Statement": [statement]}},
            "trust": {"Version": "2012-10-17", "Statement": []},
        }]});
        let call = |key: &str| {
            json!({"role": ROLE, "by": "", "action": "s3:GetObject", "resource": format!("arn:aws:s3:::b/{key}"),
                "context": {}})
        };
        let calls = json!([call("scans/1/report.json"), call("scans/2/report.json")]);
        (serde_json::from_value(calls).unwrap(), serde_json::from_value(deployed).unwrap())
    }

    #[test]
    fn a_grant_is_as_wide_as_what_was_done_or_is_found() {
        for (resource, is_wide) in [
            ("arn:aws:s3:::b/scans/*/report.json", false),
            ("arn:aws:s3:::b/scans/1/report.json", false),
            ("arn:aws:s3:::b/scans/*", true),
            ("arn:aws:s3:::b/*", true),
            ("arn:aws:s3:::*", true),
            ("*", true),
        ] {
            let (calls, deployed) = world(resource);
            assert_eq!(!wide(&calls, &deployed, "demo").is_empty(), is_wide, "{resource}");
        }
    }

    #[test]
    fn every_widening_is_noticed_unless_it_is_on_the_list() {
        let (calls, deployed) = world("arn:aws:s3:::b/scans/*/report.json");
        assert_eq!(unnoticed_widenings(&calls, &deployed, "demo", |_| false), Vec::<String>::new());
        let careless = unnoticed_widenings(&calls, &deployed, "demo", |grant| grant.resource.ends_with("/*"));
        assert_eq!(careless.len(), 3, "{careless:?}");
    }

    #[test]
    fn parents_begin_at_the_end() {
        assert_eq!(parents("arn:aws:s3:::b/a/*"), ["arn:aws:s3:::*", "arn:aws:s3:::b/*", "*"]);
        let function = parents("arn:aws:lambda:x:0:function:f");
        assert_eq!(function, ["arn:aws:lambda:x:0:*", "arn:aws:lambda:x:0:function:*", "*"]);
        assert_eq!(parents("*"), Vec::<String>::new());
    }
}
