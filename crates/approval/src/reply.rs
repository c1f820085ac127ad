use domain::scan::{
    ScanId,
    decision::{Decision, InvalidRequest, Outcome},
    report::Report,
};
use jiff::Timestamp;
use serde::Serialize;

/// What the function answers.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum Answer {
    /// To a person.
    Reply(Reply),
    /// To the state machine: what is recorded.
    Recorded {
        /// `null` if nothing is.
        outcome: Option<Recorded>,
    },
    /// To the state machine: whether everybody was told.
    Told {
        /// What became of it.
        told: Telling,
    },
}

/// What the records say about a scan.
#[derive(Debug, Clone, Copy, Serialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Recorded {
    /// The gate is passed.
    Passed,
    /// The gate failed, and this was decided.
    #[serde(untagged)]
    Decided(Outcome),
}

impl From<Outcome> for Recorded {
    fn from(outcome: Outcome) -> Self {
        Self::Decided(outcome)
    }
}

/// Whether everybody was told of a decision.
#[derive(Debug, Clone, Copy, Serialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Telling {
    /// By now, or before.
    Done,
    /// A press decided a moment ago and is at it: ask again.
    UnderWay,
    /// There is no decision.
    Nothing,
}

/// What Amazon Q shows in the thread: short, flat, and readable as raw JSON (facts 1.4).
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// For people.
    pub message: String,
    /// What is decided about the scan, if anything is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// When it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// The invocation of this function that recorded the decision; its log has a line with this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Which scan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan_id: Option<ScanId>,
    /// Exactly what was decided about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
}

/// What became of the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mailed {
    Sent,
    SentBefore,
    /// Another press decided a moment ago and is at it.
    UnderWay,
    /// SES did not take it: why, and what to do.
    NotYet {
        why: String,
        /// The state machine tries again.
        goes_on: bool,
    },
    /// Somebody stopped the execution, which would have announced the decision.
    Never,
    /// Another scan has the version by now, so nothing is to follow from a decision on this one.
    Superseded,
}

impl Reply {
    pub(crate) fn unusable(error: &InvalidRequest) -> Self {
        Self::sentence(format!("Nothing was decided: {error}. Press a button of a notification instead."))
    }

    pub(crate) fn unknown(scan_id: &ScanId) -> Self {
        Self { scan_id: Some(scan_id.clone()), ..Self::sentence("Nothing was decided: no such scan is known.".into()) }
    }

    pub(crate) fn may_not_expire(scan_id: &ScanId) -> Self {
        let message = "Nothing was decided: only the state machine can let a scan expire. Press Reject instead.";
        Self { scan_id: Some(scan_id.clone()), ..Self::sentence(message.into()) }
    }

    pub(crate) fn superseded(report: &Report) -> Self {
        let message = "Nothing was decided: this version was scanned again. Decide on the newer notification instead.";
        Self::about(report, message)
    }

    pub(crate) fn over(report: &Report) -> Self {
        let message = "Nothing was decided: the scan is over, because its execution has ended without a decision. Nothing \
                       was approved. Upload the zip again to have it scanned and decided.";
        Self::about(report, message)
    }

    pub(crate) fn nothing_to_decide(report: &Report) -> Self {
        Self::about(report, "Nothing was decided: only a failed quality gate can be approved or rejected.")
    }

    /// `first` tells whether this press made the decision.
    pub(crate) fn decided(report: &Report, decision: &Decision, first: bool, mailed: &Mailed) -> Self {
        let kind = match decision.outcome {
            Outcome::Approved => "Approval Email",
            Outcome::Rejected => "Rejection Email",
            Outcome::Expired => "",
        };
        let verb = decision.outcome.verb();
        let message = match (decision.outcome, mailed) {
            (_, Mailed::Superseded) => return Self::superseded(report),
            (Outcome::Expired, _) => {
                format!("This scan was {verb} at {}. Upload the zip again to have it decided.", decision.decided_at)
            }
            (_, Mailed::Sent) if first => format!("{kind} sent successfully"),
            (_, Mailed::NotYet { why, goes_on: true }) => format!(
                "This scan is {verb}, but the mail was not sent: {why}. The pipeline tries again for a day; another press \
                 tries at once."
            ),
            (_, Mailed::NotYet { why, goes_on: false }) => format!(
                "This scan is {verb}, but the mail was not sent: {why}. Its execution has ended, so mend that and press \
                 again."
            ),
            (_, Mailed::Never) => format!(
                "This scan was {verb} at {}, and that stands. But its execution was stopped, so no mail and no event \
                 follow any more: tell the developers.",
                decision.decided_at
            ),
            (_, Mailed::Sent) => {
                format!("{kind} sent successfully; the scan was {verb} at {} already", decision.decided_at)
            }
            (_, Mailed::UnderWay) => format!(
                "Nothing changed: this scan was {verb} a moment ago, at {}. If no confirmation follows, press again in a \
                 minute.",
                decision.decided_at
            ),
            (_, Mailed::SentBefore) => {
                format!("Nothing changed: this scan was {verb} at {}. The first decision counts.", decision.decided_at)
            }
        };
        Self {
            outcome: Some(decision.outcome),
            decided_at: Some(decision.decided_at),
            request_id: Some(decision.request_id.clone()),
            ..Self::about(report, &message)
        }
    }

    /// Without a decision, about what it names.
    fn about(report: &Report, message: &str) -> Self {
        Self {
            scan_id: Some(report.scan_id.clone()),
            upload: Some(upload(report)),
            ..Self::sentence(message.to_owned())
        }
    }

    fn sentence(message: String) -> Self {
        Self { message, outcome: None, decided_at: None, request_id: None, scan_id: None, upload: None }
    }
}

fn upload(report: &Report) -> String {
    let upload = &report.upload;
    let place = format!("{}/{} version {}", upload.bucket, upload.key, upload.version_id);
    domain::text::plain(&place, 400)
}
