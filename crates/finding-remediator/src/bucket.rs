//! Turns protections of a bucket on: reads, records what was set, changes, reads back, tells.

mod settings;

use domain::bucket::{BucketAct, BucketOutcome, BucketRecord, BucketState, case_id, record_key};
use domain::finding::Finding;
use domain::quarantine::{Claim, claim_key};
use domain::remediation::Decision;

use crate::error::{Error, Refusal};
use crate::handler::{Ended, Handled, Remediator};
use crate::record::Record;

type Stop = crate::error::Stop<BucketOutcome>;

impl Remediator {
    /// Turns the protection on for the finding's bucket, unless that was done, and tells Slack.
    pub(crate) async fn change_bucket(
        &self,
        act: BucketAct,
        finding: &Finding,
        decision: &Decision,
    ) -> Result<Handled, Error> {
        let no_bucket = || Error::NoBucket { finding_id: finding.id.clone() };
        let case_id = case_id(finding).ok_or_else(no_bucket)?;
        let known = Record::<BucketRecord>::read_at(&self.records, record_key(&case_id, act)).await?;
        let same = known.as_ref().is_some_and(|known| known.content.decision == decision.recorded());
        let handled = |outcome: Option<BucketOutcome>| Handled {
            subject_id: finding.id.clone(),
            case_id: case_id.clone(),
            ended: outcome.map(Ended::Bucket),
        };
        let outcome = known.as_ref().and_then(|known| known.content.outcome());
        // What a run that died left half done is finished. After an attempt that failed, people may have decided anew.
        let is_begun = known.as_ref().is_some_and(|known| known.content.state == BucketState::Started);
        let goes_on = same && (is_begun || outcome.is_some());
        if !goes_on && !self.is_claimed(finding, &case_id, decision).await? {
            tracing::info!(finding.id = finding.id, case.id = case_id, "somebody decided otherwise meanwhile");
            return Ok(handled(None));
        }
        let mut record = match (known, outcome) {
            (Some(known), Some(_)) if same && known.content.was_told() => return Ok(handled(None)),
            (Some(known), Some(outcome)) if same => {
                self.tell_bucket_act(decision, known).await?;
                return Ok(handled(Some(outcome)));
            }
            // It ended before: this is another try, and what is set now is what was set before it.
            (Some(mut known), Some(_)) => {
                known.content.before = None;
                known
            }
            // An earlier run died: what it noted before it changed anything holds.
            (Some(known), None) => known,
            (None, _) => {
                let record = BucketRecord::untouched(act, finding, decision).ok_or_else(no_bucket)?;
                Record::at(record_key(&case_id, act), record)
            }
        };
        // A finding that names no account is about this one.
        record.content.account_id.get_or_insert_with(|| self.config.sources.account_id.clone());
        let what = if same { "Run again" } else { "Decided" };
        record.content.decision = decision.recorded();
        record.content.state = BucketState::Started;
        record.content.transitions.push(self.transition(decision, what));
        let outcome = match Box::pin(self.turn_on(&mut record)).await {
            Ok(outcome) | Err(Stop::Ended(outcome)) => outcome,
            Err(Stop::Failed(error)) => {
                self.note_failure(&mut record, decision, &error).await;
                return Err(error);
            }
        };
        let ended = self.transition(decision, describe(outcome));
        record.content.state = BucketState::Ended { outcome, at: ended.at, told: false };
        record.content.transitions.push(ended);
        record.write(&self.records).await?;
        self.tell_bucket_act(decision, record).await?;
        Ok(handled(Some(outcome)))
    }

    /// Whether the case was claimed for this decision, and that stands.
    async fn is_claimed(&self, finding: &Finding, case_id: &str, decision: &Decision) -> Result<bool, Error> {
        let claim: Option<Claim> = self.records.read(&claim_key(case_id)).await.map_err(Error::ReadRecord)?;
        Ok(claim.is_some_and(|claim| claim.is_for(finding, decision)))
    }

    /// Notes that this attempt failed, so that nobody waits for its end.
    async fn note_failure(&self, record: &mut Record<BucketRecord>, decision: &Decision, error: &Error) {
        let error_type = error.error_type();
        let failed = self.transition(decision, format!("Failed: {error_type}"));
        record.content.state = BucketState::Failed { error_type: error_type.to_owned(), at: failed.at };
        record.content.transitions.push(failed);
        if let Err(error) = record.write(&self.records).await {
            tracing::warn!(error = platform::chain(&error), "could not note that the attempt failed");
        }
    }

    async fn turn_on(&self, record: &mut Record<BucketRecord>) -> Result<BucketOutcome, Stop> {
        let BucketRecord { account_id, bucket, .. } = &record.content;
        if let Some(why) = self.config.sources.obstacle_at(account_id.as_deref(), Some(bucket)) {
            return Ok(BucketOutcome::OutOfReach { why });
        }
        let now =
            settings::read(&self.s3, &record.content).await.map_err(|refused| ended(refused, Error::ReadSettings))?;
        if now.are_on() {
            // On before this act, or by a run of it that died before it could say so.
            let before = record.content.before.get_or_insert(now);
            return Ok(if before.are_on() { BucketOutcome::AlreadyOn } else { BucketOutcome::TurnedOn });
        }
        record.content.before = Some(now);
        record.write(&self.records).await?;
        if let Err(refused) = settings::turn_on(&self.s3, &record.content).await {
            // Nothing was changed, and how the bucket is set may be another matter at the next attempt. After any other
            // failure S3 may have done it all the same.
            if (400..500).contains(&refused.status) {
                record.content.before = None;
            }
            return Err(ended(refused, Error::ChangeSettings));
        }
        let after =
            settings::read(&self.s3, &record.content).await.map_err(|refused| ended(refused, Error::ReadSettings))?;
        Ok(if after.are_on() { BucketOutcome::TurnedOn } else { BucketOutcome::ChangedMeanwhile })
    }
}

/// How a call that S3 refused ends the act, or that it failed.
fn ended(refusal: Refusal, failed: fn(crate::error::Cause) -> Error) -> Stop {
    Stop::Ended(match (refusal.status, refusal.code.as_str()) {
        (404, "NoSuchBucket") => BucketOutcome::BucketGone,
        (301, _) => BucketOutcome::OtherRegion,
        (403, _) => BucketOutcome::AccessDenied,
        _ => return failed(refusal.cause).into(),
    })
}

fn describe(outcome: BucketOutcome) -> &'static str {
    match outcome {
        BucketOutcome::TurnedOn => "Turned on and read back",
        BucketOutcome::AlreadyOn => "Nothing changed: it was on",
        BucketOutcome::ChangedMeanwhile => "Turned on, and changed by somebody else",
        BucketOutcome::AccessDenied => "Not turned on: access denied",
        BucketOutcome::BucketGone => "Not turned on: the bucket was gone",
        BucketOutcome::OutOfReach { .. } => "Not turned on: this deployment may not touch the bucket",
        BucketOutcome::OtherRegion => "Not turned on: the bucket is in another Region",
    }
}
