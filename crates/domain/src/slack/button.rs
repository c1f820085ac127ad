//! The values of our buttons, signed by us.
//!
//! Slack's signature says that Slack sent a click; it does not say that the button in it is one that we made. Ours does,
//! and for whom: a value holds for one action on one subject, in one channel of one workspace, until it expires.
//!
//! A value is `<action>.<expiry>.<subject>.<code>`: the action's name (with `-listed` in a list), seconds since 1970 in hexadecimal digits, the id
//! of what is acted on, and half of an HMAC-SHA256 over all of it, the workspace and the channel. At most 150
//! characters, Slack's limit for an option of a menu; a button would take 2,000.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

use crate::finding::FindingType;
use crate::quarantine::Retention;
use crate::text::hex;

/// Macie keeps a finding for 90 days; nothing could be looked up for an older button.
pub const VALID_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);
/// RFC 2104, section 5: a code may be cut to half of its length, and not further.
const CODE_BYTES: usize = 16;
const LONGEST_VALUE: usize = 150;
/// Behind the name of an action whose button is in a list.
const LISTED: &str = "-listed";

/// What a button asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Quarantine the finding's object. Subject: a finding.
    Remediate,
    /// Close the case without touching the object. Subject: a finding.
    Dismiss(DismissReason),
    /// Take a dismissal back. Subject: a finding.
    Reopen,
    /// Move the object back. Subject: a case.
    Restore,
    /// Quarantine the other versions of the object's key as well. Subject: a case.
    QuarantineVersions,
    /// Turn Block Public Access on for the finding's bucket. Subject: a finding.
    BlockPublicAccess,
    /// Turn default encryption on for the finding's bucket. Subject: a finding.
    EncryptByDefault,
    /// Show the next findings of a digest. Subject: a digest.
    ShowMore,
}

/// Why a finding needs no action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DismissReason {
    /// It is not what Macie took it for.
    FalsePositive,
    /// Made up, for tests.
    TestData,
    /// It may stay where it is.
    AcceptedRisk,
    /// Somebody deals with it outside of this channel.
    HandledElsewhere,
}

impl DismissReason {
    pub const ALL: [Self; 4] = [Self::FalsePositive, Self::TestData, Self::AcceptedRisk, Self::HandledElsewhere];

    /// As an option of the menu, and as a sentence without its end, about a finding of this type. At most 75 characters,
    /// Slack's limit for an option.
    #[must_use]
    pub fn label(self, kind: &FindingType) -> &'static str {
        match self {
            Self::FalsePositive if kind.is_policy() => "False positive: the bucket is as it should be",
            Self::TestData if kind.is_policy() => "Test data: nothing real is in the bucket",
            Self::AcceptedRisk if kind.is_policy() => "Accepted risk: it may stay so, also if it happens again",
            Self::FalsePositive => "False positive: it is not what Macie took it for",
            Self::TestData => "Test data: it is made up",
            Self::AcceptedRisk => "Accepted risk: it may stay where it is",
            Self::HandledElsewhere => "Handled elsewhere: somebody deals with it",
        }
    }
}

impl Action {
    const ALL: [Self; 11] = [
        Self::Remediate,
        Self::Dismiss(DismissReason::FalsePositive),
        Self::Dismiss(DismissReason::TestData),
        Self::Dismiss(DismissReason::AcceptedRisk),
        Self::Dismiss(DismissReason::HandledElsewhere),
        Self::Reopen,
        Self::Restore,
        Self::QuarantineVersions,
        Self::BlockPublicAccess,
        Self::EncryptByDefault,
        Self::ShowMore,
    ];

    /// Slack's `action_id`: a menu has one for all its options.
    #[must_use]
    pub fn action_id(self) -> &'static str {
        match self {
            Self::Dismiss(_) => "dismiss",
            other => other.name(),
        }
    }

    /// The name in a value.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Remediate => "remediate",
            Self::Dismiss(DismissReason::FalsePositive) => "dismiss-false-positive",
            Self::Dismiss(DismissReason::TestData) => "dismiss-test-data",
            Self::Dismiss(DismissReason::AcceptedRisk) => "dismiss-accepted-risk",
            Self::Dismiss(DismissReason::HandledElsewhere) => "dismiss-handled-elsewhere",
            Self::Reopen => "reopen",
            Self::Restore => "restore",
            Self::QuarantineVersions => "quarantine-versions",
            Self::BlockPublicAccess => "block-public-access",
            Self::EncryptByDefault => "encrypt-by-default",
            Self::ShowMore => "show-more",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// Signs values for one channel of one workspace, and knows for how long what they do can be undone.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    key: &'a [u8],
    place: Place<'a>,
    retention: Retention,
    now: Timestamp,
    in_list: bool,
}

/// Where a button is shown, in Slack's ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    pub team_id: &'a str,
    pub channel_id: &'a str,
}

/// What a deployment says about its buttons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where they are shown, and only there they work.
    pub team_id: String,
    pub channel_id: String,
    /// How long objects stay in quarantine.
    pub retention: Retention,
}

impl Settings {
    #[must_use]
    pub fn place(&self) -> Place<'_> {
        Place { team_id: &self.team_id, channel_id: &self.channel_id }
    }

    /// Signs for buttons that are made `now`, with the newest of the secret's keys.
    #[must_use]
    pub fn signer<'a>(&'a self, key: &'a str, now: Timestamp) -> Signer<'a> {
        Signer::new(key, self.place(), self.retention, now)
    }
}

/// A button that we made for this place, and that still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed {
    pub action: Action,
    /// Whether it is part of a list of findings, which stays; else its message is replaced by what was done.
    pub in_list: bool,
    /// The id of a finding, a case or a digest, as [`Action`] says.
    pub subject: String,
    /// When the button was made.
    pub made_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValue {
    /// Not made by us, or for another place, or edited.
    #[error("the button's value was not signed by this deployment for this channel")]
    Forged,
    #[error("the button has expired")]
    Expired,
}

impl<'a> Signer<'a> {
    /// `key` is the newest of the secret's keys, as text of at least 32 characters; `now` is when the buttons are made.
    #[must_use]
    pub fn new(key: &'a str, place: Place<'a>, retention: Retention, now: Timestamp) -> Self {
        Self { key: key.as_bytes(), place, retention, now, in_list: false }
    }

    /// When the message is made.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// How long objects stay in quarantine.
    #[must_use]
    pub fn retention(&self) -> Retention {
        self.retention
    }

    /// For how many days what is moved into quarantine can be put back with a button.
    #[must_use]
    pub fn restorable_days(&self) -> i64 {
        let valid = VALID_FOR.as_hours() / 24;
        self.retention.days().map_or(valid, |days| valid.min(days.into()))
    }

    /// Until when a button that is made now can put back what came into quarantine at `since`.
    #[must_use]
    pub fn restorable_until(&self, since: Timestamp) -> Timestamp {
        let expiry = self.now.checked_add(VALID_FOR).unwrap_or(Timestamp::MAX);
        self.retention.ends_at(since).map_or(expiry, |end| end.min(expiry))
    }

    /// Signs for buttons in a list of findings.
    #[must_use]
    pub fn for_list(self) -> Self {
        Self { in_list: true, ..self }
    }

    /// The value of a button. None for a subject that is no id (ASCII letters, digits, `-` and `_`) or too long: such a
    /// thing gets no button.
    #[must_use]
    pub fn value(&self, action: Action, subject: &str) -> Option<String> {
        let expiry = self.now.checked_add(VALID_FOR).ok()?;
        let list = if self.in_list { LISTED } else { "" };
        let signed = format!("{}{list}.{:x}.{subject}", action.name(), expiry.as_second());
        let code = code(self.key, self.place, &signed)?.finalize();
        let value = format!("{signed}.{}", hex(code.as_bytes().get(..CODE_BYTES)?));
        (is_id(subject) && value.len() <= LONGEST_VALUE).then_some(value)
    }
}

/// Reads the value of a button that was pressed in `place`. `keys` may be two while one replaces the other.
///
/// # Errors
/// [`InvalidValue`]; whether a value is ours is found out before anything in it is believed.
pub fn verify<'a>(
    value: &str,
    keys: impl IntoIterator<Item = &'a str>,
    place: Place<'_>,
    now: Timestamp,
) -> Result<Pressed, InvalidValue> {
    let (signed, given) = value.rsplit_once('.').ok_or(InvalidValue::Forged)?;
    let given = decode(given).ok_or(InvalidValue::Forged)?;
    let is_ours =
        |key: &str| code(key.as_bytes(), place, signed).is_some_and(|code| code.verify_truncated_left(&given).is_ok());
    if value.len() > LONGEST_VALUE || !keys.into_iter().any(is_ours) {
        return Err(InvalidValue::Forged);
    }
    let mut parts = signed.splitn(3, '.');
    let (Some(action), Some(expiry), Some(subject)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(InvalidValue::Forged);
    };
    let in_list = action.ends_with(LISTED);
    let action = Action::named(action.strip_suffix(LISTED).unwrap_or(action)).ok_or(InvalidValue::Forged)?;
    let expiry = i64::from_str_radix(expiry, 16).map_err(|_| InvalidValue::Forged)?;
    if now.as_second() >= expiry {
        return Err(InvalidValue::Expired);
    }
    let made_at = Timestamp::from_second(expiry).ok().and_then(|expiry| expiry.checked_sub(VALID_FOR).ok());
    let made_at = made_at.ok_or(InvalidValue::Forged)?;
    Ok(Pressed { action, in_list, subject: subject.to_owned(), made_at })
}

fn code(key: &[u8], place: Place<'_>, signed: &str) -> Option<Hmac<Sha256>> {
    let mut code = Hmac::<Sha256>::new_from_slice(key).ok()?;
    // Slack's ids have no NUL, so no two places give the same bytes.
    for part in ["security-chatops button 1", place.team_id, place.channel_id, signed] {
        code.update(part.as_bytes());
        code.update(b"\0");
    }
    Some(code)
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn decode(text: &str) -> Option<[u8; CODE_BYTES]> {
    let mut bytes = [0; CODE_BYTES];
    let is_lowercase_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * CODE_BYTES || !text.bytes().all(is_lowercase_hex) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

impl std::fmt::Debug for Signer<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Signer").field("place", &self.place).field("now", &self.now).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";
    const OLD_KEY: &str = "fedcba9876543210fedcba9876543210";
    const PLACE: Place<'static> = Place { team_id: "T1", channel_id: "C1" };
    const FINDING: &str = "2bc3f1e4-6a5d-4b1c-9d0e-7f8a9b0c1d2e";

    fn made() -> Timestamp {
        "2026-11-20T10:00:00Z".parse().unwrap()
    }

    fn value(action: Action) -> String {
        Signer::new(KEY, PLACE, Retention::FOR_EVER, made()).value(action, FINDING).unwrap()
    }

    #[test]
    fn every_action_comes_back_with_its_subject_and_fits_an_option_of_a_menu() {
        let signer = Signer::new(KEY, PLACE, Retention::FOR_EVER, made());
        for (action, in_list) in Action::ALL.into_iter().flat_map(|action| [(action, false), (action, true)]) {
            let signer = if in_list { signer.for_list() } else { signer };
            let value = signer.value(action, FINDING).unwrap();
            assert!(value.len() <= 150, "{value}");
            let pressed = verify(&value, [KEY], PLACE, made()).unwrap();
            assert_eq!(pressed, Pressed { action, in_list, subject: FINDING.into(), made_at: made() });
        }
        for reason in DismissReason::ALL {
            assert!(Action::ALL.contains(&Action::Dismiss(reason)));
        }
    }

    #[test]
    fn a_button_of_another_place_or_key_is_forged() {
        let value = value(Action::Remediate);
        for place in [Place { team_id: "T2", ..PLACE }, Place { channel_id: "C2", ..PLACE }] {
            assert_eq!(verify(&value, [KEY], place, made()), Err(InvalidValue::Forged));
        }
        assert_eq!(verify(&value, [OLD_KEY], PLACE, made()), Err(InvalidValue::Forged));
        assert_eq!(verify(&value, [], PLACE, made()), Err(InvalidValue::Forged));
    }

    #[test]
    fn two_keys_hold_while_one_replaces_the_other() {
        let value = value(Action::Restore);
        assert!(verify(&value, [OLD_KEY, KEY], PLACE, made()).is_ok());
    }

    #[test]
    fn a_button_expires_with_its_finding() {
        let value = value(Action::Remediate);
        let after = |hours| made().checked_add(SignedDuration::from_hours(hours)).unwrap();
        assert!(verify(&value, [KEY], PLACE, after(90 * 24 - 1)).is_ok());
        assert_eq!(verify(&value, [KEY], PLACE, after(90 * 24)), Err(InvalidValue::Expired));
    }

    #[test]
    fn what_can_be_undone_ends_with_the_button_or_with_the_quarantine() {
        let hours = |hours| made().checked_add(SignedDuration::from_hours(hours)).unwrap();
        let moved = hours(-24);
        for (retention, days, until) in [
            ("0", 90, hours(90 * 24)),
            ("30", 30, hours(29 * 24)),
            ("91", 90, hours(90 * 24)),
            ("400", 90, hours(90 * 24)),
        ] {
            let signer = Signer::new(KEY, PLACE, retention.parse().unwrap(), made());
            assert_eq!((signer.restorable_days(), signer.restorable_until(moved)), (days, until), "{retention}");
        }
    }

    #[test]
    fn what_is_no_id_gets_no_button() {
        let signer = Signer::new(KEY, PLACE, Retention::FOR_EVER, made());
        for subject in ["", "a b", "a.b", "../x", "<!channel>", "ä", &"f".repeat(120)] {
            assert_eq!(signer.value(Action::Remediate, subject), None, "{subject}");
        }
    }

    proptest! {
        #[test]
        fn no_edited_value_holds(index in 0_usize..110, with in any::<char>()) {
            let original = value(Action::BlockPublicAccess);
            let mut edited: Vec<char> = original.chars().collect();
            let index = index % edited.len();
            prop_assume!(edited[index] != with);
            edited[index] = with;
            let edited: String = edited.into_iter().collect();
            prop_assert_eq!(verify(&edited, [KEY], PLACE, made()), Err(InvalidValue::Forged));
        }

        #[test]
        fn garbage_is_forged(text in ".{0,300}") {
            prop_assert_eq!(verify(&text, [KEY], PLACE, made()), Err(InvalidValue::Forged));
        }
    }
}
