//! What Slack accepts as a message: the Block Kit schema, as far as a product of ours may use it, with its limits.
//!
//! Strict on purpose. Slack answers `invalid_blocks` and drops the whole message; a stand-in that let something through
//! would turn a lost message into a green test. Limits: <https://docs.slack.dev/reference/block-kit>. Slack counts
//! Unicode characters, not bytes.

mod shape;

use std::collections::BTreeSet;

use serde_json::Value;

use self::shape::Shape;

const BLOCKS_PER_MESSAGE: usize = 50;
const TEXT_OF_MESSAGE: usize = 40_000;

/// Why a message is refused. [`Refusal::code`] is the body of Slack's answer; the details are for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Payload(String),
    NoText,
    TextTooLong,
    Blocks(Vec<String>),
}

impl Refusal {
    /// The words of Slack's own answer, which say little.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Payload(_) => "invalid_payload",
            Self::NoText => "no_text",
            Self::TextTooLong => "msg_too_long",
            Self::Blocks(_) => "invalid_blocks",
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Payload(why) => write!(formatter, "invalid_payload: {why}"),
            Self::NoText => formatter.write_str("no_text: neither text nor blocks"),
            Self::TextTooLong => write!(formatter, "msg_too_long: more than {TEXT_OF_MESSAGE} characters"),
            Self::Blocks(problems) => write!(formatter, "invalid_blocks: {}", problems.join("; ")),
        }
    }
}

/// Checks the body of a message to a webhook or to a `response_url`; `extra` names the keys that only one of them has.
pub fn check_message(body: &Value, extra: &[&str]) -> Result<(), Refusal> {
    let Some(message) = body.as_object() else {
        return Err(Refusal::Payload("not a JSON object".to_owned()));
    };
    let known = ["text", "blocks", "mrkdwn", "unfurl_links", "unfurl_media", "thread_ts"];
    if let Some(key) = message.keys().find(|key| !known.contains(&key.as_str()) && !extra.contains(&key.as_str())) {
        return Err(Refusal::Payload(format!("`{key}` is nothing that a message of this kind has")));
    }
    let text = match message.get("text") {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text.as_str(),
        Some(_) => return Err(Refusal::Payload("`text` is not a string".to_owned())),
    };
    if text.chars().count() > TEXT_OF_MESSAGE {
        return Err(Refusal::TextTooLong);
    }
    match message.get("blocks") {
        None | Some(Value::Null) if text.is_empty() => Err(Refusal::NoText),
        None | Some(Value::Null) => Ok(()),
        Some(blocks) => {
            let problems = check_blocks(blocks);
            if problems.is_empty() { Ok(()) } else { Err(Refusal::Blocks(problems)) }
        }
    }
}

/// Every problem of a list of blocks, each with the place as a JSON pointer.
pub fn check_blocks(blocks: &Value) -> Vec<String> {
    let mut shape = Shape::default();
    let Some(list) = blocks.as_array() else {
        return vec!["/blocks: must be an array".to_owned()];
    };
    if list.is_empty() || list.len() > BLOCKS_PER_MESSAGE {
        shape.problem("/blocks", format_args!("must have 1 to {BLOCKS_PER_MESSAGE} blocks, has {}", list.len()));
    }
    let mut ids = BTreeSet::new();
    for (index, block) in list.iter().enumerate() {
        let at = format!("/blocks/{index}");
        check_block(&mut shape, &at, block);
        if let Some(id) = block.get("block_id").and_then(Value::as_str)
            && !ids.insert(id)
        {
            shape.problem(&at, format_args!("block_id `{id}` is used twice"));
        }
    }
    shape.problems
}

fn check_block(shape: &mut Shape, at: &str, block: &Value) {
    shape.optional_string(at, block, "block_id", 255);
    match block.get("type").and_then(Value::as_str) {
        Some("divider") => shape.keys(at, block, &["type", "block_id"]),
        Some("header") => {
            shape.keys(at, block, &["type", "block_id", "text"]);
            shape.text(&format!("{at}/text"), block.get("text"), &["plain_text"], 150);
        }
        Some("section") => check_section(shape, at, block),
        Some("context") => {
            shape.keys(at, block, &["type", "block_id", "elements"]);
            for (at, element) in shape.list(at, block, "elements", 1, 10) {
                if element.get("type").and_then(Value::as_str) == Some("image") {
                    check_image(shape, &at, element);
                } else {
                    shape.text(&at, Some(element), &["plain_text", "mrkdwn"], 3000);
                }
            }
        }
        Some("actions") => {
            shape.keys(at, block, &["type", "block_id", "elements"]);
            let mut ids = BTreeSet::new();
            for (at, element) in shape.list(at, block, "elements", 1, 25) {
                check_element(shape, &at, element);
                if let Some(id) = element.get("action_id").and_then(Value::as_str)
                    && !ids.insert(id.to_owned())
                {
                    shape.problem(&at, format_args!("action_id `{id}` is used twice in one block"));
                }
            }
        }
        Some("image") => {
            shape.keys(at, block, &["type", "block_id", "image_url", "alt_text", "title"]);
            check_image(shape, at, block);
        }
        Some(other) => shape.problem(at, format_args!("unsupported type: `{other}` (or not known to this stand-in)")),
        None => shape.problem(at, format_args!("has no type")),
    }
}

fn check_section(shape: &mut Shape, at: &str, block: &Value) {
    shape.keys(at, block, &["type", "block_id", "text", "fields", "accessory", "expand"]);
    if block.get("text").is_none() && block.get("fields").is_none() {
        shape.problem(at, format_args!("a section needs text or fields"));
    }
    if let Some(text) = block.get("text") {
        shape.text(&format!("{at}/text"), Some(text), &["plain_text", "mrkdwn"], 3000);
    }
    if block.get("fields").is_some() {
        for (at, field) in shape.list(at, block, "fields", 1, 10) {
            shape.text(&at, Some(field), &["plain_text", "mrkdwn"], 2000);
        }
    }
    if let Some(accessory) = block.get("accessory") {
        check_element(shape, &format!("{at}/accessory"), accessory);
    }
}

fn check_element(shape: &mut Shape, at: &str, element: &Value) {
    shape.optional_string(at, element, "action_id", 255);
    if let Some(confirm) = element.get("confirm") {
        check_confirm(shape, &format!("{at}/confirm"), confirm);
    }
    match element.get("type").and_then(Value::as_str) {
        Some("button") => {
            let keys = ["type", "text", "action_id", "value", "url", "style", "confirm", "accessibility_label"];
            shape.keys(at, element, &keys);
            shape.text(&format!("{at}/text"), element.get("text"), &["plain_text"], 75);
            shape.optional_string(at, element, "value", 2000);
            shape.optional_string(at, element, "url", 3000);
            shape.optional_string(at, element, "accessibility_label", 75);
            check_style(shape, at, element);
        }
        Some("static_select") => {
            let keys = ["type", "placeholder", "action_id", "options", "initial_option", "confirm"];
            shape.keys(at, element, &keys);
            if let Some(text) = element.get("placeholder") {
                shape.text(&format!("{at}/placeholder"), Some(text), &["plain_text"], 150);
            }
            check_options(shape, at, element, 1, 100);
        }
        Some("overflow") => {
            shape.keys(at, element, &["type", "action_id", "options", "confirm"]);
            check_options(shape, at, element, 1, 5);
        }
        Some("image") => check_image(shape, at, element),
        Some(other) => {
            shape.problem(at, format_args!("unsupported element: `{other}` (or not known to this stand-in)"));
        }
        None => shape.problem(at, format_args!("has no type")),
    }
}

fn check_options(shape: &mut Shape, at: &str, element: &Value, least: usize, most: usize) {
    for (at, option) in shape.list(at, element, "options", least, most) {
        shape.keys(&at, option, &["text", "value", "description", "url"]);
        shape.text(&format!("{at}/text"), option.get("text"), &["plain_text", "mrkdwn"], 75);
        shape.string(&at, option, "value", 150);
    }
}

fn check_confirm(shape: &mut Shape, at: &str, confirm: &Value) {
    shape.keys(at, confirm, &["title", "text", "confirm", "deny", "style"]);
    for (key, kinds, limit) in [
        ("title", &["plain_text"][..], 100),
        ("text", &["plain_text", "mrkdwn"][..], 300),
        ("confirm", &["plain_text"][..], 30),
        ("deny", &["plain_text"][..], 30),
    ] {
        shape.text(&format!("{at}/{key}"), confirm.get(key), kinds, limit);
    }
    check_style(shape, at, confirm);
}

fn check_style(shape: &mut Shape, at: &str, element: &Value) {
    if let Some(style) = element.get("style")
        && !matches!(style.as_str(), Some("primary" | "danger"))
    {
        shape.problem(at, format_args!("style must be `primary` or `danger`, is {style}"));
    }
}

fn check_image(shape: &mut Shape, at: &str, image: &Value) {
    shape.string(at, image, "image_url", 3000);
    shape.string(at, image, "alt_text", 2000);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn section(text: &str) -> Value {
        json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
    }

    fn button(changes: &Value) -> Value {
        let mut button = json!({"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "Go"}});
        if let (Some(button), Some(changes)) = (button.as_object_mut(), changes.as_object()) {
            button.extend(changes.clone());
        }
        json!({"type": "actions", "elements": [button]})
    }

    fn check(block: &Value, expected: &[&str]) {
        assert_eq!(check_blocks(&json!([block])), expected, "{block}");
    }

    #[test]
    fn counts_characters_not_bytes() {
        check(&section(&"ü".repeat(3000)), &[]);
        check(&section(&"x".repeat(3001)), &["/blocks/0/text: must be 1 to 3000 characters, is 3001"]);
        check(&section(""), &["/blocks/0/text: must be 1 to 3000 characters, is 0"]);
    }

    #[test]
    fn knows_the_limits_of_a_button() {
        check(&button(&json!({"style": "danger", "value": "v".repeat(2000)})), &[]);
        check(
            &button(&json!({"value": "v".repeat(2001)})),
            &["/blocks/0/elements/0/value: must be 1 to 2000 characters, is 2001"],
        );
        check(
            &button(&json!({"style": "default"})),
            &["/blocks/0/elements/0: style must be `primary` or `danger`, is \"default\""],
        );
        check(
            &button(&json!({"text": {"type": "mrkdwn", "text": "*Go*"}})),
            &["/blocks/0/elements/0/text: must be one of plain_text, is \"mrkdwn\""],
        );
    }

    #[test]
    fn knows_the_limits_of_a_confirm_dialog() {
        let plain = |text: String| json!({"type": "plain_text", "text": text});
        let confirm = |text: usize, deny: usize| {
            json!({"confirm": {"title": plain("t".repeat(100)), "text": plain("t".repeat(text)),
                "confirm": plain("c".repeat(30)), "deny": plain("d".repeat(deny))}})
        };
        check(&button(&confirm(300, 30)), &[]);
        check(
            &button(&confirm(301, 31)),
            &[
                "/blocks/0/elements/0/confirm/text: must be 1 to 300 characters, is 301",
                "/blocks/0/elements/0/confirm/deny: must be 1 to 30 characters, is 31",
            ],
        );
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        check(&json!({"type": "fancy"}), &["/blocks/0: unsupported type: `fancy` (or not known to this stand-in)"]);
        check(&json!({"type": "divider", "colour": "red"}), &["/blocks/0: invalid additional property: `colour`"]);
    }

    #[test]
    fn a_message_needs_text_or_blocks() {
        assert_eq!(check_message(&json!({}), &[]), Err(Refusal::NoText));
        assert_eq!(check_message(&json!({"text": "hello"}), &[]), Ok(()));
        assert_eq!(check_message(&json!({"blocks": [section("x")]}), &[]), Ok(()));
        assert_eq!(check_message(&json!("hello"), &[]).unwrap_err().code(), "invalid_payload");
        assert_eq!(check_message(&json!({"text": "x", "blocks": []}), &[]).unwrap_err().code(), "invalid_blocks");
        assert_eq!(check_message(&json!({"text": "x".repeat(40_001)}), &[]), Err(Refusal::TextTooLong));
    }

    #[test]
    fn at_most_fifty_blocks() {
        let blocks = |count: usize| Value::from(vec![section("x"); count]);
        assert!(check_blocks(&blocks(50)).is_empty());
        assert_eq!(check_blocks(&blocks(51)), ["/blocks: must have 1 to 50 blocks, has 51"]);
    }
}
