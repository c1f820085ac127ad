use serde::{Deserialize, Serialize};

use crate::finding::{Finding, FindingType, Severity};
use crate::quarantine::is_finding_id;

use super::DigestId;

/// What a finding waits for, or what became of it, as far as it may be part of a digest: an automatic remediation that
/// did not move its object always has a message of its own. In the order in which people should see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A person is to decide.
    Review,
    /// Nothing can be moved for it.
    Notice,
    /// An automatic remediation moved the object.
    Quarantined,
}

const KINDS: [(Kind, &str); 3] =
    [(Kind::Review, "review"), (Kind::Notice, "notice"), (Kind::Quarantined, "quarantined")];

const SEVERITIES: [(Option<Severity>, &str); 4] = [
    (Some(Severity::High), "high"),
    (Some(Severity::Medium), "medium"),
    (Some(Severity::Low), "low"),
    (None, "unknown"),
];

/// `<kind>/<severity>` of all findings, the worst first.
pub(super) fn places() -> impl Iterator<Item = String> {
    KINDS.into_iter().flat_map(|(_, kind)| SEVERITIES.map(|(_, severity)| format!("{kind}/{severity}")))
}

/// A finding that is part of a digest, as far as the name of its record says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    pub kind: Kind,
    pub severity: Option<Severity>,
    /// A type that is not known is read back without its name.
    pub finding_type: FindingType,
    pub finding_id: String,
}

impl Entry {
    /// The entry of a finding; none when its id is none of Macie's and could be part of no key.
    #[must_use]
    pub fn of(finding: &Finding, kind: Kind) -> Option<Self> {
        is_finding_id(&finding.id).then(|| Self {
            kind,
            severity: finding.severity(),
            finding_type: finding.kind.clone(),
            finding_id: finding.id.clone(),
        })
    }

    /// `digests/<digest id>/noted/…`: the finding is part of the digest.
    #[must_use]
    pub fn noted_key(&self, digest: &DigestId) -> String {
        format!("{}noted/{}.json", digest.prefix(), self.path())
    }

    /// `digests/<digest id>/listed/…`: somebody was shown it.
    #[must_use]
    pub fn listed_key(&self, digest: &DigestId) -> String {
        format!("{}listed/{}.json", digest.prefix(), self.path())
    }

    fn path(&self) -> String {
        let kind = KINDS.iter().find(|(kind, _)| *kind == self.kind).map_or("review", |(_, name)| name);
        let severity =
            SEVERITIES.iter().find(|(severity, _)| *severity == self.severity).map_or("unknown", |(_, name)| name);
        format!("{kind}/{severity}/{}/{}", self.type_name(), self.finding_id)
    }

    fn type_name(&self) -> &str {
        let known = !matches!(self.finding_type, FindingType::Other(_));
        self.finding_type.as_str().rsplit('/').next().filter(|_| known).unwrap_or("Other")
    }

    /// Reads what follows `noted/` or `listed/`; none for anything else that may lie there.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let mut parts = path.strip_suffix(".json")?.split('/');
        let (kind, severity, name, finding_id) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (kind, _) = KINDS.iter().find(|(_, known)| *known == kind)?;
        let (severity, _) = SEVERITIES.iter().find(|(_, known)| *known == severity)?;
        let known = |category: &str| match FindingType::from(format!("{category}/{name}").as_str()) {
            FindingType::Other(_) => None,
            known => Some(known),
        };
        let other = || (name == "Other").then(FindingType::default);
        let finding_type = known("SensitiveData:S3Object").or_else(|| known("Policy:IAMUser")).or_else(other)?;
        (parts.next().is_none() && is_finding_id(finding_id)).then(|| Self {
            kind: *kind,
            severity: *severity,
            finding_type,
            finding_id: finding_id.to_owned(),
        })
    }

    /// Worst first: what waits for people before what is done, then by severity. What is left is S3's order, so that a
    /// list of [`DigestId::noted_prefixes`] one after another comes in this order.
    pub(super) fn rank(&self) -> impl Ord + use<> {
        let severity = SEVERITIES.iter().position(|(severity, _)| *severity == self.severity);
        (self.kind, severity, format!("{}/{}.json", self.type_name(), self.finding_id))
    }
}
