//! Two people who have to agree: the first is recorded, and waits for another.

use domain::quarantine::FirstApproval;
use domain::remediation::{Click, Decision, TwoClicks};
use jiff::Timestamp;
use platform::records::RecordError;

use crate::gate;
use crate::handler::{Press, RemediationHandler};

/// What the agreement of one more person amounts to.
pub(crate) enum Agreement {
    /// Enough: this is the decision.
    Decided(Decision),
    /// Theirs is the first of two.
    First(Click),
    /// Theirs was the first of two before.
    Again(Click),
}

impl RemediationHandler {
    /// Takes this person's agreement. One that was recorded under `key` counts only for the same finding, after `after`, as
    /// long as a button holds, and while its giver may still decide; any other is replaced by this one.
    ///
    /// # Errors
    /// [`RecordError`]
    pub(crate) async fn agree(
        &self,
        press: &Press<'_>,
        key: &str,
        finding_id: &str,
        after: Option<Timestamp>,
    ) -> Result<Agreement, RecordError> {
        let click = self.clicked(press);
        let ours = FirstApproval {
            finding_id: finding_id.to_owned(),
            click: click.recorded(),
            request_id: Some(press.request_id.to_owned()),
        };
        let counts = |first: &FirstApproval| {
            first.stands(finding_id, after, press.now) && gate::may_press(&first.click.user_id, &self.config)
        };
        let take = |found: Option<FirstApproval>| match found.filter(counts) {
            // S3 took it, and the SDK asked once more because the answer was lost.
            Some(first) if first == ours => (None, Agreement::First(first.click)),
            Some(first) if first.click.user_id == click.user_id => (None, Agreement::Again(first.click)),
            Some(first) => {
                let clicks = TwoClicks { first: first.click, second: click.clone() };
                (None, Agreement::Decided(Decision::TwoPeople(Box::new(clicks))))
            }
            None => (Some(ours.clone()), Agreement::First(ours.click.clone())),
        };
        self.records.update(key, take).await
    }
}
