//! Two people who have to agree: the first is recorded, and waits for another.

use domain::quarantine::FirstApproval;
use domain::remediation::{Click, Decision, TwoClicks};
use jiff::Timestamp;
use platform::records::{RecordError, Records};

/// How often the record is tried while others write it.
const TRIES: usize = 3;

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
    for _ in 0..TRIES {
        let found = records.read_state::<FirstApproval>(key).await?;
        let state = match found {
            Some((first, _)) if first.stands(finding_id, after, click.decided_at) => {
                if first.click.user_id == click.user_id {
                    return Ok(Agreement::Again(first.click));
                }
                let clicks = TwoClicks { first: first.click, second: click };
                return Ok(Agreement::Decided(Decision::TwoPeople(Box::new(clicks))));
            }
            found => found.map(|(_, state)| state),
        };
        if records.write_if(key, &ours, state.as_ref()).await?.is_some() {
            return Ok(Agreement::First(ours.click));
        }
    }
    Err(RecordError::Busy { key: key.to_owned() })
}
