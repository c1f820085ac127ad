//! What the SonarQube server answers, and what follows from it.

mod hotspots;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::hotspots::{ComponentAnswer, Hotspots, HotspotsAnswer};
use super::ScanId;

/// The clocks of the server and of AWS may differ by this much.
const CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_mins(5);
/// The server takes the analyses of a project in the order of their dates only: one that was begun earlier and is
/// submitted later is refused with these words (`ValidateProjectStep` of its compute engine).
const OVERTAKEN: &str = "Date of analysis cannot be older than the date of the last known analysis";

/// `api/ce/task`: one background task of the server.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct TaskAnswer {
    /// The task.
    pub task: Task,
}

/// A background task: the processing of one uploaded analysis.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// PENDING, IN_PROGRESS, SUCCESS, FAILED or CANCELED.
    pub status: String,
    /// The key of the project that was analysed.
    pub component_key: Option<String>,
    /// Only once the task has succeeded.
    pub analysis_id: Option<String>,
    /// Such as `2026-11-21T01:35:29+0000`.
    pub submitted_at: Option<String>,
    /// Why a task failed.
    pub error_message: Option<String>,
    /// The settings of the scanner, one `  - name=value` a line; known when the task has ended.
    pub scanner_context: Option<String>,
}

/// What a task says about our analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskState {
    /// Still being processed: ask again later.
    Pending,
    /// Processed; the gate can be asked by this id.
    Analysed {
        /// The analysis.
        analysis_id: String,
    },
    /// The server gave up on it.
    Failed {
        /// FAILED or CANCELED, with the server's reason if it gave one.
        why: String,
    },
    /// The server refused it, because one that began later was processed before: the same code can be analysed again.
    Overtaken,
    /// The task is somebody else's, older, or unreadable: it proves nothing about this upload.
    Foreign {
        /// In what it differs.
        why: String,
    },
}

/// Reads a task as an answer about *our* analysis: of this project, made by this scan, submitted after it began. A zip may
/// bring a report of someone else's green analysis (facts 5d), and another version of it may be scanned at the same time.
///
/// The build passes the scan's id as a setting (`sonar.analysis.scanId`), which the server shows among those of a processed
/// analysis. Without them nobody knows whose it is.
#[must_use]
pub fn task_state(task: &Task, project_key: &str, scan_id: &ScanId, scan_started: Timestamp) -> TaskState {
    let foreign = |why: String| TaskState::Foreign { why };
    if task.component_key.as_deref() != Some(project_key) {
        return foreign("the analysis belongs to another project".to_owned());
    }
    match task.submitted_at.as_deref().and_then(parse_time) {
        None => return foreign("the analysis has no readable time".to_owned()),
        Some(submitted) if submitted < scan_started - CLOCK_DIFFERENCE => {
            return foreign(format!("the analysis was submitted at {submitted}, before this scan began"));
        }
        Some(_) => {}
    }
    let setting = format!("- sonar.analysis.scanId={scan_id}");
    if task.status == "SUCCESS" {
        match &task.scanner_context {
            None => return foreign("the server does not show which scan made the analysis".to_owned()),
            Some(context) if !context.lines().any(|line| line.trim() == setting) => {
                return foreign("the analysis was made by another scan".to_owned());
            }
            Some(_) => {}
        }
    }
    match (task.status.as_str(), &task.analysis_id) {
        ("PENDING" | "IN_PROGRESS", _) => TaskState::Pending,
        ("SUCCESS", Some(analysis_id)) => TaskState::Analysed { analysis_id: analysis_id.clone() },
        ("FAILED", _) if task.error_message.as_ref().is_some_and(|why| why.contains(OVERTAKEN)) => TaskState::Overtaken,
        ("FAILED" | "CANCELED", _) => TaskState::Failed {
            why: task.error_message.as_ref().map_or(task.status.clone(), |why| format!("{}: {why}", task.status)),
        },
        (status, _) => foreign(format!("the server reports the state `{status}`")),
    }
}

/// The server writes the offset without a colon.
fn parse_time(text: &str) -> Option<Timestamp> {
    Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", text).or_else(|_| text.parse()).ok()
}

/// `api/qualitygates/project_status`.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct GateAnswer {
    /// The gate, as computed for the analysis.
    pub project_status: Gate,
}

/// A quality gate.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct Gate {
    /// OK, WARN, ERROR or NONE.
    pub status: String,
    /// All conditions, also those that hold.
    #[serde(default)]
    pub conditions: Vec<GateCondition>,
}

/// One condition of a gate, as the server writes it.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct GateCondition {
    /// OK, WARN or ERROR.
    pub status: String,
    /// Such as `security_rating`.
    pub metric_key: String,
    /// GT or LT (EQ and NE in old servers).
    pub comparator: Option<String>,
    /// Where it fails.
    pub error_threshold: Option<String>,
    /// What was measured.
    pub actual_value: Option<String>,
}

/// A condition that failed, in the record and in the messages.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct FailedCondition {
    /// Such as `security_rating`.
    pub metric: String,
    /// What was measured: `D`, `3`, `0.0%`.
    pub actual: String,
    /// What would have been good: `A`, `at most 0`, `at least 100%`.
    pub required: String,
}

/// What a gate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateState {
    /// Yes.
    Passed,
    /// No.
    Failed,
    /// Neither.
    Undecided {
        /// What it says instead.
        why: String,
    },
}

impl Gate {
    /// Whether it is passed. Warnings, which old servers had, and an analysis without a gate are no verdict.
    #[must_use]
    pub fn state(&self) -> GateState {
        match self.status.as_str() {
            "OK" => GateState::Passed,
            "ERROR" => GateState::Failed,
            status => GateState::Undecided { why: format!("the quality gate has the status `{status}`") },
        }
    }

    /// The conditions that failed.
    #[must_use]
    pub fn failed_conditions(&self) -> Vec<FailedCondition> {
        let failed = self.conditions.iter().filter(|condition| condition.status == "ERROR");
        failed.map(GateCondition::describe).collect()
    }
}

impl GateCondition {
    fn describe(&self) -> FailedCondition {
        let unknown = || "unknown".to_owned();
        let rating = self.metric_key.ends_with("_rating");
        let share = ["coverage", "density", "reviewed"].iter().any(|word| self.metric_key.contains(word));
        let show = |value: &String| match value.parse::<f64>() {
            Ok(grade) if rating && (1.0..=5.0).contains(&grade) => grade_letter(grade).to_owned(),
            _ if share => format!("{value}%"),
            _ => value.clone(),
        };
        let limit = self.error_threshold.as_ref().map(show);
        FailedCondition {
            metric: self.metric_key.clone(),
            actual: self.actual_value.as_ref().map_or_else(unknown, show),
            required: match (limit, self.comparator.as_deref()) {
                (None, _) => unknown(),
                (Some(limit), Some("GT")) if rating && limit == "A" => limit,
                (Some(limit), Some("GT")) if rating => format!("{limit} or better"),
                (Some(limit), Some("GT")) => format!("at most {limit}"),
                (Some(limit), Some("LT")) => format!("at least {limit}"),
                (Some(limit), comparator) => format!("not {} {limit}", comparator.unwrap_or("beyond")),
            },
        }
    }
}

/// Ratings are 1 to 5 for A to E.
fn grade_letter(grade: f64) -> &'static str {
    match grade {
        grade if grade < 1.5 => "A",
        grade if grade < 2.5 => "B",
        grade if grade < 3.5 => "C",
        grade if grade < 4.5 => "D",
        _ => "E",
    }
}

/// `api/issues/search`.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct IssuesAnswer {
    /// The issues of this page, the worst first if asked so.
    #[serde(default)]
    pub issues: Vec<IssueAnswer>,
    /// Counts, by the facets that were asked for.
    #[serde(default)]
    pub facets: Vec<Facet>,
}

/// One issue, as the server writes it.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct IssueAnswer {
    /// Names the issue on this server.
    pub key: String,
    /// `project:path/to/file`.
    pub component: String,
    /// Such as `python:S4830`.
    pub rule: String,
    /// BLOCKER, CRITICAL, MAJOR, MINOR or INFO.
    pub severity: Option<String>,
    /// Which quality it harms, and how much.
    #[serde(default)]
    pub impacts: Vec<Impact>,
    /// For people.
    #[serde(default)]
    pub message: String,
    /// 1 for the first line; missing for a whole file.
    pub line: Option<u64>,
}

/// What an issue harms.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Impact {
    /// MAINTAINABILITY, RELIABILITY or SECURITY.
    pub software_quality: String,
    /// INFO, LOW, MEDIUM, HIGH or BLOCKER.
    pub severity: String,
}

/// Counts of issues by one property.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct Facet {
    /// Such as `impactSeverities`.
    pub property: String,
    /// How many of each.
    pub values: Vec<FacetValue>,
}

/// One count.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct FacetValue {
    /// Such as `HIGH`.
    pub val: String,
    /// How many.
    pub count: u64,
}

/// An issue in the record and in the messages.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Issue {
    /// Path in the zip.
    pub file: String,
    /// 1 for the first line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Such as `python:S4830`.
    pub rule: String,
    /// The worse of its severities: BLOCKER, HIGH, MEDIUM, LOW or INFO.
    pub severity: String,
    /// For people.
    pub message: String,
}

/// How many issues of each severity the project has, the worst first.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct SeverityCount {
    /// BLOCKER, HIGH, MEDIUM, LOW or INFO.
    pub severity: String,
    /// More than 0.
    pub count: u64,
}

const SEVERITIES: [&str; 5] = ["BLOCKER", "HIGH", "MEDIUM", "LOW", "INFO"];

/// At most `count` of these issues, each once: those that harm security first, then the worse before the lesser, then by
/// place.
#[must_use]
pub fn worst<'a>(issues: impl IntoIterator<Item = &'a IssueAnswer>, count: usize) -> Vec<Issue> {
    let rank = |severity: &str| SEVERITIES.iter().position(|known| *known == severity).unwrap_or(SEVERITIES.len());
    let mut seen = BTreeSet::new();
    let mut ranked: Vec<_> = issues
        .into_iter()
        .filter(|issue| seen.insert(issue.key.as_str()))
        .map(|issue| {
            let impact = issue.impacts.iter().min_by_key(|impact| rank(&impact.severity));
            let severity = impact.map(|impact| impact.severity.as_str()).or(issue.severity.as_deref());
            let severity = severity.unwrap_or("UNKNOWN");
            let security = issue.impacts.iter().any(|impact| impact.software_quality == "SECURITY");
            ((!security, rank(severity)), issue.describe(severity))
        })
        .collect();
    ranked.sort_by(|(one, a), (two, b)| one.cmp(two).then_with(|| (&a.file, a.line).cmp(&(&b.file, b.line))));
    ranked.into_iter().map(|(_, issue)| issue).take(count).collect()
}

impl IssuesAnswer {
    /// The counts of the facet `impactSeverities`.
    #[must_use]
    pub fn counts(&self) -> Vec<SeverityCount> {
        let facet = self.facets.iter().find(|facet| facet.property == "impactSeverities");
        let values = facet.map_or(&[][..], |facet| &facet.values);
        let count_of =
            |severity: &str| values.iter().find(|value| value.val == severity).map_or(0, |value| value.count);
        SEVERITIES
            .iter()
            .map(|severity| SeverityCount { severity: (*severity).to_owned(), count: count_of(severity) })
            .filter(|count| count.count > 0)
            .collect()
    }
}

impl IssueAnswer {
    fn describe(&self, severity: &str) -> Issue {
        Issue {
            file: self.component.split_once(':').map_or(self.component.as_str(), |(_, path)| path).to_owned(),
            line: self.line,
            rule: self.rule.clone(),
            severity: severity.to_owned(),
            message: self.message.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
