//! A message in the Slack stand-in, and the buttons on it.

use serde_json::Value;

use super::mrkdwn;

/// Who posted a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// A Slack app, by its id.
    App(String),
    /// Amazon Q Developer in chat applications.
    AmazonQ,
    /// Slack itself, to the person whose click came to nothing.
    Slack,
}

/// A message as it is now. Replaced messages keep their place and count their edits.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Slack's id of the message: seconds and microseconds, unique in the workspace.
    pub ts: String,
    pub channel: String,
    /// The `ts` of the message that this one replies to.
    pub thread: Option<String>,
    pub author: Author,
    /// The only person who sees it, by id: an ephemeral message.
    pub only_for: Option<String>,
    pub text: String,
    pub blocks: Vec<Value>,
    /// The custom actions that Amazon Q shows with it.
    pub offers: Vec<Offer>,
    pub edits: usize,
}

/// A custom action as a button under a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The ARN of the custom action.
    pub action: String,
    pub label: String,
    /// The command with its variables filled in, as the chat shows it before it runs, or why it could not run.
    pub command: Result<String, String>,
}

/// A button of a Slack app.
#[derive(Clone, Debug, PartialEq)]
pub struct Button {
    pub action_id: String,
    pub block_id: Option<String>,
    pub label: String,
    pub value: Option<String>,
    pub url: Option<String>,
    pub style: Option<String>,
    pub confirm: Option<Confirm>,
    /// The element as the app sent it.
    pub element: Value,
    /// The option of a menu that is chosen, as the app sent it.
    pub option: Option<Value>,
}

/// What Slack asks before it sends the click.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    pub title: String,
    /// In Slack's markup.
    pub text: String,
    pub yes: String,
    pub no: String,
}

impl Message {
    /// What people see in the channel, as plain text: with blocks, Slack shows the text only in notifications.
    #[must_use]
    pub fn plain(&self) -> String {
        if self.blocks.is_empty() {
            return mrkdwn::to_text(&self.text);
        }
        let mut lines = Vec::new();
        for block in self.blocks.iter().filter(|block| block.get("type").is_none_or(|kind| kind != "actions")) {
            let fields = block.get("fields").is_some();
            lines.extend(texts(block).into_iter().map(|words| match words.markup {
                // A field's name and value stand one above the other.
                true if fields => mrkdwn::to_text(&words.text.replacen("*\n", ":* ", 1)),
                true => mrkdwn::to_text(&words.text),
                false => words.text,
            }));
        }
        lines.join("\n")
    }

    /// Everything that can be read in the message, in Slack's markup, one text a line.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = vec![self.text.clone()];
        words.extend(self.blocks.iter().flat_map(texts).map(|words| words.text));
        words.join("\n")
    }

    /// What can be pressed: buttons, and the options of menus.
    #[must_use]
    pub fn buttons(&self) -> Vec<Button> {
        self.blocks
            .iter()
            .flat_map(|block| {
                let elements = block.get("elements").and_then(Value::as_array).cloned().unwrap_or_default();
                let accessory = block.get("accessory").cloned();
                elements.into_iter().chain(accessory).flat_map(|element| pressable(block, element))
            })
            .collect()
    }

    #[must_use]
    pub fn visible_to(&self, person: &str) -> bool {
        self.only_for.as_ref().is_none_or(|only| only == person)
    }
}

fn pressable(block: &Value, element: Value) -> Vec<Button> {
    if string(&element, "/type").as_deref() != Some("static_select") {
        return button(block, element).into_iter().collect();
    }
    let options = element.get("options").and_then(Value::as_array).cloned().unwrap_or_default();
    let choice = |option: Value| {
        Some(Button {
            action_id: string(&element, "/action_id").unwrap_or_default(),
            block_id: string(block, "/block_id"),
            label: string(&option, "/text/text")?,
            value: string(&option, "/value"),
            url: None,
            style: None,
            confirm: confirm(&element),
            element: element.clone(),
            option: Some(option),
        })
    };
    options.into_iter().filter_map(choice).collect()
}

fn confirm(element: &Value) -> Option<Confirm> {
    element.get("confirm").map(|confirm| Confirm {
        title: string(confirm, "/title/text").unwrap_or_default(),
        text: string(confirm, "/text/text").unwrap_or_default(),
        yes: string(confirm, "/confirm/text").unwrap_or_default(),
        no: string(confirm, "/deny/text").unwrap_or_default(),
    })
}

fn button(block: &Value, element: Value) -> Option<Button> {
    if string(&element, "/type")? != "button" {
        return None;
    }
    Some(Button {
        action_id: string(&element, "/action_id").unwrap_or_default(),
        block_id: string(block, "/block_id"),
        label: string(&element, "/text/text")?,
        value: string(&element, "/value"),
        url: string(&element, "/url"),
        style: string(&element, "/style"),
        confirm: confirm(&element),
        element,
        option: None,
    })
}

/// A text of a block: in Slack's markup, or as it is.
pub(super) struct Words {
    pub(super) text: String,
    pub(super) markup: bool,
}

/// The texts of a block in reading order.
pub(super) fn texts(block: &Value) -> Vec<Words> {
    let listed = ["fields", "elements"].iter().filter_map(|key| block.get(*key)?.as_array()).flatten();
    // A field or an element of a context is a text, an element of an action has one.
    let objects = block
        .get("text")
        .into_iter()
        .chain(listed)
        .map(|item| item.get("text").filter(|t| t.is_object()).unwrap_or(item));
    objects
        .filter_map(|object| Some(Words { text: string(object, "/text")?, markup: object.get("type")? == "mrkdwn" }))
        .collect()
}

fn string(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned)
}
