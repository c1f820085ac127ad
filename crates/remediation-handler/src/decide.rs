//! What a press on a finding's message amounts to: the case is claimed, or somebody else is in the way or still missing.

use domain::finding::Finding;
use domain::quarantine::{Claim, first_approval_key};
use domain::remediation::{Click, Decision};
use jiff::Timestamp;

use crate::approval::Agreement;
use crate::claim::{Case, Claimed};
use crate::error::Error;
use crate::handler::{Press, RemediationHandler};

pub(crate) enum Decided {
    /// The case belongs to this decision, and what was decided may begin.
    Claimed(Decision),
    /// Somebody decided before; this decision did not count.
    Before(Box<Case>, Decision),
    /// Theirs is the first of two approvals.
    First(Box<Case>, Click),
    /// Theirs was the first of two approvals before.
    FirstAgain(Box<Case>, Click),
}

impl RemediationHandler {
    /// Takes the decision of this person about the finding's case; of two people, where the finding needs them. `made_at`
    /// is when the button was made, if that says what the person knew of the case.
    ///
    /// # Errors
    /// [`Error::Claim`]
    pub(crate) async fn decide(
        &self,
        press: &Press<'_>,
        finding: &Finding,
        case_id: &str,
        made_at: Option<Timestamp>,
    ) -> Result<Decided, Error> {
        let failed = |source| Error::Claim { case_id: case_id.to_owned(), source };
        let case = Box::new(Case::read(&self.records, case_id, finding).await.map_err(failed)?);
        let by = |decision: &Decision| Claim::of(finding, decision, press.request_id, press.now);
        let mut decision = Decision::Person(self.clicked(press));
        if !case.is_open_to(finding, &by(&decision), made_at) {
            return Ok(Decided::Before(case, decision));
        }
        if self.config.second_approver.is_needed(finding) {
            let (key, after) = (first_approval_key(case_id), case.last_end(finding));
            match self.agree(press, &key, &finding.id, after).await.map_err(failed)? {
                Agreement::Decided(by_two) => decision = by_two,
                Agreement::First(click) => {
                    tracing::info!(finding.id = finding.id, case.id = case_id, "took the first of two approvals");
                    return Ok(Decided::First(case, click));
                }
                Agreement::Again(click) => return Ok(Decided::FirstAgain(case, click)),
            }
        }
        match case.claim_it(&self.records, case_id, finding, &by(&decision)).await.map_err(failed)? {
            Claimed::Ours => {
                tracing::info!(finding.id = finding.id, case.id = case_id, "claimed the case");
                Ok(Decided::Claimed(decision))
            }
            Claimed::Before(case) => Ok(Decided::Before(case, decision)),
        }
    }
}
