//! What the messages say about a finding, in Slack's markup.

use jiff::Timestamp;

use super::OPEN_FINDING_ACTION;
use super::blocks::{Button, Confirm, Menu};
use super::button::{Action, DismissReason, Signer};
use crate::console;
use crate::finding::{Encryption, Finding, Occurrences};
use crate::policy::Why;
use crate::remediation::{Click, Decision};
use crate::text::{code, plain};

/// Characters of a name that is shown. Escaping makes five of each at most, and a section takes 3,000.
const NAME: usize = 560;
/// Characters of a short value in a field.
const VALUE: usize = 150;
const MOST_KINDS: usize = 10;
const MOST_PLACES: usize = 5;

/// `` `bucket/key` ``, or the bucket alone for a finding about a bucket.
pub(super) fn object(finding: &Finding) -> String {
    match (finding.object(), finding.bucket()) {
        (Some(object), _) => location(&object.bucket, &object.key),
        (None, Some(bucket)) => code(bucket, NAME),
        (None, None) => "not named".to_owned(),
    }
}

pub(super) fn location(bucket: &str, key: &str) -> String {
    code(&format!("{bucket}/{key}"), NAME)
}

pub(super) fn name(text: &str) -> String {
    code(text, VALUE)
}

pub(super) fn severity(finding: &Finding) -> String {
    finding.severity().map_or_else(|| "Unknown".to_owned(), |severity| severity.to_string())
}

/// In the time zone and language of whoever reads it.
pub(super) fn time(at: Timestamp) -> String {
    let fallback = at.strftime("%Y-%m-%d %H:%M UTC");
    format!("<!date^{}^{{date_short_pretty}} {{time}}|{fallback}>", at.as_second())
}

/// `80 bytes`, `5.4 GB`: powers of ten, as S3 counts.
pub(super) fn size(bytes: u64) -> String {
    let units = [("TB", 1_000_000_000_000_u64), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)];
    for (unit, scale) in units {
        if bytes >= scale {
            let tenths = u128::from(bytes) * 10 / u128::from(scale);
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") }
}

/// A mention, which tells the person too; an id in a form that Slack does not have is only shown.
pub(super) fn person(user_id: &str) -> String {
    if !user_id.is_empty() && user_id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
        format!("<@{user_id}>")
    } else {
        name(user_id)
    }
}

/// Who decided, and when if it was a person.
pub(super) fn decided_by(decision: &Decision) -> String {
    match decision {
        Decision::Policy => "Configuration (AUTO for this type of finding)".to_owned(),
        Decision::Person(click) => clicked_by(click),
        Decision::TwoPeople(clicks) => {
            format!("{} and {}", clicked_by(&clicks.first), clicked_by(&clicks.second))
        }
    }
}

pub(super) fn clicked_by(click: &Click) -> String {
    format!("{}, {}", person(&click.user_id), time(click.decided_at))
}

/// Kinds, counts and places, one line each; never the data itself.
pub(super) fn detections(finding: &Finding) -> String {
    let Some(result) = finding.classification_details.as_ref().and_then(|details| details.result.as_ref()) else {
        return "Macie gave no details".to_owned();
    };
    let managed = result.sensitive_data.iter().flat_map(|data| {
        data.detections
            .iter()
            .map(|found| (found.kind.as_deref().map(detection_name), found.count, found.occurrences.as_ref()))
    });
    let custom = result.custom_data_identifiers.iter().flat_map(|custom| {
        custom.detections.iter().map(|found| {
            let name = found.name.as_deref().unwrap_or("unnamed");
            (Some(format!("Custom identifier {}", code(name, VALUE))), found.count, found.occurrences.as_ref())
        })
    });
    let all: Vec<_> = managed.chain(custom).collect();
    if all.is_empty() {
        return "Macie gave no details".to_owned();
    }
    let mut lines: Vec<String> = all
        .iter()
        .take(MOST_KINDS)
        .map(|(name, count, occurrences)| {
            let name = name.as_deref().unwrap_or("unnamed");
            let count = count.map(|count| format!("{count} × ")).unwrap_or_default();
            format!("• {count}{name}{}", occurrences.map(places).unwrap_or_default())
        })
        .collect();
    if all.len() > MOST_KINDS {
        lines.push(format!("• … and {} more kinds", all.len() - MOST_KINDS));
    }
    if result.additional_occurrences == Some(true) {
        lines.push("• … and more places than Macie lists".to_owned());
    }
    lines.join("\n")
}

/// `CREDIT_CARD_NUMBER` -> `Credit card number`; what is usually written in capitals stays so.
fn detection_name(kind: &str) -> String {
    const CAPITALS: [&str; 14] =
        ["API", "AWS", "GCP", "HTTP", "ID", "JWT", "NHS", "PGP", "SSH", "UK", "US", "USA", "VIN", "TFN"];
    let word = |(index, word): (usize, &str)| match word.split_at_checked(1) {
        Some((first, rest)) if index == 0 && !CAPITALS.contains(&word) => format!("{first}{}", rest.to_lowercase()),
        Some(_) if !CAPITALS.contains(&word) => word.to_lowercase(),
        _ => word.to_owned(),
    };
    plain(&kind.split('_').enumerate().map(word).collect::<Vec<_>>().join(" "), VALUE)
}

/// ` (lines 2, 7–9)`; empty when Macie does not say.
fn places(found: &Occurrences) -> String {
    let lines = found.line_ranges.iter().filter_map(|range| match (range.start, range.end) {
        (Some(start), Some(end)) if end > start => Some(format!("{start}–{end}")),
        (Some(line), _) => Some(line.to_string()),
        (None, _) => None,
    });
    let cells = found.cells.iter().filter_map(|cell| match (cell.row, cell.column) {
        (Some(row), Some(column)) => Some(format!("{row}/{column}")),
        _ => None,
    });
    let pages = found.pages.iter().filter_map(|page| page.page_number).map(|page| page.to_string());
    let records = found.records.iter().filter_map(|record| record.record_index).map(|record| record.to_string());
    let (kind, all): (_, Vec<String>) = [
        ("line", lines.collect()),
        ("row/column", cells.collect()),
        ("page", pages.collect()),
        ("record", records.collect::<Vec<String>>()),
    ]
    .into_iter()
    .find(|(_, all)| !all.is_empty())
    .unwrap_or_default();
    if all.is_empty() {
        return String::new();
    }
    let plural = if all.len() == 1 || kind == "row/column" { "" } else { "s" };
    let more = if all.len() > MOST_PLACES { ", …" } else { "" };
    let first = all.iter().take(MOST_PLACES).map(String::as_str).collect::<Vec<_>>().join(", ");
    format!(" ({kind}{plural} {first}{more})")
}

/// Whether this can be a Region, which becomes part of an address, and its console has one that is known.
fn has_console(region: &str) -> bool {
    let is_region = region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    !region.is_empty() && is_region && console::is_known(region)
}

/// The button that opens the finding in Macie's console.
pub(super) fn open_button(finding: &Finding) -> Option<Button> {
    open_button_of(finding.region.as_deref()?, &finding.id)
}

/// The same for a finding of which no more is known.
pub(super) fn open_button_of(region: &str, finding_id: &str) -> Option<Button> {
    has_console(region)
        .then(|| Button::link("Open in Macie", OPEN_FINDING_ACTION, console::macie_finding(region, finding_id)))
}

/// A link to the object's key in the S3 console, where all its versions can be seen.
pub(super) fn object_link(finding: &Finding, label: &str) -> Option<String> {
    let object = finding.object()?;
    let region = finding.region.as_deref().filter(|region| has_console(region))?;
    let address = console::object(region, &object.bucket, &object.key);
    // Longer than a section allows is of no use to anybody.
    (address.len() <= 2_000).then(|| format!("<{address}|{label}>"))
}

/// Why a bucket may not be touched, and what to do.
pub(super) fn out_of_reach(why: Why) -> (&'static str, &'static str) {
    match why {
        Why::OtherAccount => (
            "The bucket belongs to another account than this deployment.",
            "tell whoever runs that account, or deploy this stack there too.",
        ),
        Why::OutsideSources | Why::Unpinned => (
            "This deployment may not touch the bucket: its name does not match `SourceBucketPattern`, which was changed \
             since this was decided.",
            "act by hand, or change that parameter, then press the button again.",
        ),
    }
}

/// The red button. Its dialog says once more what it does.
pub(super) fn remediate_button(finding: &Finding, label: &str, signer: &Signer<'_>) -> Option<Button> {
    let object = finding.object()?;
    let value = signer.value(Action::Remediate, &finding.id)?;
    let question = format!(
        "Move this version of {} out of {} into quarantine, and delete it there? Other versions stay. It can be undone \
         for {} days.",
        crate::text::cut(&crate::text::visible(&object.key), 100),
        object.bucket,
        signer.restorable_days(),
    );
    let confirm = Confirm::new("Quarantine this object?", &question, "Quarantine", "Cancel");
    Some(Button::danger(label, Action::Remediate.action_id(), value, confirm))
}

/// The menu that closes the case without touching the object, one option a reason.
pub(super) fn dismiss_menu(finding: &Finding, signer: &Signer<'_>) -> Option<Menu> {
    let option = |reason: DismissReason| {
        Some((reason.label(&finding.kind), signer.value(Action::Dismiss(reason), &finding.id)?))
    };
    let options = DismissReason::ALL.into_iter().map(option).collect::<Option<Vec<_>>>()?;
    let question = if finding.is_policy() {
        "Close this finding without changing anything? It is recorded who said so and why. If it happens to this bucket \
         again, it is shown again, unless you accept the risk."
    } else {
        "Close this finding without moving anything? It is recorded who said so and why, and later findings of this \
         type about the same version are not shown again."
    };
    let confirm = Confirm::new("Dismiss this finding?", question, "Dismiss", "Cancel");
    let action_id = Action::Dismiss(DismissReason::FalsePositive).action_id();
    Some(Menu::new("Dismiss …", action_id, options, confirm))
}

pub(super) fn encryption(encryption: &Encryption) -> Option<String> {
    let kind = encryption.encryption_type.as_deref()?;
    let kind = match kind {
        "NONE" => "None".to_owned(),
        "AES256" => "S3-managed key".to_owned(),
        "aws:kms" | "aws:kms:dsse" => "KMS key".to_owned(),
        other => name(other),
    };
    Some(match encryption.kms_master_key_id.as_deref() {
        Some(key) => format!("{kind} {}", name(key)),
        None => kind,
    })
}
