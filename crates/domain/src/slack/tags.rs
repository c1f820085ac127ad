//! The tags of the bucket and the object: they say who owns the data.

use super::blocks::{Block, fields};
use crate::finding::{Finding, Tag};
use crate::text::code;

const MOST: usize = 5;
/// Characters of a key with its value, of 384 that a tag may have. Escaping makes five of each at most, and a field takes
/// 2,000.
const TAG: usize = 72;

/// What a key has in it that says who answers for the data, or what it belongs to: the most telling first.
const TELLING: [&[&str]; 4] = [
    &["owner"],
    &["team", "squad", "contact", "mail", "steward", "custodian", "maintainer", "responsible", "slack"],
    &["costcenter", "costcentre", "department", "businessunit", "project", "product", "application", "service"],
    &["environment", "stage", "classification", "confidentiality"],
];

/// The tags of both, as far as there are any.
pub(super) fn tags(finding: &Finding) -> Option<Block> {
    let resources = finding.resources_affected.as_ref()?;
    let bucket = resources.s3_bucket.as_ref().and_then(|bucket| line(&bucket.tags));
    let object = resources.s3_object.as_ref().and_then(|object| line(&object.tags));
    let both = bucket.map(|tags| ("Bucket tags", tags)).into_iter().chain(object.map(|tags| ("Object tags", tags)));
    let both: Vec<_> = both.collect();
    (!both.is_empty()).then(|| fields(both))
}

/// The tags that a team needs most, and how many more there are.
fn line(tags: &[Tag]) -> Option<String> {
    let mut tags: Vec<&Tag> = tags.iter().filter(|tag| tag.key.is_some()).collect();
    // Stable: what is equally telling stays in Macie's order.
    tags.sort_by_key(|tag| rank(tag.key.as_deref().unwrap_or_default()));
    let shown = tags.iter().take(MOST).map(|tag| {
        let (key, value) = (tag.key.as_deref().unwrap_or_default(), tag.value.as_deref().unwrap_or_default());
        code(&format!("{key}={value}"), TAG)
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    let more = tags.len().saturating_sub(MOST);
    let more = if more > 0 { format!(", … and {more} more") } else { String::new() };
    (!tags.is_empty()).then(|| format!("{shown}{more}"))
}

fn rank(key: &str) -> usize {
    // AWS's own, such as the stack that a bucket belongs to, say least about people.
    if key.starts_with("aws:") {
        return TELLING.len() + 1;
    }
    let letters: String =
        key.chars().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase()).collect();
    TELLING.iter().position(|words| words.iter().any(|word| letters.contains(word))).unwrap_or(TELLING.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(tags: &[(&str, &str)]) -> String {
        let tag = |(key, value): &(&str, &str)| Tag { key: Some((*key).into()), value: Some((*value).into()) };
        line(&tags.iter().map(tag).collect::<Vec<_>>()).unwrap_or_default()
    }

    #[test]
    fn who_answers_for_the_data_comes_first() {
        assert_eq!(
            shown(&[
                ("aws:cloudformation:stack-name", "owner-stack"),
                ("a", "1"),
                ("Environment", "prod"),
                ("cost-center", "4711"),
                ("Team", "payments"),
                ("data_Owner", "ann@acme.example"),
            ]),
            "`data_Owner=ann@acme.example`, `Team=payments`, `cost-center=4711`, `Environment=prod`, `a=1`, … and 1 more"
        );
    }

    #[test]
    fn long_and_hostile_tags_are_cut_and_only_text() {
        assert_eq!(shown(&[]), "");
        assert_eq!(shown(&[("", "x")]), "`=x`");
        assert_eq!(shown(&[("owner", "`<!channel>`\n\u{202e}")]), "`owner=ˋ&lt;!channel&gt;ˋ\\u{a}\\u{202e}`");
        let long = shown(&[("owner", &"x".repeat(256))]);
        assert_eq!((long.chars().count(), long.ends_with("…`")), (TAG + 2, true), "{long}");
    }

    #[test]
    fn the_worst_tags_fit_into_a_field_uncut() {
        let value = "&".repeat(256);
        let line = shown(&[("owner", value.as_str()); 50]);
        assert!(line.chars().count() < 2_000 - "*Object tags*\n".len(), "{}", line.chars().count());
        assert!(line.ends_with("… and 45 more"));
    }
}
