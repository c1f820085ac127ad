//! A message in the Slack stand-in, and the buttons on it.

use serde_json::Value;

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
    /// What people see in the channel, in Slack's markup: with blocks, Slack shows the text only in notifications.
    #[must_use]
    pub fn shown(&self) -> String {
        if self.blocks.is_empty() {
            return self.text.clone();
        }
        let blocks = self.blocks.iter().filter(|block| block.get("type").is_none_or(|kind| kind != "actions"));
        blocks.flat_map(texts).collect::<Vec<_>>().join("\n")
    }

    /// Everything that can be read in the message, in Slack's markup, one text a line.
    pub fn words(&self) -> String {
        let mut words = vec![self.text.clone()];
        words.extend(self.blocks.iter().flat_map(texts));
        words.join("\n")
    }

    #[must_use]
    pub fn buttons(&self) -> Vec<Button> {
        self.blocks
            .iter()
            .flat_map(|block| {
                let elements = block.get("elements").and_then(Value::as_array).cloned().unwrap_or_default();
                let accessory = block.get("accessory").cloned();
                elements.into_iter().chain(accessory).filter_map(|element| button(block, element))
            })
            .collect()
    }

    #[must_use]
    pub fn visible_to(&self, person: &str) -> bool {
        self.only_for.as_ref().is_none_or(|only| only == person)
    }
}

fn button(block: &Value, element: Value) -> Option<Button> {
    if string(&element, "/type")? != "button" {
        return None;
    }
    let confirm = element.get("confirm").map(|confirm| Confirm {
        title: string(confirm, "/title/text").unwrap_or_default(),
        text: string(confirm, "/text/text").unwrap_or_default(),
        yes: string(confirm, "/confirm/text").unwrap_or_default(),
        no: string(confirm, "/deny/text").unwrap_or_default(),
    });
    Some(Button {
        action_id: string(&element, "/action_id").unwrap_or_default(),
        block_id: string(block, "/block_id"),
        label: string(&element, "/text/text")?,
        value: string(&element, "/value"),
        url: string(&element, "/url"),
        style: string(&element, "/style"),
        confirm,
        element,
    })
}

/// The texts of a block in reading order.
pub(super) fn texts(block: &Value) -> Vec<String> {
    let own = string(block, "/text/text");
    let listed = ["fields", "elements"].iter().filter_map(|key| block.get(*key)?.as_array()).flatten();
    let nested = listed.filter_map(|item| match item.get("text")? {
        Value::String(text) => Some(text.clone()),
        text => string(text, "/text"),
    });
    own.into_iter().chain(nested).collect()
}

fn string(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned)
}
