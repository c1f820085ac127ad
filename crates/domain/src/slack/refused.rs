use super::blocks::Message;
use crate::policy::{Reason, Why};

/// Why a click had no effect, for the person who clicked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The person is not on the list.
    NotAllowed,
    /// The click came from another workspace, app or channel than this deployment serves.
    WrongPlace,
    /// The button was not made by this deployment for this channel, or was changed.
    ForgedButton,
    /// The button is older than Macie keeps findings.
    ExpiredButton,
    /// Macie does not have the finding, or not any more.
    UnknownFinding,
    /// There is no record of the case.
    UnknownCase,
    /// The finding may not be acted on (any more).
    NotMovable(Reason),
    /// The deployment may not touch the bucket (any more).
    OutOfReach(Why),
    /// The person is the first of two, and cannot be the second as well.
    AgreedAlready,
    /// This very request came before.
    Replayed,
    /// One of our own steps failed.
    Failed,
    /// Our own steps took longer than Slack waits.
    TooSlow,
}

#[must_use]
pub fn refused(refusal: &Refusal) -> Message {
    Message::private(&match refusal {
        Refusal::NotAllowed => {
            "You are not on the list of people who may remediate findings. Nothing was changed. Ask whoever deployed \
             this stack to add you to `SlackAllowedUserIds`."
                .to_owned()
        }
        Refusal::WrongPlace => {
            "Findings cannot be remediated from here. Nothing was changed. Use the channel that this stack is deployed \
             for."
                .to_owned()
        }
        Refusal::ForgedButton => {
            "This button was not made by this deployment for this channel, or its key was replaced since. Nothing was \
             changed. Use the newest message about the finding; without one, run a discovery job on the bucket."
                .to_owned()
        }
        Refusal::ExpiredButton => {
            "This button has expired: findings are kept for 90 days. Nothing was changed. Run a discovery job on the \
             bucket to get a new one."
                .to_owned()
        }
        Refusal::UnknownFinding => {
            "Macie does not have this finding any more: findings are kept for 90 days. Nothing was changed. Run a \
             discovery job on the bucket to get a new one."
                .to_owned()
        }
        Refusal::UnknownCase => {
            "There is no record of this case. Nothing was changed. Look into the quarantine bucket, below `cases/`."
                .to_owned()
        }
        Refusal::NotMovable(reason) => {
            format!("This finding cannot be remediated: {reason}. Nothing was changed.")
        }
        Refusal::OutOfReach(Why::OtherAccount) => {
            "The bucket belongs to another account than this deployment. Nothing was changed. Tell whoever runs that \
             account, or deploy this stack there too."
                .to_owned()
        }
        Refusal::OutOfReach(Why::OutsideSources) => {
            "This deployment may not touch this bucket: its name does not match `SourceBucketPattern`, which may have \
             been changed since the message was posted. Nothing was changed. Act by hand, or change that parameter."
                .to_owned()
        }
        Refusal::OutOfReach(Why::Unpinned) => {
            format!("This finding cannot be remediated: {}. Nothing was changed.", Reason::Unpinned)
        }
        Refusal::AgreedAlready => {
            "You agreed already, and that is recorded. Another person has to press the button too, because the severity \
             is High."
                .to_owned()
        }
        Refusal::Replayed => {
            "This press came before, and counts once. Nothing was changed. If you want it to be done again, press the \
             button again."
                .to_owned()
        }
        Refusal::TooSlow => {
            "The click arrived, but acting on it took longer than Slack waits. Press the button again: what was done \
             is not done twice."
                .to_owned()
        }
        Refusal::Failed => {
            "The click arrived, but acting on it failed. Press the button again; if that does not help, look into the \
             log of the remediation handler."
                .to_owned()
        }
    })
}
