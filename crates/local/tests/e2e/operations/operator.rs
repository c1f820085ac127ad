//! The policy that the README gives to whoever deploys, held against what the scripts really asked of AWS.

use anyhow::{Context as _, ensure};
use local::{
    checkout,
    cloud::REGION,
    deployment::OPERATOR,
    permissions::{
        self, Call, Deployed, Role,
        judgement::{refused, unused},
    },
    world::World,
};

/// How the statements begin that say what CloudFormation may do for the operator. It is not asked of the local cloud, which
/// makes resources without asking.
const BY_CLOUDFORMATION: &str = "LetCloudFormation";

/// What only a removal that fails half-way needs: the bucket's policy comes back.
const FOR_FAILURES: [&str; 1] = ["s3:PutBucketPolicy"];

/// What only a deployment that scans needs.
const FOR_SCANS: [&str; 1] = ["states:StopExecution"];

/// Every call is allowed, and nothing is that was not needed. `deployed` is from before the removal: a key's policy has a
/// say, and those of the buckets are taken away by the scripts before they delete.
pub(super) async fn check(world: &World, deployed: &Deployed, scans: bool) -> anyhow::Result<()> {
    let calls = permissions::calls(&world.cloud_url).await?;
    let calls: Vec<Call> = calls.into_iter().filter(asked_for).map(of_ours).collect();
    ensure!(calls.len() > 50, "the scripts made {} calls", calls.len());
    let text = std::fs::read_to_string(checkout().join("docs/operator-policy.json")).context("read the policy")?;
    let text = text.replace("REGION", REGION).replace("ACCOUNT", "000000000000");
    // The deployments of the test are `demo` and `twin`.
    let mut policy: serde_json::Value =
        serde_json::from_str(&text.replace("security-chatops-", "????-")).context("understand the policy")?;
    if let Some(statements) = policy["Statement"].as_array_mut() {
        let by_cloudformation = |sid: &str| sid.starts_with(BY_CLOUDFORMATION);
        statements.retain(|statement| !statement["Sid"].as_str().is_some_and(by_cloudformation));
    }
    let role = Role::of_the_account(OPERATOR, "operator", policy)?;
    let mut operator = Deployed { roles: vec![role], resources: deployed.resources.clone() };
    operator.resources.retain(|arn, _| arn.contains(":kms:"));

    let refused = refused(&calls, &operator);
    let refused: Vec<String> = refused
        .iter()
        .map(|(call, why)| format!("{} on {} {:?}: {why:?}", call.action, call.resource, call.context))
        .collect();
    ensure!(refused.is_empty(), "docs/operator-policy.json does not allow:\n{}", refused.join("\n"));
    let unused = unused(&calls, &operator, "");
    let mut actions: Vec<&str> = unused
        .iter()
        .filter(|grant| grant.owner == "operator")
        .map(|grant| grant.action.as_str())
        // A line of several services' resources: each action is of one of them.
        .filter(|action| !calls.iter().any(|call| call.action == **action))
        .filter(|action| (scans || !FOR_SCANS.contains(action)) && !FOR_FAILURES.contains(action))
        .collect();
    actions.dedup();
    ensure!(actions.is_empty(), "docs/operator-policy.json allows what nobody needs: {actions:?}");
    Ok(())
}

/// Who one is may be asked without any permission:
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>.
fn asked_for(call: &Call) -> bool {
    call.role == OPERATOR && call.action != "sts:GetCallerIdentity"
}

/// As AWS sees it. The templates tag the key and the secrets, which the local cloud does not say; and a change set is asked
/// for by its own id, from which the local cloud does not tell the stack.
fn of_ours(mut call: Call) -> Call {
    call.context.insert("aws:ResourceTag/Project".to_owned(), "security-chatops".to_owned());
    if call.action.ends_with("ChangeSet") && call.resource == "*" {
        call.resource = format!("arn:aws:cloudformation:{REGION}:000000000000:stack/demo-app-security/1");
    }
    call
}
