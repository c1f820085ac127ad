use super::blocks::{Message, context, header, section};

/// Tells that this hour's automatic remediations are used up: from now on people decide.
#[must_use]
pub fn automatic_paused(limit: u16) -> Message {
    let objects = if limit == 1 { "1 object was".to_owned() } else { format!("{limit} objects were") };
    Message::new(
        "Automatic quarantine is paused until the next hour",
        [
            header("Automatic quarantine is paused"),
            section(&format!(
                "{objects} quarantined automatically within this hour, which is the limit of this deployment. Until the \
                 next full hour, findings that are set to AUTO are shown here for a person to decide."
            )),
            section(
                "*Next:* see whether Macie is right. If it is, press *Remediate* on what is shown, or raise \
                 `AutoRemediationLimit`. If it is not, correct the job or identifier in Macie, and restore what was moved.",
            ),
            context(["Nothing is lost: what is not decided stays where it is.".to_owned()]),
        ],
    )
}
