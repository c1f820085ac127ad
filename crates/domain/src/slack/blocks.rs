//! The Block Kit types that are sent. Every constructor keeps Slack's limits and shows where it cut.
//!
//! Limits: <https://docs.slack.dev/reference/block-kit/blocks>. Slack refuses a whole message for one text that is too
//! long, and with it the news of a finding.

use serde::Serialize;

use crate::text::cut;

const MOST_BLOCKS: usize = 50;
const FALLBACK_TEXT: usize = 4_000;
const HEADER_TEXT: usize = 150;
const SECTION_TEXT: usize = 3_000;
const MOST_FIELDS: usize = 10;
const FIELD_TEXT: usize = 2_000;
const MOST_CONTEXT_ELEMENTS: usize = 10;
const MOST_BUTTONS: usize = 25;
const BUTTON_TEXT: usize = 75;
const PLACEHOLDER: usize = 150;
const MOST_OPTIONS: usize = 100;
const OPTION_TEXT: usize = 75;
const CONFIRM_TITLE: usize = 100;
const CONFIRM_TEXT: usize = 300;
const CONFIRM_BUTTON: usize = 30;

/// A message, as it is posted to an incoming webhook or a `response_url`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// What a notification or a screen reader shows.
    text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blocks: Vec<Block>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replace_original: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_type: Option<ResponseType>,
    // A key may look like an address; Slack must not fetch it.
    unfurl_links: bool,
    unfurl_media: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum ResponseType {
    InChannel,
    Ephemeral,
}

impl Message {
    /// A message for the channel. `text` is for notifications, the blocks are what is seen.
    #[must_use]
    pub fn new(text: &str, blocks: impl IntoIterator<Item = Block>) -> Self {
        Self {
            text: cut(text, FALLBACK_TEXT),
            blocks: blocks.into_iter().take(MOST_BLOCKS).collect(),
            replace_original: None,
            response_type: None,
            unfurl_links: false,
            unfurl_media: false,
        }
    }

    /// Only for the person who clicked; to be posted to a `response_url`.
    #[must_use]
    pub fn private(text: &str) -> Self {
        let mut message = Self::new(text, [section(text)]);
        message.replace_original = Some(false);
        message.response_type = Some(ResponseType::Ephemeral);
        message
    }

    /// A new message for the channel, in answer to a click; to be posted to a `response_url`.
    #[must_use]
    pub fn beside_the_original(mut self) -> Self {
        self.replace_original = Some(false);
        self.response_type = Some(ResponseType::InChannel);
        self
    }

    /// With a paragraph below its header.
    #[must_use]
    pub fn with_note(mut self, note: &str) -> Self {
        let below = self.blocks.iter().take_while(|block| matches!(block, Block::Header { .. })).count();
        self.blocks.insert(below, section(note));
        self.blocks.truncate(MOST_BLOCKS);
        self
    }

    /// In place of the clicked message; to be posted to a `response_url`.
    #[must_use]
    pub fn replacing_original(mut self) -> Self {
        self.replace_original = Some(true);
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    Header {
        text: Text,
    },
    Section {
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<Text>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        fields: Vec<Text>,
    },
    Context {
        elements: Vec<Text>,
    },
    Divider,
    Actions {
        elements: Vec<Element>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Text {
    PlainText {
        text: String,
    },
    Mrkdwn {
        text: String,
        /// Slack must not make links of addresses and channel names by itself: keys are full of them.
        verbatim: bool,
    },
}

fn plain_text(text: &str, limit: usize) -> Text {
    Text::PlainText { text: cut(text, limit) }
}

fn mrkdwn(text: &str, limit: usize) -> Text {
    Text::Mrkdwn { text: cut(text, limit), verbatim: true }
}

#[must_use]
pub fn header(text: &str) -> Block {
    Block::Header { text: plain_text(text, HEADER_TEXT) }
}

/// A paragraph. Slack refuses an empty one.
#[must_use]
pub fn section(text: &str) -> Block {
    Block::Section { text: Some(mrkdwn(text, SECTION_TEXT)), fields: Vec::new() }
}

/// At most ten short facts in two columns.
#[must_use]
pub fn fields(facts: impl IntoIterator<Item = (&'static str, String)>) -> Block {
    let field = |(name, value): (&str, String)| mrkdwn(&format!("*{name}*\n{value}"), FIELD_TEXT);
    Block::Section { text: None, fields: facts.into_iter().take(MOST_FIELDS).map(field).collect() }
}

/// Small print.
#[must_use]
pub fn context(texts: impl IntoIterator<Item = String>) -> Block {
    let elements = texts.into_iter().take(MOST_CONTEXT_ELEMENTS);
    Block::Context { elements: elements.map(|text| mrkdwn(&text, SECTION_TEXT)).collect() }
}

/// A row of buttons and menus. None without any: Slack refuses an empty one.
#[must_use]
pub fn actions<E: Into<Element>>(elements: impl IntoIterator<Item = E>) -> Option<Block> {
    let elements: Vec<Element> = elements.into_iter().take(MOST_BUTTONS).map(Into::into).collect();
    (!elements.is_empty()).then_some(Block::Actions { elements })
}

/// What a person can press or choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Element {
    Button(Button),
    Menu(Menu),
}

impl From<Button> for Element {
    fn from(button: Button) -> Self {
        Self::Button(button)
    }
}

impl From<Menu> for Element {
    fn from(menu: Menu) -> Self {
        Self::Menu(menu)
    }
}

/// A menu that asks before it acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "static_select")]
pub struct Menu {
    placeholder: Text,
    action_id: &'static str,
    options: Vec<MenuOption>,
    confirm: Confirm,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct MenuOption {
    text: Text,
    value: String,
}

impl Menu {
    /// Each option is a label and a value of at most 150 characters, which is signed and never cut.
    #[must_use]
    pub fn new(
        placeholder: &str,
        action_id: &'static str,
        options: impl IntoIterator<Item = (&'static str, String)>,
        confirm: Confirm,
    ) -> Self {
        let options = options.into_iter().take(MOST_OPTIONS);
        let options =
            options.map(|(label, value)| MenuOption { text: plain_text(label, OPTION_TEXT), value }).collect();
        Self { placeholder: plain_text(placeholder, PLACEHOLDER), action_id, options, confirm }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "button")]
pub struct Button {
    text: Text,
    action_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    style: Option<Style>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm: Option<Confirm>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Style {
    Danger,
}

/// The dialog between a click and its effect.
#[expect(clippy::struct_field_names, reason = "Slack's names")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirm {
    title: Text,
    text: Text,
    confirm: Text,
    deny: Text,
    style: Style,
}

impl Confirm {
    /// `text` is plain: names in it need no escaping.
    #[must_use]
    pub fn new(title: &str, text: &str, confirm: &str, deny: &str) -> Self {
        Self {
            title: plain_text(title, CONFIRM_TITLE),
            text: plain_text(text, CONFIRM_TEXT),
            confirm: plain_text(confirm, CONFIRM_BUTTON),
            deny: plain_text(deny, CONFIRM_BUTTON),
            style: Style::Danger,
        }
    }
}

impl Button {
    /// A red button that asks before it acts. `value` comes back with the click; it is signed, and never cut.
    #[must_use]
    pub fn danger(text: &str, action_id: &'static str, value: String, confirm: Confirm) -> Self {
        Self {
            text: plain_text(text, BUTTON_TEXT),
            action_id,
            value: Some(value),
            url: None,
            style: Some(Style::Danger),
            confirm: Some(confirm),
        }
    }

    /// A button that acts at once. `value` comes back with the click; it is signed, and never cut.
    #[must_use]
    pub fn plain(text: &str, action_id: &'static str, value: String) -> Self {
        Self {
            text: plain_text(text, BUTTON_TEXT),
            action_id,
            value: Some(value),
            url: None,
            style: None,
            confirm: None,
        }
    }

    /// A button that opens an address of at most 3,000 characters.
    #[must_use]
    pub fn link(text: &str, action_id: &'static str, url: String) -> Self {
        Self { text: plain_text(text, BUTTON_TEXT), action_id, value: None, url: Some(url), style: None, confirm: None }
    }
}
