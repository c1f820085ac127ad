//! The stories: each plays one walkthrough from the first event to the last message, and checks every claim it tells.
//!
//! `scripts/demo` tells them; the end-to-end tests play the same ones in silence.

mod automatic_remediation_paused;
mod bucket_finding;
mod bucket_finding_refused;
mod build_log;
mod click_refused;
pub mod finding;
mod finding_burst;
mod finding_dismissed;
mod finding_needs_two_people;
mod finding_not_remediated;
mod finding_not_restored;
mod finding_out_of_reach;
mod finding_remediated_after_review;
mod finding_remediated_automatically;
mod finding_remediation_failed;
mod finding_restored;
mod finding_restored_with_keys;
mod macie_remediation;
mod obstacles;
mod other_versions;
mod own_deployment;
mod quarantine_locked;
mod scan;
mod scan_approved;
mod scan_broken_zip;
mod scan_decision_forged;
mod scan_decision_race;
mod scan_expired;
mod scan_hostile_zips;
mod scan_mail_refused;
mod scan_other_settings;
mod scan_passed;
mod scan_pipeline_failures;
mod scan_recovered;
mod scan_rejected;
mod scan_two_versions;

use std::{
    pin::Pin,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use crate::{narrator::Narrator, world::World};

/// A story that is being told.
pub type Played<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + 'a>>;

/// One story.
pub struct Story {
    pub name: &'static str,
    /// One sentence.
    pub sentence: &'static str,
    /// Scans code, so it needs a SonarQube server. `scripts/demo` knows it by its name, with `scan` in it.
    pub needs_sonarqube: bool,
    /// Told when no name is given.
    pub default: bool,
    /// Made of other stories: played on request, not once more by the tests.
    pub composed: bool,
    pub play: for<'a> fn(&'a World, &'a Narrator) -> Played<'a>,
}

/// All of them, the two that the demo tells by itself first.
pub const ALL: &[Story] = &[
    Story {
        name: "code-scan",
        sentence: "A vulnerable zip fails the gate and is approved in Slack; a clean one disturbs nobody.",
        needs_sonarqube: true,
        default: true,
        composed: true,
        play: |world, narrator| {
            Box::pin(async move {
                scan_approved::play(world, narrator).await?;
                scan_passed::play(world, narrator).await
            })
        },
    },
    Story {
        name: "macie-remediation",
        sentence: "A discovery job finds two files: one is quarantined at once, one after a click on Remediate.",
        needs_sonarqube: false,
        default: true,
        composed: false,
        play: |world, narrator| Box::pin(macie_remediation::play(world, narrator)),
    },
    Story {
        name: "scan-approved",
        sentence: "A failed quality gate is shown in Slack, approved there, and the developers get a mail.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_approved::play(world, narrator)),
    },
    Story {
        name: "scan-passed",
        sentence: "A passed quality gate ends the execution, and nobody is disturbed.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_passed::play(world, narrator)),
    },
    Story {
        name: "scan-rejected",
        sentence: "A failed quality gate is rejected in Slack: the version stays unapproved, and the developers get a mail.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_rejected::play(world, narrator)),
    },
    Story {
        name: "scan-expired",
        sentence: "Nobody decides on a failed quality gate in time: it counts as not approved, and the channel is told.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_expired::play(world, narrator)),
    },
    Story {
        name: "scan-recovered",
        sentence: "A vulnerable project is fixed and uploaded again: the channel hears that it has recovered.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_recovered::play(world, narrator)),
    },
    Story {
        name: "scan-two-versions",
        sentence: "Two versions of one key, uploaded together, are two scans with two verdicts; other files are none.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_two_versions::play(world, narrator)),
    },
    Story {
        name: "scan-decision-race",
        sentence: "Fifty presses of Approve and Reject at once: one decision, one mail, and an answer to each press.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_decision_race::play(world, narrator)),
    },
    Story {
        name: "scan-decision-forged",
        sentence: "Somebody ends the wait without a decision: nothing is approved, and the version is scanned and asked about anew.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_decision_forged::play(world, narrator)),
    },
    Story {
        name: "scan-mail-refused",
        sentence: "SES refuses the mail: the decision stands, the thread says why, and the mail goes out by itself later.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_mail_refused::play(world, narrator)),
    },
    Story {
        name: "scan-hostile-zips",
        sentence: "Zips that attack the scan are judged by their code, or refused; nothing in them runs or learns the token.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_hostile_zips::play(world, narrator)),
    },
    Story {
        name: "scan-other-settings",
        sentence: "A second deployment scans only its own zips, folder and settings file, and tells of what has passed.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_other_settings::play(world, narrator)),
    },
    Story {
        name: "scan-broken-zip",
        sentence: "A file that is no zip ends in a notification that the pipeline failed, without buttons.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_broken_zip::play(world, narrator)),
    },
    Story {
        name: "scan-server-unreachable",
        sentence: "The build cannot reach the SonarQube server: the channel is told, and nothing passes.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_pipeline_failures::server_unreachable(world, narrator)),
    },
    Story {
        name: "scan-token-wrong",
        sentence: "The SonarQube server does not know the scanner's token: the channel is told which one to mend.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_pipeline_failures::token_wrong(world, narrator)),
    },
    Story {
        name: "scan-tokens-swapped",
        sentence: "The two SonarQube tokens were mixed up: the scanner may not create the project, and the channel is told.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_pipeline_failures::tokens_swapped(world, narrator)),
    },
    Story {
        name: "scan-verdict-unknown",
        sentence: "The gate passed, but nobody may read the verdict: it is not waved through.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_pipeline_failures::verdict_unknown(world, narrator)),
    },
    Story {
        name: "scan-not-started",
        sentence: "CodeBuild cannot start the scan: the channel is told.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_pipeline_failures::not_started(world, narrator)),
    },
    Story {
        name: "scan-version-gone",
        sentence: "The uploaded version is deleted before it is scanned: the channel is told, and nothing else is scanned.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_pipeline_failures::version_gone(world, narrator)),
    },
    Story {
        name: "scan-stopped",
        sentence: "Somebody stops the build: the channel is told, and the version is not approved.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_pipeline_failures::stopped(world, narrator)),
    },
    Story {
        name: "scan-timed-out",
        sentence: "A build takes too long: the channel is told, and the version is not approved.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_pipeline_failures::timed_out(world, narrator)),
    },
    Story {
        name: "scan-install-failed",
        sentence: "The scanner cannot be installed: the channel is told that it is not the code's fault.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_pipeline_failures::install_failed(world, narrator)),
    },
    Story {
        name: "scan-scanner-secret-gone",
        sentence: "The secret with the scanner's token is deleted: the build cannot begin, and the channel is told why.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_pipeline_failures::scanner_secret_gone(world, narrator)),
    },
    Story {
        name: "scan-artifacts-refused",
        sentence: "The gate is passed, but the build cannot leave its evidence: it is not waved through.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_pipeline_failures::artifacts_refused(world, narrator)),
    },
    Story {
        name: "scan-reader-secret-broken",
        sentence: "The function that asks for the verdict has no token: that is recorded and told, and mended, scanned again.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_pipeline_failures::reader_secret_broken(world, narrator)),
    },
    Story {
        name: "scan-function-gone",
        sentence: "Nobody can even record the failure of a scan: the state machine itself tells the channel.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_pipeline_failures::function_gone(world, narrator)),
    },
    Story {
        name: "scan-aborted",
        sentence: "An execution is aborted during its scan, another one while it waits: the channel is told, and the next one may have the version.",
        needs_sonarqube: true,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(scan_pipeline_failures::aborted(world, narrator)),
    },
    Story {
        name: "finding-remediated-automatically",
        sentence: "A finding of a type that is set to AUTO: the object is quarantined and the channel is told.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(finding_remediated_automatically::play(world, narrator)),
    },
    Story {
        name: "finding-remediated-after-review",
        sentence: "A finding of a type that is set to REVIEW: the object is quarantined when somebody who may says so.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(finding_remediated_after_review::play(world, narrator)),
    },
    Story {
        name: "finding-not-remediated",
        sentence: "Ten obstacles, from a legal hold to a key of others: each is told in its own way, and no object is lost.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(finding_not_remediated::play(world, narrator)),
    },
    Story {
        name: "finding-not-restored",
        sentence: "An object cannot be put back: a policy refuses it, its bucket is gone, its copy is gone.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(finding_not_restored::play(world, narrator)),
    },
    Story {
        name: "finding-restored",
        sentence: "A quarantined object is put back exactly as it was, unless something newer is in its place.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(finding_restored::play(world, narrator)),
    },
    Story {
        name: "other-versions",
        sentence: "The other versions of a quarantined object are listed, and moved when somebody says so.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(other_versions::play(world, narrator)),
    },
    Story {
        name: "finding-dismissed",
        sentence: "A finding about made-up data is dismissed with a reason, and not shown again.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(finding_dismissed::play(world, narrator)),
    },
    Story {
        name: "finding-needs-two-people",
        sentence: "A finding of severity HIGH: the object moves once two different people agreed.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(finding_needs_two_people::play(world, narrator)),
    },
    Story {
        name: "bucket-finding",
        sentence: "A bucket's Block Public Access was turned off: two people turn it on again in Slack; another's encryption is on already, and a third bucket is gone.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(bucket_finding::play(world, narrator)),
    },
    Story {
        name: "bucket-finding-refused",
        sentence: "The policies of two buckets refuse what the buttons need: each refusal says what to allow, and once that is allowed, the button does it.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(bucket_finding_refused::play(world, narrator)),
    },
    Story {
        name: "click-refused",
        sentence: "Clicks by others, from elsewhere, on forged or expired buttons: none has an effect.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(click_refused::play(world, narrator)),
    },
    Story {
        name: "finding-restored-with-keys",
        sentence: "A file encrypted with its bucket's KMS key goes into a quarantine that has another one, and comes back.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(finding_restored_with_keys::play(world, narrator)),
    },
    Story {
        name: "finding-remediation-failed",
        sentence: "Every try of a remediation fails: it comes back by the queue, the channel is told, and mended, the button goes on.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(finding_remediation_failed::play(world, narrator)),
    },
    Story {
        name: "finding-out-of-reach",
        sentence: "SourceBucketPattern is narrowed after a question was posted: its button moves nothing and says why, until that is taken back.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(finding_out_of_reach::play(world, narrator)),
    },
    Story {
        name: "quarantine-locked",
        sentence: "A quarantine that nobody can delete from and one role may read: what is put back stays in it as well.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(quarantine_locked::play(world, narrator)),
    },
    Story {
        name: "automatic-remediation-paused",
        sentence: "More than may be quarantined automatically within an hour: people decide, until the limit is raised.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(automatic_remediation_paused::play(world, narrator)),
    },
    Story {
        name: "finding-burst",
        sentence: "150 findings at once: a few are remediated, a few shown, the rest opened from a digest; none is lost.",
        needs_sonarqube: false,
        default: false,
        composed: false,
        play: |world, narrator| Box::pin(finding_burst::play(world, narrator)),
    },
];

/// How long each part took.
pub type Times = Vec<(&'static str, Duration)>;

/// Tells stories, one after the other, and notes how long each took.
///
/// # Errors
/// A step of a story did not happen, which ends all of them; or Slack or Amazon Q would have refused what they were sent.
pub async fn tell(chosen: &[&Story], world: &World, narrator: &Narrator, times: &mut Times) -> anyhow::Result<()> {
    for story in chosen {
        let start = Instant::now();
        narrator.title(story.name, story.sentence);
        (story.play)(world, narrator).await.with_context(|| format!("in the story {}", story.name))?;
        times.push((story.name, start.elapsed()));
    }
    let refused = world.slack.problems();
    ensure!(refused.is_empty(), "Slack or Amazon Q would have refused or dropped: {refused:#?}");
    Ok(())
}

/// The story of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Story> {
    ALL.iter().find(|story| story.name == name)
}
