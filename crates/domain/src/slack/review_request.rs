use super::blocks::{Element, Message, actions, context, fields, header, section};
use super::button::Signer;
use super::facts;
use super::tags::tags;
use crate::finding::Finding;
use crate::remediation::Click;
use crate::text::plain;

/// How many people have to press the button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approvals<'a> {
    One,
    Two,
    /// One of two has.
    OneMore(&'a Click),
}

/// Asks the channel whether the object is to be quarantined. `quarantine_bucket` is where it would go.
#[must_use]
pub fn review_request(
    finding: &Finding,
    quarantine_bucket: &str,
    approvals: Approvals<'_>,
    signer: &Signer<'_>,
) -> Message {
    let subject = finding.kind.subject();
    let quarantine = facts::name(quarantine_bucket);
    let mut blocks = vec![
        header(&format!("Review needed: {subject} in an S3 object")),
        section(&format!("*Object*\n{}", facts::object(finding))),
        section(&format!("*Found*\n{}", facts::detections(finding))),
        fields(details(finding)),
    ];
    blocks.extend(tags(finding));
    blocks.push(section(&format!(
        "*Remediate* moves exactly this version to {quarantine}, with its metadata and tags, and deletes it from \
             its bucket. Other versions and other objects stay. It can be undone for {} days: {}\n*Dismiss* \
             closes the finding without moving anything, and records why.",
        signer.restorable_days(),
        kept(signer),
    )));
    blocks.extend(match approvals {
        Approvals::One => None,
        Approvals::Two => Some(section("*Two people* have to press Remediate, because the severity is High.")),
        Approvals::OneMore(first) => Some(section(&format!(
            "*Agreed*\n{}\n*Next:* one more person has to press Remediate, because the severity is High.",
            facts::clicked_by(first)
        ))),
    });
    let elements = [
        facts::remediate_button(finding, "Remediate", signer).map(Element::from),
        facts::dismiss_menu(finding, signer).map(Element::from),
        facts::open_button(finding).map(Element::from),
    ];
    blocks.extend(actions(elements.into_iter().flatten()));
    let mut small_print = vec![format!("Finding {}", facts::name(&finding.id))];
    if let Some(description) = &finding.description {
        small_print.push(plain(description, 300));
    }
    blocks.push(context(small_print));
    let needed = match approvals {
        Approvals::OneMore(_) => "One more person needed",
        Approvals::One | Approvals::Two => "Review needed",
    };
    let text = format!("{} severity: {subject} in {}. {needed}", facts::severity(finding), facts::object(finding));
    Message::new(&text, blocks)
}

/// What becomes of an object in quarantine.
fn kept(signer: &Signer<'_>) -> String {
    match signer.retention().days() {
        None => "quarantine keeps the object and a record of where it came from.".to_owned(),
        Some(days) if i64::from(days) <= signer.restorable_days() => {
            "quarantine deletes the object for good then, unless Object Lock keeps it longer, and keeps a record of where \
             it came from.".to_owned()
        }
        Some(days) => {
            format!("quarantine keeps the object for {days} days, and a record of where it came from for ever.")
        }
    }
}

/// At most ten; what Macie left out is left out.
fn details(finding: &Finding) -> Vec<(&'static str, String)> {
    let resources = finding.resources_affected.as_ref();
    let object = resources.and_then(|resources| resources.s3_object.as_ref());
    let job = finding.classification_details.as_ref().and_then(|details| {
        let automated = details.origin_type.as_deref() == Some("AUTOMATED_SENSITIVE_DATA_DISCOVERY");
        details.job_id.as_deref().map(facts::name).or(automated.then(|| "Automated discovery".to_owned()))
    });
    [
        ("Severity", Some(facts::severity(finding))),
        ("Seen", finding.created_at.map(facts::time)),
        ("Size", object.and_then(|object| object.size).map(facts::size)),
        (
            "Version",
            Some(
                object
                    .and_then(|object| object.version_id.as_deref())
                    .map_or_else(|| "Bucket without versioning".to_owned(), facts::name),
            ),
        ),
        ("Public", public(finding)),
        ("Encryption", object.and_then(|object| object.server_side_encryption.as_ref()).and_then(facts::encryption)),
        ("Account", finding.account_id.as_deref().map(facts::name)),
        ("Region", finding.region.as_deref().map(facts::name)),
        ("Job", job),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| (name, value)))
    .collect()
}

/// The object's own answer counts most; Macie often has only the bucket's.
fn public(finding: &Finding) -> Option<String> {
    let resources = finding.resources_affected.as_ref()?;
    let object = resources.s3_object.as_ref().and_then(|object| object.public_access);
    let bucket = resources.s3_bucket.as_ref().and_then(|bucket| bucket.public_access.as_ref());
    let text = match (object, bucket.and_then(|access| access.effective_permission.as_deref())) {
        (Some(true), _) => "*Yes: anybody can read the object*",
        (_, Some("PUBLIC")) => "*Yes: the bucket is public*",
        (Some(false), _) | (_, Some("NOT_PUBLIC")) => "No",
        _ => "Unknown",
    };
    Some(text.to_owned())
}
