//! The roles: who may take them, and what they may do, statement by statement.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::Client;
use serde_json::Value;

use super::{BY_HAND, GONE, Patient, compare};
use crate::check::{Check, chain};

/// Looks at a role of the stack.
pub(super) async fn check(patient: &Patient<'_>, name: &str, id: &str) -> anyhow::Result<Check> {
    let what = format!("role {name}");
    let wanted = patient.template.properties(name)?;
    let policies = policies(patient, &wanted, id)?;
    Ok(match wrong(&Client::new(&patient.account.aws), id, &wanted, policies).await {
        Ok(wrong) => Check::that(&what, wrong, BY_HAND),
        Err(Unseen::Role(why)) => Check::fails(what, why, GONE),
        Err(Unseen::Policies(why)) => Check::fails(
            what,
            why,
            "allow iam:ListRolePolicies, iam:GetRolePolicy and iam:ListAttachedRolePolicies to your identity",
        ),
    })
}

/// What could not be looked at, and why.
enum Unseen {
    Role(String),
    Policies(String),
}

/// The template's policies of the role: its own, and those that are added to it.
fn policies(patient: &Patient<'_>, role: &Value, id: &str) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut found: Vec<Value> = role["Policies"].as_array().cloned().unwrap_or_default();
    for name in patient.template.of_type("AWS::IAM::Policy")? {
        let policy = patient.template.properties(&name)?;
        if policy["Roles"].as_array().is_some_and(|roles| roles.iter().any(|role| role == id)) {
            found.push(policy);
        }
    }
    let named = |mut policy: Value| {
        let name = policy["PolicyName"].as_str().unwrap_or_default().to_owned();
        (name, policy["PolicyDocument"].take())
    };
    Ok(found.into_iter().map(named).collect())
}

async fn wrong(
    client: &Client,
    id: &str,
    wanted: &Value,
    mut policies: BTreeMap<String, Value>,
) -> Result<Vec<String>, Unseen> {
    let role = client.get_role().role_name(id).send().await.map_err(|error| Unseen::Role(chain(&error)))?;
    let trust = role.role().and_then(|role| role.assume_role_policy_document()).map(decoded).unwrap_or_default();
    let mut wrong: Vec<String> = compare::policy(&wanted["AssumeRolePolicyDocument"], &trust)
        .into_iter()
        .map(|difference| format!("who may take it: {difference}"))
        .collect();

    // It forbids whatever it does not list, whatever the policies say.
    let boundary = role.role().and_then(|role| role.permissions_boundary()?.permissions_boundary_arn());
    if let Some(boundary) = boundary.filter(|_| wanted["PermissionsBoundary"].is_null()) {
        wrong.push(format!("it has a permissions boundary, and the template has none: {boundary}"));
    }

    let unseen = |error: &(dyn std::error::Error + 'static)| Unseen::Policies(chain(error));
    let mut pages = client.list_role_policies().role_name(id).into_paginator().items().send();
    while let Some(name) = pages.next().await {
        let name = name.map_err(|error| unseen(&error))?;
        let Some(wanted) = policies.remove(&name) else {
            wrong.push(format!("it has a policy that is not ours: {name}"));
            continue;
        };
        let answer = client.get_role_policy().role_name(id).policy_name(&name).send().await;
        let found = answer.map_err(|error| unseen(&error))?;
        let differences = compare::policy(&wanted, &decoded(found.policy_document()));
        wrong.extend(differences.into_iter().map(|difference| format!("{name}: {difference}")));
    }
    wrong.extend(policies.into_keys().map(|name| format!("its policy {name} is gone: what it allows is denied")));

    let mut attached = BTreeSet::new();
    let mut pages = client.list_attached_role_policies().role_name(id).into_paginator().items().send();
    while let Some(policy) = pages.next().await {
        attached.extend(policy.map_err(|error| unseen(&error))?.policy_arn);
    }
    let managed = wanted["ManagedPolicyArns"].as_array().cloned().unwrap_or_default();
    let managed: BTreeSet<String> = managed.iter().filter_map(|arn| arn.as_str().map(str::to_owned)).collect();
    wrong.extend(attached.difference(&managed).map(|arn| format!("it has a policy that is not ours: {arn}")));
    wrong.extend(managed.difference(&attached).map(|arn| format!("its policy {arn} is gone")));
    Ok(wrong)
}

/// IAM gives documents as parts of addresses (RFC 3986):
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html>.
fn decoded(document: &str) -> String {
    percent_encoding::percent_decode_str(document).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::convert::identity;

    use serde_json::json;

    use super::*;
    use crate::scripted::account;

    fn document(action: &str) -> Value {
        json!({"Statement": [{"Sid": "S", "Effect": "Allow", "Action": action, "Resource": "*"}]})
    }

    fn encoded(document: &Value) -> String {
        percent_encoding::utf8_percent_encode(&document.to_string(), percent_encoding::NON_ALPHANUMERIC).to_string()
    }

    /// What is said of a role with these own and attached policies; the template has `own`, which allows to read.
    async fn said(own: &'static [(&str, &str)], attached: &'static [&str]) -> Vec<String> {
        let (account, _) = account(move |what, body| {
            let list = |entries: Vec<String>| match entries.join("</member><member>").as_str() {
                "" => String::new(),
                entries => format!("<member>{entries}</member>"),
            };
            let result = match what {
                "GetRole" => format!(
                    "<Role><Path>/</Path><RoleName>r</RoleName><RoleId>1</RoleId><Arn>arn:r</Arn><CreateDate>2026-01-01T00:00:00Z\
                     </CreateDate><AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument></Role>",
                    encoded(&document("sts:AssumeRole"))
                ),
                "ListRolePolicies" => format!(
                    "<PolicyNames>{}</PolicyNames><IsTruncated>false</IsTruncated>",
                    list(own.iter().map(|(name, _)| (*name).to_owned()).collect())
                ),
                "GetRolePolicy" => {
                    let (name, action) =
                        own.iter().find(|(name, _)| body.contains(&format!("PolicyName={name}"))).unwrap();
                    let document = encoded(&document(action));
                    format!(
                        "<RoleName>r</RoleName><PolicyName>{name}</PolicyName><PolicyDocument>{document}</PolicyDocument>"
                    )
                }
                "ListAttachedRolePolicies" => {
                    let one = |arn: &&str| format!("<PolicyName>p</PolicyName><PolicyArn>{arn}</PolicyArn>");
                    let all = list(attached.iter().map(one).collect());
                    format!("<AttachedPolicies>{all}</AttachedPolicies><IsTruncated>false</IsTruncated>")
                }
                other => panic!("{other}"),
            };
            crate::scripted::xml(what, &result)
        });
        let wanted = json!({"AssumeRolePolicyDocument": document("sts:AssumeRole")});
        let policies = BTreeMap::from([("own".to_owned(), document("s3:GetObject"))]);
        let found = wrong(&Client::new(&account.aws), "r", &wanted, policies).await;
        found
            .map_err(|unseen| match unseen {
                Unseen::Role(why) | Unseen::Policies(why) => why,
            })
            .map_or_else(|why| vec![why], identity)
    }

    #[tokio::test]
    async fn what_a_role_may_do_too_much_or_too_little_is_found() {
        assert_eq!(said(&[("own", "s3:GetObject")], &[]).await, Vec::<String>::new());
        assert_eq!(said(&[], &[]).await, ["its policy own is gone: what it allows is denied"]);
        let wider = said(&[("own", "s3:*")], &[]).await;
        assert_eq!(wider, ["own: the statement S of its policy was changed (Action)"]);
        let more = said(&[("own", "s3:GetObject"), ("more", "s3:*")], &["arn:aws:iam::aws:policy/Admin"]).await;
        let words = [
            "it has a policy that is not ours: more",
            "it has a policy that is not ours: arn:aws:iam::aws:policy/Admin",
        ];
        assert_eq!(more, words);
    }
}
