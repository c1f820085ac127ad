//! Two people who have to agree: the first is recorded, and waits for another.

use domain::quarantine::FirstApproval;
use domain::remediation::{Click, Decision, TwoClicks};
use jiff::Timestamp;
use platform::records::{RecordError, Records};

/// What the agreement of one more person amounts to.
pub(crate) enum Agreement {
    /// Enough: this is the decision.
    Decided(Decision),
    /// Theirs is the first of two.
    First(Click),
    /// Theirs was the first of two before.
    Again(Click),
}

/// Takes this person's agreement. One that was recorded under `key` counts only for the same finding, after `after` and
/// as long as a button holds; any other is replaced by this one.
///
/// # Errors
/// [`RecordError`]
pub(crate) async fn agree(
    records: &Records,
    key: &str,
    finding_id: &str,
    click: Click,
    after: Option<Timestamp>,
) -> Result<Agreement, RecordError> {
    let ours = FirstApproval { finding_id: finding_id.to_owned(), click: click.recorded() };
    let take = |found: Option<FirstApproval>| match found {
        Some(first) if first.stands(finding_id, after, click.decided_at) => {
            if first.click.user_id == click.user_id {
                return (None, Agreement::Again(first.click));
            }
            let clicks = TwoClicks { first: first.click, second: click.clone() };
            (None, Agreement::Decided(Decision::TwoPeople(Box::new(clicks))))
        }
        _ => (Some(ours.clone()), Agreement::First(ours.click.clone())),
    };
    records.update(key, take).await
}
