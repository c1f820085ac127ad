//! Slack's markup, read into pieces and shown as plain text or as HTML.
//!
//! <https://docs.slack.dev/messaging/formatting-message-text>

use std::fmt::Write as _;

use jiff::{Timestamp, tz::TimeZone};

/// A piece of a text. What is inside is no longer escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    Code(String),
    Block(String),
    Link {
        url: String,
        label: String,
    },
    /// A person, a channel or a group: somebody is notified.
    Mention(String),
}

/// Cuts a text in Slack's markup into its pieces.
#[must_use]
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(['`', '<']) {
        let (before, from) = rest.split_at(start);
        let Some((piece, length)) = code(from).or_else(|| angle(from)) else {
            // A lone sign is a sign.
            let (sign, after) = from.split_at(1);
            push_text(&mut pieces, &format!("{before}{sign}"));
            rest = after;
            continue;
        };
        push_text(&mut pieces, before);
        pieces.push(piece);
        rest = from.split_at(length).1;
    }
    push_text(&mut pieces, rest);
    pieces
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    let text = unescape(text);
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(last)) => last.push_str(&text),
        _ => pieces.push(Piece::Text(text)),
    }
}

fn code(from: &str) -> Option<(Piece, usize)> {
    if let Some(rest) = from.strip_prefix("```") {
        let end = rest.find("```")?;
        return Some((Piece::Block(unescape(rest.split_at(end).0)), end + 6));
    }
    let rest = from.strip_prefix('`')?;
    let end = rest.find('`').filter(|end| *end > 0)?;
    let inside = rest.split_at(end).0;
    // A code span ends with its line.
    (!inside.contains('\n')).then(|| (Piece::Code(unescape(inside)), end + 2))
}

fn angle(from: &str) -> Option<(Piece, usize)> {
    let rest = from.strip_prefix('<')?;
    let end = rest.find('>')?;
    let inside = rest.split_at(end).0;
    let (target, label) = match inside.split_once('|') {
        Some((target, label)) => (target, Some(unescape(label))),
        None => (inside, None),
    };
    let piece = match target.chars().next()? {
        '@' | '#' => Piece::Mention(label.unwrap_or_else(|| target.to_owned())),
        '!' if target.starts_with("!date^") => Piece::Text(date(target).or(label)?),
        '!' => Piece::Mention(target.replacen('!', "@", 1)),
        _ if inside.contains(char::is_whitespace) && label.is_none() => return None,
        _ => {
            let url = unescape(target);
            Piece::Link { label: label.unwrap_or_else(|| url.clone()), url }
        }
    };
    Some((piece, end + 2))
}

/// `!date^EPOCH^FORMAT`: Slack shows it in the reader's zone, this stand-in in UTC.
fn date(target: &str) -> Option<String> {
    let seconds = target.split('^').nth(1)?.parse().ok()?;
    let time = Timestamp::from_second(seconds).ok()?.to_zoned(TimeZone::UTC);
    Some(time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// Undoes Slack's three escapes.
#[must_use]
pub fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// For a terminal: links are marked, as in a browser, without their address; control characters are made visible.
#[must_use]
pub fn to_text(text: &str) -> String {
    let mut shown = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => shown.push_str(&emphasis(text, &[("", ""), ("", ""), ("", "")])),
            Piece::Mention(name) => shown.push_str(&name),
            Piece::Code(code) => {
                let _ = write!(shown, "`{code}`");
            }
            Piece::Block(code) => {
                let _ = write!(shown, "\n{}\n", code.trim_matches('\n'));
            }
            Piece::Link { url, label } if url == label => shown.push_str(&url),
            Piece::Link { label, .. } => {
                let _ = write!(shown, "{label}↗");
            }
        }
    }
    shown.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// For the page in the browser. Only `http` and `https` become links.
#[must_use]
pub fn to_html(text: &str) -> String {
    let mut html = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => {
                let tags = [("<b>", "</b>"), ("<i>", "</i>"), ("<s>", "</s>")];
                html.push_str(&emphasis(escape_html(&text), &tags).replace('\n', "<br>"));
            }
            Piece::Code(code) => {
                let _ = write!(html, "<code>{}</code>", escape_html(&code));
            }
            Piece::Block(code) => {
                let _ = write!(html, "<pre>{}</pre>", escape_html(code.trim_matches('\n')));
            }
            Piece::Mention(name) => {
                let _ = write!(html, "<b class=\"mention\">{}</b>", escape_html(&name));
            }
            Piece::Link { url, label } if url.starts_with("https://") || url.starts_with("http://") => {
                let (url, label) = (escape_html(&url), escape_html(&label));
                let _ = write!(html, "<a href=\"{url}\" target=\"_blank\" rel=\"noreferrer\">{label}</a>");
            }
            Piece::Link { url, label } => html.push_str(&escape_html(&format!("{label} ({url})"))),
        }
    }
    html
}

/// `*bold*`, `_italic_` and `~struck~`, where the sign stands at the border of a word, between these instead.
fn emphasis(mut text: String, around: &[(&str, &str); 3]) -> String {
    for (sign, (open, close)) in ['*', '_', '~'].into_iter().zip(around) {
        text = emphasise(&text, sign, open, close);
    }
    text
}

fn emphasise(text: &str, sign: char, open: &str, close: &str) -> String {
    let border = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(sign) {
        let opens = border(before.chars().next_back()) && !after.starts_with([' ', '\n', sign]);
        let inside = after.split_once(sign).filter(|(inside, behind)| {
            opens
                && !inside.is_empty()
                && !inside.ends_with(' ')
                && !inside.contains('\n')
                && border(behind.chars().next())
        });
        result.push_str(before);
        if let Some((inside, behind)) = inside {
            let _ = write!(result, "{open}{inside}{close}");
            rest = behind;
        } else {
            result.push(sign);
            rest = after;
        }
    }
    result.push_str(rest);
    result
}

#[must_use]
pub fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_links_mentions_dates_and_code() {
        let text =
            "See <https://a.example/?x=1&amp;y=2|the report> by <@U1>, <!channel>, <!date^0^{date}|then>: `a&lt;b`";
        assert_eq!(to_text(text), "See the report↗ by @U1, @channel, 1970-01-01 00:00 UTC: `a<b`");
    }

    #[test]
    fn escaped_markup_is_text() {
        assert_eq!(pieces("&lt;!channel&gt; &amp;lt;"), [Piece::Text("<!channel> &lt;".to_owned())]);
        assert_eq!(pieces("a < b and `"), [Piece::Text("a < b and `".to_owned())]);
    }

    #[test]
    fn nothing_becomes_markup_of_the_page() {
        assert_eq!(to_html("&lt;script&gt;\"'"), "&lt;script&gt;&quot;&#39;");
        assert_eq!(to_html("`&lt;b&gt;`"), "<code>&lt;b&gt;</code>");
        assert_eq!(to_html("<javascript:alert(1)|click>"), "click (javascript:alert(1))");
        assert_eq!(
            to_html("<https://a.example/\"onclick=x|label>"),
            "<a href=\"https://a.example/&quot;onclick=x\" target=\"_blank\" rel=\"noreferrer\">label</a>"
        );
    }

    #[test]
    fn emphasis_needs_the_border_of_a_word() {
        assert_eq!(to_html("*bold* _it_ ~no~"), "<b>bold</b> <i>it</i> <s>no</s>");
        assert_eq!(to_html("snake_case_name 2*3*4 * x *"), "snake_case_name 2*3*4 * x *");
    }

    #[test]
    fn a_terminal_shows_no_signs_of_emphasis() {
        assert_eq!(to_text("*Size:* 3 _bytes_, a_b_c"), "Size: 3 bytes, a_b_c");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(to_text("a\u{1b}[31mb"), "a\u{fffd}[31mb");
    }
}
