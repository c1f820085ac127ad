use super::blocks::{Message, actions, context, fields, header, section};
use super::facts;
use super::tags::tags;
use crate::finding::Finding;
use crate::policy::Why;
use crate::text::plain;

/// Shows a finding that has no button: nothing can be moved for it.
#[must_use]
pub fn notice(finding: &Finding, why: Why) -> Message {
    let subject = finding.kind.subject();
    let (title, next) = match why {
        Why::OtherAccount => (
            format!("Act elsewhere: {subject} in another account"),
            "The bucket belongs to another account than this deployment, which cannot move anything there. *Next:* tell \
             whoever runs that account, or deploy this stack there too.",
        ),
        Why::OutsideSources => (
            format!("Act by hand: {subject} in an S3 object"),
            "This deployment may not move objects out of this bucket: its name does not match `SourceBucketPattern`. \
             *Next:* move the object by hand, or change that parameter.",
        ),
        Why::Unpinned => (
            format!("Act by hand: {subject} in an S3 object"),
            "Macie recorded neither a version nor an ETag, so the scanned object cannot be told from a newer one. \
             *Next:* look at the object and move it by hand.",
        ),
    };
    let mut what = vec![format!("*Where*\n{}", facts::object(finding))];
    what.extend(finding.description.as_deref().or(finding.title.as_deref()).map(|text| plain(text, 500)));
    let details = [
        ("Severity", Some(facts::severity(finding))),
        ("Seen", finding.updated_at.or(finding.created_at).map(facts::time)),
        ("Account", finding.account_id.as_deref().map(facts::name)),
        ("Region", finding.region.as_deref().map(facts::name)),
    ];
    let mut blocks = vec![
        header(&title),
        section(&what.join("\n")),
        fields(details.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)))),
    ];
    blocks.extend(tags(finding));
    blocks.push(section(next));
    blocks.extend(actions(facts::open_button(finding)));
    blocks.push(context([format!("Finding {}", facts::name(&finding.id))]));
    Message::new(&format!("{}: {}", plain(&title, 150), facts::object(finding)), blocks)
}
