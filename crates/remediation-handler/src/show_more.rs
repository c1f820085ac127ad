//! The button of a digest: lists the next findings, and brings the digest's counts up to date.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::bucket;
use domain::digest::{Closed, DigestId, Entry, PAGE, Progress};
use domain::finding::Finding;
use domain::slack::{Listed, Reach, Refusal, digest, digest_page};
use platform::records::RecordError;
use secrecy::SecretString;
use serde_json::json;
use tokio::task::JoinSet;

use crate::claim::Case;
use crate::error::Error;
use crate::finding::from_sdk;
use crate::handler::{Outcome, Press, RemediationHandler};

/// S3 lists so many records at once.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
const ONE_LIST: usize = 1_000;

impl RemediationHandler {
    /// Lists the worst findings of the digest that nobody was shown. That they were is noted last: a crash in between,
    /// or two people who press at the same moment, list them twice rather than never.
    pub(crate) async fn show_more(&self, press: &Press<'_>) -> Result<Outcome, Error> {
        let digest_id = DigestId::try_from(press.pressed.subject.clone());
        let (Ok(digest_id), Some(url)) = (digest_id, press.click.response_url.clone()) else {
            return Ok(self.refuse(press.click, Refusal::UnknownFinding).await);
        };
        let closed = self.records.read::<Closed>(&digest_id.closed_key()).await.map_err(Error::Digest)?;
        let progress = self.progress(&digest_id, closed.as_ref()).await.map_err(Error::Digest)?;
        if progress.total() == 0 {
            // Digests are kept as long as Macie keeps findings.
            return Ok(self.refuse(press.click, Refusal::UnknownFinding).await);
        }
        let after = progress.after_next_page();
        let button_keys = self.button_keys().await?;
        let signer = self.signer(&button_keys, press.now);
        if !progress.next_page().is_empty() {
            let page = self.listed(progress.next_page()).await?;
            let reach = Reach { quarantine_bucket: &self.config.quarantine_bucket, sources: &self.config.sources };
            let message = digest_page(&digest_id, &page, &after, reach, &signer);
            self.slack.post(&SecretString::from(url), &message).await.map_err(Error::Tell)?;
            let mut writes = JoinSet::new();
            for entry in progress.next_page() {
                let trace = json!({"findingId": entry.finding_id, "at": press.now, "by": press.click.user.id});
                let (records, key) = (self.records.clone(), entry.listed_key(&digest_id));
                writes.spawn(async move { records.create(&key, &trace).await });
            }
            for written in writes.join_all().await {
                written.map_err(Error::Digest)?;
            }
        }
        self.replace(press, digest(&digest_id, &after, closed.is_some(), &signer)).await;
        Ok(Outcome::Listed)
    }

    /// How far the digest is. Of a large one whose counts are known, no more is listed than what people were shown and
    /// will be shown next: Slack waits for three seconds only, however many findings there are. A small one is two lists,
    /// of one request each.
    async fn progress(&self, digest: &DigestId, closed: Option<&Closed>) -> Result<Progress, RecordError> {
        let (noted_prefix, listed_prefix) = (digest.noted_prefix(), digest.listed_prefix());
        let listed = self.records.list(&listed_prefix);
        let Some(closed) = closed.filter(|closed| closed.total() > ONE_LIST) else {
            let (noted, listed) = tokio::try_join!(self.records.list(&noted_prefix), listed)?;
            return Ok(Progress::of(digest, noted.iter().chain(&listed).map(String::as_str)));
        };
        let listed = listed.await?;
        let listed: HashSet<Entry> = listed.iter().filter_map(|key| digest.entry(key)).collect();
        let mut next = Vec::new();
        for prefix in digest.noted_prefixes() {
            let mut token = None;
            loop {
                let (keys, more) = self.records.list_page(&prefix, token).await?;
                let entries = keys.iter().filter_map(|key| digest.entry(key));
                next.extend(entries.filter(|entry| !listed.contains(entry)));
                if next.len() >= 2 * PAGE {
                    next.truncate(2 * PAGE);
                    return Ok(Progress::of_closed(closed, listed.len(), next));
                }
                token = more;
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(Progress::of_closed(closed, listed.len(), next))
    }

    /// What is known of the findings now.
    async fn listed(&self, page: &[Entry]) -> Result<Vec<Listed>, Error> {
        let ids: Vec<String> = page.iter().map(|entry| entry.finding_id.clone()).collect();
        let failed = |source| Error::GetFinding { finding_id: ids.join(","), source: Box::new(source) };
        let answer = self.macie.get_findings().set_finding_ids(Some(ids.clone())).send().await.map_err(failed)?;
        let findings = answer.findings.unwrap_or_default().into_iter().filter_map(from_sdk);
        let mut findings: HashMap<String, Finding> = findings.map(|finding| (finding.id.clone(), finding)).collect();
        // Side by side, because Slack waits for three seconds only.
        let mut reads = JoinSet::new();
        for (position, entry) in page.iter().cloned().enumerate() {
            let (records, finding) = (self.records.clone(), findings.remove(&entry.finding_id));
            reads.spawn(async move {
                let known = finding.as_ref().and_then(|finding| Some((finding, bucket::case_id(finding)?)));
                let case = match known {
                    Some((finding, case_id)) => Some(Case::read(&records, &case_id, finding).await?),
                    None => None,
                };
                let claim = case.as_ref().and_then(Case::claim).cloned();
                let (manifest, bucket) = case.map_or((None, None), |case| (case.manifest, case.bucket));
                Ok::<_, RecordError>((position, Listed { entry, finding, claim, manifest, bucket }))
            });
        }
        let listed: Result<BTreeMap<usize, Listed>, RecordError> = reads.join_all().await.into_iter().collect();
        Ok(listed.map_err(Error::Digest)?.into_values().collect())
    }
}
