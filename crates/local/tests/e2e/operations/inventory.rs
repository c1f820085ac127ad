//! What there is in the cloud, and whose it is.

use std::collections::BTreeSet;

use anyhow::ensure;
use local::world::{self, World};

use super::NAME;

/// What is in the cloud now and was not before the deployment, but for what the stories made and the account needs.
pub(super) async fn left(world: &World) -> anyhow::Result<BTreeSet<String>> {
    let now = world::inventory(&world.cloud_url).await?;
    let left = now.difference(&world.things_before).filter(|thing| !is_others(thing));
    Ok(left.cloned().collect())
}

/// The account's own bus, Macie's session, what SES knows and the mails that were sent, which no stack makes, and the buckets
/// of the stories, which are named otherwise than a stack's.
fn is_others(thing: &str) -> bool {
    let (store, id) = thing.split_once(' ').unwrap_or((thing, ""));
    let bucket = store.starts_with("s3._bucket") && !is_of_the_deployment(id);
    // The rule and the queue by which the stories hear what is announced.
    let listener = id.contains("code-scan-decided");
    bucket
        || listener
        || store.starts_with("ses.")
        || store.starts_with("ses_v2.")
        || ["eventbridge._event_buses default", "macie2.session"].contains(&thing)
}

/// The kinds of things that a deployment has, one of each service that the templates touch: an inventory that lacked one
/// would find nothing left of it.
const KINDS: [&str; 20] = [
    "apigateway._apis",
    "apigateway._routes",
    "chatbot.actions",
    "chatbot.channels",
    "cloudwatch._alarms",
    "cloudwatch._dashboards",
    "cloudwatch_logs._log_groups",
    "codebuild._projects",
    "eventbridge._rules",
    "iam._policies",
    "iam._roles",
    "kms._keys",
    "lambda_svc._esms",
    "lambda_svc._functions",
    "macie2.filters",
    "s3._bucket_policies",
    "secretsmanager._secrets",
    "sns._topics",
    "sqs._queues",
    "stepfunctions._state_machines",
];

pub(super) async fn the_inventory_has_every_kind(world: &World) -> anyhow::Result<()> {
    let things = left(world).await?;
    let lacks =
        |kind: &&&str| !things.iter().any(|thing| thing.split_once(' ').is_some_and(|(store, _)| store == **kind));
    let lacking: Vec<&&str> = KINDS.iter().filter(lacks).collect();
    ensure!(lacking.is_empty(), "the inventory does not see {lacking:?}: {things:#?}");
    Ok(())
}

/// Buckets that are kept, with their settings, and the key that is needed to read them.
pub(super) fn is_data(thing: &str, data: &BTreeSet<String>) -> bool {
    let (store, id) = thing.split_once(' ').unwrap_or((thing, ""));
    (store.starts_with("s3._bucket") && data.contains(id)) || store == "kms._keys"
}

pub(super) fn is_of_the_deployment(bucket: &str) -> bool {
    let stacks = ["pre-requisite", "app-security", "macie-remediation"].map(|stack| format!("{NAME}-{stack}-"));
    stacks.iter().any(|stack| bucket.starts_with(stack))
}
