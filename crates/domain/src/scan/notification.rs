//! What the channel reads: custom notifications of Amazon Q Developer in chat applications, schema 1.0.
//!
//! Amazon Q drops a malformed notification without a word (facts 1.1), so the shape is a type and every part is cut
//! to a limit. The buttons hang on `kind`: only a failed gate has them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    diagnosis::{GateFailure, PipelineFailure},
    links::Links,
    report::Report,
    sonarqube::{FailedCondition, Issue},
};
use crate::text::{code, cut, plain};

/// Slack shows at most this much in one section; Amazon Q documents no limit of its own.
const DESCRIPTION_LIMIT: usize = 3_000;
/// Slack shows more, but Amazon Q sets each step in a list of its own: longer ones are not worth reading.
#[cfg(test)]
const STEP_LIMIT: usize = 500;
/// Of a link in a step, whose words take the rest.
const ADDRESS_LIMIT: usize = 400;
/// Room for the line that says how much was left out.
const LEFT_OUT_RESERVE: usize = 60;
/// Subjects of SNS have fewer than 100 characters.
const SUBJECT_LIMIT: usize = 99;

/// One notification, as it is published to the topic.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Notification {
    version: &'static str,
    source: &'static str,
    id: String,
    content: Content,
    metadata: Metadata,
}

#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Content {
    text_type: &'static str,
    title: String,
    description: String,
    next_steps: Vec<String>,
    keywords: Vec<String>,
}

#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    thread_id: String,
    summary: String,
    event_type: &'static str,
    related_resources: Vec<String>,
    enable_custom_actions: bool,
    additional_context: BTreeMap<&'static str, String>,
}

/// What a notification is about. The templates' custom actions compare with these words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Has the buttons Approve and Reject.
    QualityGateFailed,
    /// Has no buttons: there is no verdict to accept.
    PipelineFailed,
    /// Nobody decided in time.
    Expired,
    /// The gate is passed; shown where the deployment wants it.
    Passed,
    /// The gate is passed again; shown where the deployment wants it.
    Recovered,
}

impl Kind {
    /// The word in `additionalContext.kind`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::QualityGateFailed => "quality-gate-failed",
            Self::PipelineFailed => "pipeline-failed",
            Self::Expired => "expired",
            Self::Passed => "passed",
            Self::Recovered => "recovered",
        }
    }
}

/// "Application has failed in code security scan", with all that an approver needs to decide.
#[must_use]
pub fn quality_gate_failed(report: &Report, failure: &GateFailure, links: &Links) -> Notification {
    let mut lines = upload_lines(report);
    lines.push("*Failing conditions*".to_owned());
    lines.extend(failure.conditions.iter().map(condition_line));
    if failure.conditions.is_empty() {
        lines.push("• the server named none".to_owned());
    }
    if !failure.counts.is_empty() {
        let counts: Vec<_> = failure.counts.iter().map(|count| format!("{} {}", count.count, count.severity)).collect();
        lines.push(format!("*Open issues*: {}", counts.join(", ")));
    }
    if let Some(hotspots) = failure.hotspots.as_ref().filter(|hotspots| hotspots.total > 0) {
        lines.push(format!(
            "*Security hotspots to review*: {}, {} of them with high priority",
            hotspots.total, hotspots.high
        ));
    }
    if !failure.worst.is_empty() {
        lines.push("*Worst issues*".to_owned());
        lines.extend(failure.worst.iter().map(issue_line));
    }
    let mut kept: Vec<_> = failure.gap().map(|gap| format!("*Issues*: {gap}")).into_iter().collect();
    kept.extend(unjudged_lines(report));
    let mut next_steps = vec![
        format!("Error: Quality gate status: FAILED - {}", link(&links.dashboard, "view the details in SonarQube")),
        match &links.triage_guide {
            Some(guide) => format!("Triage the vulnerabilities as {} says", link(guide, "the triage guide")),
            None => "Triage the vulnerabilities there".to_owned(),
        },
    ];
    next_steps.extend(build_steps(links));
    next_steps.push(
        "Press *Approve* to accept this version, but beware: it may bring poor code quality and security risks. \
         Press *Reject* to send it back. The first decision counts"
            .to_owned(),
    );
    notification(
        report,
        Kind::QualityGateFailed,
        ":x: Application has failed in code security scan",
        &fit(&lines, &kept),
        &next_steps,
    )
}

/// "Application scan pipeline has failed because of some other reason", with the reason.
#[must_use]
pub fn pipeline_failed(report: &Report, failure: &PipelineFailure, links: &Links) -> Notification {
    let mut lines = upload_lines(report);
    lines.push(format!("*What happened*: {}", failure.cause.headline()));
    if let Some(detail) = failure.cause.detail() {
        lines.push(format!("> {}", plain(&detail, 500)));
    }
    if !failure.log.is_empty() {
        lines.push("*End of the log*".to_owned());
        lines.extend(failure.log.iter().map(|line| code(line, 200)));
    }
    let mut next_steps = vec![failure.cause.remedy().to_owned()];
    next_steps.extend(build_steps(links));
    next_steps.push(format!("Follow {}", link(&links.execution, "the execution of the state machine")));
    let title = ":warning: Application scan pipeline has failed because of some other reason";
    notification(report, Kind::PipelineFailed, title, &fit(&lines, &[]), &next_steps)
}

/// Nobody decided in time.
#[must_use]
pub fn expired(report: &Report, links: &Links) -> Notification {
    let mut lines = upload_lines(report);
    lines.push("Nobody approved or rejected the failed quality gate in time. This version is not approved.".to_owned());
    let next_steps = vec![
        "Upload the zip again to have it scanned and decided anew".to_owned(),
        format!("Read {}", link(&links.dashboard, "the details in SonarQube")),
    ];
    let title = ":hourglass: Code scan has expired without a decision";
    notification(report, Kind::Expired, title, &fit(&lines, &[]), &next_steps)
}

/// The gate is passed, or passed again.
#[must_use]
pub fn passed(report: &Report, links: &Links) -> Notification {
    let (kind, title) = if report.recovered {
        (Kind::Recovered, ":tada: Application has recovered: the code security scan is passed again")
    } else {
        (Kind::Passed, ":white_check_mark: Application has passed the code security scan")
    };
    let details = link(&links.dashboard, "the details in SonarQube");
    let next_step = if report.unjudged.as_ref().is_some_and(|unjudged| !unjudged.is_notable()) {
        format!("Nothing to do. Read {details}")
    } else {
        format!("Make sure that what was not judged may be as it is. Read {details}")
    };
    let description = fit(&upload_lines(report), &unjudged_lines(report));
    notification(report, kind, title, &description, &[next_step])
}

impl Notification {
    /// The subject for SNS: fewer than 100 characters, no line breaks.
    #[must_use]
    pub fn subject(&self) -> String {
        cut(&self.metadata.summary, SUBJECT_LIMIT)
    }
}

fn notification(report: &Report, kind: Kind, title: &str, description: &str, next_steps: &[String]) -> Notification {
    let bare_title = title.split_once(": ").map_or(title, |(_, bare)| bare);
    Notification {
        version: "1.0",
        source: "custom",
        id: format!("{}-{}", report.scan_id, kind.word()),
        content: Content {
            text_type: "client-markdown",
            title: title.to_owned(),
            description: description.to_owned(),
            next_steps: next_steps.to_vec(),
            keywords: vec!["code-scan".to_owned(), kind.word().to_owned()],
        },
        metadata: Metadata {
            thread_id: report.scan_id.to_string(),
            // Also the subject of the SNS message, which takes plain ASCII only.
            summary: bare_title.to_owned(),
            event_type: kind.word(),
            related_resources: vec![report.execution_arn.clone()],
            enable_custom_actions: kind == Kind::QualityGateFailed,
            additional_context: BTreeMap::from([
                ("kind", kind.word().to_owned()),
                ("scanId", report.scan_id.to_string()),
            ]),
        },
    }
}

fn upload_lines(report: &Report) -> Vec<String> {
    let upload = &report.upload;
    let mut lines = vec![
        format!("*Project*: {}", code(&report.project_key, 200)),
        format!("*Upload*: {}", code(&format!("{}/{}", upload.bucket, upload.key), 400)),
        format!("*Version*: {}", code(&upload.version_id, 100)),
    ];
    if let Some(requester) = &report.requester {
        lines.push(format!("*Uploaded by*: {}", code(requester, 100)));
    }
    lines
}

/// What the verdict does not cover.
fn unjudged_lines(report: &Report) -> Vec<String> {
    match &report.unjudged {
        Some(unjudged) => unjudged.lines(),
        None => vec!["*Not judged*: the build did not tell what it left out".to_owned()],
    }
}

fn condition_line(condition: &FailedCondition) -> String {
    format!(
        "• {}: {}, required {}",
        code(&condition.metric, 60),
        plain(&condition.actual, 40),
        plain(&condition.required, 40)
    )
}

fn issue_line(issue: &Issue) -> String {
    let place = issue.line.map_or_else(|| issue.file.clone(), |line| format!("{}:{line}", issue.file));
    format!(
        "• {} {} {}: {}",
        plain(&issue.severity, 20),
        code(&place, 150),
        code(&issue.rule, 60),
        plain(&issue.message, 200)
    )
}

/// Two steps, because the addresses of both together can be longer than a step may be.
fn build_steps(links: &Links) -> impl Iterator<Item = String> {
    let build = links.build.as_ref().map(|build| format!("CodeBuild details: {}", link(build, "the build")));
    let log = links.log.as_ref().map(|log| format!("Read {}", link(log, "the build's log")));
    build.into_iter().chain(log)
}

/// A link whose address is ours and whose label is a constant; or the label with the name of what has no known address. An
/// address that would not fit into a step is left out: half
/// a link leads nowhere.
fn link(address: &str, label: &str) -> String {
    if !address.starts_with("http") {
        return format!("{label} {}", code(address, 300));
    }
    // An address may not end the link early; nothing of ours is encoded with these, so they can only be an attack.
    let address: String = address.chars().filter(|character| !matches!(character, '<' | '>' | '|' | ' ')).collect();
    let address = address.replace('&', "&amp;");
    if address.chars().count() > ADDRESS_LIMIT { label.to_owned() } else { format!("<{address}|{label}>") }
}

/// Joins whole lines up to the limit, says how many did not fit, and ends with those that are kept whatever happens: what
/// they say is missing must not be missing itself. Whoever uploads determines how long the others are.
fn fit(lines: &[String], kept: &[String]) -> String {
    let length = |line: &String| line.chars().count() + 1;
    let mut room = DESCRIPTION_LIMIT.saturating_sub(LEFT_OUT_RESERVE + kept.iter().map(length).sum::<usize>());
    let mut joined = Vec::new();
    for line in lines {
        let Some(left) = room.checked_sub(length(line)) else { break };
        room = left;
        joined.push(line.clone());
    }
    let left_out = lines.len() - joined.len();
    if left_out > 0 {
        let words = if left_out == 1 { "line is" } else { "lines are" };
        joined.push(format!("… {left_out} more {words} left out"));
    }
    joined.extend_from_slice(kept);
    joined.join("\n")
}

#[cfg(test)]
pub(crate) mod tests;
