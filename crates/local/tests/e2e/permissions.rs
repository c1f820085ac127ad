//! What the roles may do, against what they did in all the stories: nothing is missing, and nothing is left over.

mod exceptions;

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use local::{
    permissions::{
        self, Call, Deployed, Role,
        evaluate::{Refusal, evaluate},
        judgement::{Grant, refused, unused},
        mutation::{idle_conditions, redundant, unnoticed_additions},
        width::{unnoticed_widenings, wide},
    },
    world::World,
};

use self::exceptions::{DENIED, UNUSED, WIDE};

/// Judges the calls so far. Whether a grant is left over can be said only after every story (`complete`).
pub(crate) async fn check(world: &World, complete: bool) -> anyhow::Result<usize> {
    let deployed = permissions::deployed(&world.cloud_url).await?;
    let calls = permissions::calls(&world.cloud_url).await?;
    keep(world).await?;

    let (denied, calls): (Vec<_>, Vec<_>) =
        calls.into_iter().partition(|call| DENIED.iter().any(|denial| denial.covers(call, &deployed)));
    let refused = refused(&calls, &deployed);
    ensure!(refused.is_empty(), "AWS would have refused:\n{}", lines(&refused.iter().map(shown).collect::<Vec<_>>()));
    if complete {
        let mut problems = leftovers(&calls, &deployed);
        problems.extend(unguarded(&calls, &deployed));
        problems.extend(open_to_outsiders(world, &deployed)?);
        problems.extend(deletable_by_the_remediator(&deployed)?);
        let past = DENIED.iter().filter(|denial| !denied.iter().any(|call| denial.covers(call, &deployed)));
        problems.extend(past.map(|denial| format!("not refused any more, take it off the list: {denial:?}")));
        ensure!(problems.is_empty(), "the policies do not fit what was done:\n{}", lines(&problems));
    }
    Ok(calls.len())
}

/// Unused and doubled grants, idle conditions, exceptions that are none any more, additions that would go unseen.
fn leftovers(calls: &[Call], deployed: &Deployed) -> Vec<String> {
    // Every deployment is of the same templates: what one of them needs is needed.
    let stacks = "";
    // These could go without a story noticing: another grant of the role allows the same.
    let double = redundant(calls, deployed, stacks);
    let mut problems: Vec<String> = double.iter().map(|grant| format!("double: {grant:?}")).collect();
    for (kind, found, exceptions) in [
        ("never used", unused(calls, deployed, stacks), UNUSED),
        ("wider than what was done", wide(calls, deployed, stacks), WIDE),
    ] {
        for grant in &found {
            if !exceptions.iter().any(|exception| exception.covers(grant)) {
                problems.push(format!("{kind}: {grant:?}"));
            }
        }
        for exception in exceptions {
            for action in exception.actions {
                if !found.iter().any(|grant| exception.covers_action(grant, action)) {
                    let (of, why) = (exception.of, exception.why);
                    problems.push(format!("not {kind} any more, take it off the list: {of:?} {action} ({why})"));
                }
            }
        }
    }
    problems
        .extend(idle_conditions(calls, deployed, stacks).into_iter().map(|idle| format!("asks for nothing: {idle}")));
    let unseen = unnoticed_additions(calls, deployed, stacks);
    problems.extend(unseen.into_iter().map(|owner| format!("one more grant would go unseen: {owner}")));
    let known = |grant: &Grant| WIDE.iter().any(|exception| exception.covers(grant));
    let unseen = unnoticed_widenings(calls, deployed, stacks, known);
    problems.extend(unseen.into_iter().map(|grant| format!("a wider grant would go unseen: {grant}")));
    problems
}

/// The same calls made badly: in the clear, and over records that are written once.
fn unguarded(calls: &[Call], deployed: &Deployed) -> Vec<String> {
    let mut problems = BTreeSet::new();
    let (mut in_the_clear, mut overwriting) = (0, 0);
    for call in calls.iter().filter(|call| !call.role.is_empty()) {
        if ["s3:", "sqs:"].iter().any(|service| call.action.starts_with(service)) && of_ours(call, deployed) {
            let mut clear = call.clone();
            clear.context.insert("aws:SecureTransport".to_owned(), "false".to_owned());
            in_the_clear += 1;
            if !matches!(evaluate(&clear, deployed), Err(Refusal::Denied(_))) {
                problems.insert(format!("is allowed in the clear: {}", shown(&(&clear, Refusal::NotAllowed))));
            }
        }
        if call.action == "s3:PutObject" && call.context.contains_key("s3:if-none-match") {
            let mut over = call.clone();
            over.context.remove("s3:if-none-match");
            let decides =
                ["/report.json", "/decision.json", "/claim.json"].iter().any(|end| call.resource.ends_with(end));
            overwriting += usize::from(decides);
            if decides && evaluate(&over, deployed).is_ok() {
                problems.insert(format!("may be overwritten: {}", call.resource));
            }
            // A claim may be taken over, by who has read it.
            over.context.insert("s3:if-match".to_owned(), "\"etag\"".to_owned());
            if call.resource.ends_with("/claim.json") && evaluate(&over, deployed).is_err() {
                problems.insert(format!("may not be taken over: {}", call.resource));
            }
        }
    }
    if in_the_clear == 0 || overwriting == 0 {
        problems.insert("no call was there to try it with".to_owned());
    }
    problems.into_iter().collect()
}

/// What a role of the account with every permission on every bucket may do to what must not be touched.
fn open_to_outsiders(world: &World, deployed: &Deployed) -> anyhow::Result<Vec<String>> {
    let outsider = Role::outsider()?;
    let mut deployed = deployed.clone();
    deployed.roles.push(outsider.clone());
    let (evidence, quarantine) =
        (world.deployment.output("EvidenceBucket")?, world.deployment.output("QuarantineBucket")?);
    let (write, delete) = (["s3:PutObject", "s3:PutObjectTagging"], ["s3:DeleteObject", "s3:DeleteObjectVersion"]);
    let read = ["s3:GetObject", "s3:GetObjectVersion"];
    // A restoration compares tags, so nobody else may change them.
    let tags = ["s3:PutObjectVersionTagging", "s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"];
    let mut open = Vec::new();
    for (bucket, key, actions) in [
        (evidence, "scans/1/decision.json", [write, delete].concat()),
        (evidence, "scans/1/report.json", [write, delete].concat()),
        (evidence, "uploads/1.json", [write, delete].concat()),
        (evidence, "scans/1/task.json", [write, delete, read].concat()),
        (quarantine, "objects/1/bucket/key", [&write[..], &delete, &read, &tags].concat()),
        (quarantine, "cases/1/claim.json", [write, delete, read].concat()),
        (quarantine, "cases/1/manifest.json", [write, delete, read].concat()),
    ] {
        for action in actions {
            // As carefully as it can be asked for.
            let mut call = Call::by_role(&outsider.arn, action, format!("arn:aws:s3:::{bucket}/{key}"));
            call.context.insert("s3:if-none-match".to_owned(), "*".to_owned());
            if !matches!(evaluate(&call, &deployed), Err(Refusal::Denied(_))) {
                open.push(format!("open to everybody with s3:* in the account: {action} on {bucket}/{key}"));
            }
        }
    }
    Ok(open)
}

/// What the remediator's own policy must refuse it in the quarantine, though it may delete wherever it takes objects from:
/// to hide an object behind a marker, and to touch a record.
fn deletable_by_the_remediator(deployed: &Deployed) -> anyhow::Result<Vec<String>> {
    let mut deletable = Vec::new();
    let mut tried = 0;
    for role in deployed.roles.iter().filter(|role| role.name == "FindingRemediatorRole") {
        let own = deployed.resources.iter().filter(|(_, resource)| resource.stack == role.stack);
        for (bucket, _) in own.filter(|(_, resource)| resource.name == "QuarantineBucket") {
            for (action, key, sid) in [
                ("s3:DeleteObject", "objects/1/bucket/key", "NeverDeleteRecordsOrHideObjects"),
                ("s3:DeleteObject", "cases/1/manifest.json", "NeverDeleteRecordsOrHideObjects"),
                ("s3:DeleteObjectVersion", "cases/1/manifest.json", "NeverDeleteVersionsOfRecords"),
            ] {
                let call = Call::by_role(&role.arn, action, format!("{bucket}/{key}"));
                tried += 1;
                if evaluate(&call, deployed) != Err(Refusal::Denied(sid.to_owned())) {
                    deletable.push(format!("is not refused to the remediator by {sid}: {action} on {}", call.resource));
                }
            }
        }
    }
    ensure!(tried > 0, "there is no remediator with a quarantine to try it with");
    Ok(deletable)
}

fn of_ours(call: &Call, deployed: &Deployed) -> bool {
    deployed.resources.contains_key(owner(call))
}

/// The ARN of what is called: of an object, its bucket's.
fn owner(call: &Call) -> &str {
    match call.resource.split_once('/') {
        Some((bucket, _)) if bucket.starts_with("arn:aws:s3:::") => bucket,
        _ => &call.resource,
    }
}

fn shown((call, refusal): &(&Call, Refusal)) -> String {
    let who = if call.role.is_empty() { &call.by } else { &call.role };
    format!("{who}: {} on {} with {:?}: {refusal:?}", call.action, call.resource, call.context)
}

fn lines(problems: &[String]) -> String {
    problems.join("\n")
}

/// Keeps what was compared, to look at: `target/e2e`.
async fn keep(world: &World) -> anyhow::Result<()> {
    let folder = local::checkout().join("target/e2e");
    std::fs::create_dir_all(&folder).context("make target/e2e")?;
    for name in ["permissions", "calls"] {
        let text = local::cloud::http()?.get(format!("{}/_local/{name}", world.cloud_url)).send().await?.text().await?;
        std::fs::write(folder.join(format!("{name}.json")), text).context("keep the permissions and calls")?;
    }
    Ok(())
}
