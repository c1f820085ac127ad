//! Text from outside, made fit for a message.
//!
//! Object keys, log lines and issue texts are written by strangers. In a Slack message they could mention everybody,
//! pose as a link, or hide characters; each passes through [`plain`] or [`code`] and is cut to what Slack takes.

use std::fmt::Write as _;

use jiff::Timestamp;

/// What stands where text was cut.
const ELLIPSIS: char = '…';

/// At most `limit` characters; a cut is shown by an ellipsis, which counts.
#[must_use]
pub fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut shorter: String = text.chars().take(limit.saturating_sub(1)).collect();
    if limit > 0 {
        shorter.push(ELLIPSIS);
    }
    shorter
}

/// A moment as people read it, and as a record that people read has it: seconds are enough.
#[must_use]
pub fn to_seconds(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

/// The bytes in lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}"); // writing to a String cannot fail
        digits
    })
}

/// Escapes the three characters that Slack reads as control characters; nothing else may be escaped (Slack
/// documentation, "Escaping text"; facts 6.5).
///
/// Cut first, then escape: cutting an escaped text could leave half an entity.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match entity(character) {
            Some(entity) => escaped.push_str(entity),
            None => escaped.push(character),
        }
    }
    escaped
}

fn entity(character: char) -> Option<&'static str> {
    match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

/// The text escaped, and at most `limit` characters of that: Slack's limits count what is sent, and a key full of `&` is
/// five times as long there. A cut is shown by an ellipsis, which counts, and leaves every entity whole.
fn escape_within(text: &str, limit: usize) -> String {
    let length = |character: char| entity(character).map_or(1, str::len);
    if text.chars().map(length).sum::<usize>() <= limit {
        return escape(text);
    }
    let mut room = limit.saturating_sub(1);
    let fits = text.chars().take_while(|character| {
        let left = room.checked_sub(length(*character));
        room = left.unwrap_or_default();
        left.is_some()
    });
    let mut shorter = escape(&fits.collect::<String>());
    if limit > 0 {
        shorter.push(ELLIPSIS);
    }
    shorter
}

/// Outside text for running prose: one line of at most `limit` characters, invisible characters shown, Slack's control
/// characters escaped, and nothing in it that Slack would format or make a link of.
#[must_use]
pub fn plain(text: &str, limit: usize) -> String {
    let alike = |character| match character {
        // Slack formats `*bold*`, `_italic_`, `~strike~` and `` `code` ``. There is no way to escape these marks, so
        // marks that look the same and mean nothing stand in their place.
        '*' => '∗',
        '_' => 'ˍ',
        '~' => '∼',
        '`' => 'ˋ',
        other => other,
    };
    let shown: String = visible(text).chars().map(alike).collect();
    // A word joiner, which is not seen: an address is to be read, not to be followed.
    escape_within(&shown.replace("://", ":\u{2060}//"), limit)
}

/// Outside text as a code span of at most `limit` characters between its marks: `` `bucket/key` ``. Backticks, which
/// would end the span, are shown as `ˋ`.
#[must_use]
pub fn code(text: &str, limit: usize) -> String {
    let inner = escape_within(&visible(text).replace('`', "ˋ"), limit);
    // Slack shows an empty span as two backticks.
    if inner.is_empty() { "`(empty)`".to_owned() } else { format!("`{inner}`") }
}

/// The text with every control, bidirectional, zero-width or otherwise invisible character written as `\u{…}`, so
/// that what a person reads is what is there.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_invisible(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Control and format characters (Unicode categories Cc, Cf, Zl, Zp), fillers and variation selectors.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cutting_counts_characters_and_shows_the_cut() {
        assert_eq!(cut("Résumé", 6), "Résumé");
        assert_eq!(cut("Résumés", 6), "Résum…");
        assert_eq!(cut("ab", 0), "");
    }

    #[test]
    fn a_mention_or_link_in_outside_text_is_only_text() {
        assert_eq!(
            plain("<!channel> & <https://evil|details>", 80),
            "&lt;!channel&gt; &amp; &lt;https:\u{2060}//evil|details&gt;"
        );
        assert_eq!(code("<@U1>", 80), "`&lt;@U1&gt;`");
    }

    #[test]
    fn formatting_marks_and_addresses_are_only_text() {
        assert_eq!(plain("*a* _b_ ~c~ `d`", 80), "∗a∗ ˍbˍ ∼c∼ ˋdˋ");
        assert_eq!(plain("see https://evil.example", 80), "see https:\u{2060}//evil.example");
        assert_eq!(code("a`b` c", 80), "`aˋbˋ c`");
        assert_eq!(code("", 80), "`(empty)`");
    }

    #[test]
    fn what_cannot_be_seen_is_spelled_out() {
        assert_eq!(visible("a\u{202e}gpj.exe\u{200b}\n"), "a\\u{202e}gpj.exe\\u{200b}\\u{a}");
    }

    #[test]
    fn a_cut_counts_what_is_sent_and_leaves_entities_whole() {
        assert_eq!(plain(&"&".repeat(400), 400).chars().count(), 396);
        assert_eq!(plain("a&b", 7), "a&amp;b");
        assert_eq!(plain("a&bc", 7), "a&amp;…");
        assert_eq!(plain("ab&c", 7), "ab…");
        assert_eq!(plain("&amp;", 5), "…");
        assert_eq!(code("<<", 8), "`&lt;&lt;`");
        assert_eq!(code("<<<", 8), "`&lt;…`");
    }

    proptest! {

        #[test]
        fn outside_text_can_never_hold_a_control_sequence(text in "\\PC*|[<>&`*_~a|!@#]{0,40}", limit in 0usize..60) {
            for shown in [plain(&text, limit), code(&text, limit)] {
                prop_assert!(!shown.contains(['<', '>', '\n']));
                // Each `&` begins a whole entity.
                let rest = shown.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
                prop_assert!(!rest.contains('&'), "{}", shown);
            }
            prop_assert!(plain(&text, limit).chars().count() <= limit);
            prop_assert!(code(&text, limit).chars().count() <= limit.max("(empty)".len()) + 2);
            let prose = plain(&text, limit);
            prop_assert!(!prose.contains(['*', '_', '~', '`']) && !prose.contains("://"));
            let span = code(&text, limit);
            prop_assert!(!span[1..span.len() - 1].contains('`'));
        }

        #[test]
        fn a_cut_text_is_never_longer_than_the_limit(text in ".*", limit in 0usize..60) {
            prop_assert!(cut(&text, limit).chars().count() <= limit);
        }
    }
}
