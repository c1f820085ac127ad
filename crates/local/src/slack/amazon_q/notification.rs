//! The custom notification, schema version 1.0, that Amazon Q Developer in chat applications (formerly AWS Chatbot)
//! accepts from an SNS topic.
//!
//! The real one says nothing to the publisher: what it does not understand it drops, with `Event received is not
//! supported` in its own log. So this check is strict, and it is the same for the local cloud and for tests of messages.
//! <https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>

use std::collections::BTreeMap;

use serde::Deserialize;

/// SNS takes no more in one message.
const WHOLE: usize = 262_144;
// Nothing is documented for the parts. Slack's limits are certain, and they are what cuts a long text in the end.
const TITLE: usize = 250;
const DESCRIPTION: usize = 3000;
const STEP: usize = 500;
const STEPS: usize = 10;
const CONTEXT_VALUE: usize = 1000;

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notification {
    version: String,
    source: String,
    pub id: Option<String>,
    pub content: Content,
    #[serde(default)]
    pub metadata: Metadata,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Content {
    text_type: Option<String>,
    pub title: Option<String>,
    pub description: String,
    #[serde(default)]
    pub next_steps: Vec<String>,
    #[serde(default)]
    pub keywords: Vec<String>,
}

/// Metadata may have keys of the publisher's own; the real one tolerates them.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    pub thread_id: Option<String>,
    pub summary: Option<String>,
    pub event_type: Option<String>,
    #[serde(default)]
    pub related_resources: Vec<String>,
    #[serde(default)]
    pub additional_context: BTreeMap<String, String>,
    #[serde(default = "yes")]
    pub enable_custom_actions: bool,
}

impl Default for Metadata {
    fn default() -> Self {
        Self {
            thread_id: None,
            summary: None,
            event_type: None,
            related_resources: Vec::new(),
            additional_context: BTreeMap::new(),
            enable_custom_actions: true,
        }
    }
}

fn yes() -> bool {
    true
}

/// Why a notification would be dropped: the real one's words, and ours with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSupported(pub String);

impl std::fmt::Display for NotSupported {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Event received is not supported: {}", self.0)
    }
}

/// Reads the `Message` of an SNS notification.
pub fn parse(message: &str) -> Result<Notification, NotSupported> {
    if message.len() > WHOLE {
        return Err(NotSupported(format!("{} bytes, SNS takes {WHOLE}", message.len())));
    }
    let notification: Notification = serde_json::from_str(message).map_err(|error| NotSupported(error.to_string()))?;
    if notification.version != "1.0" {
        return Err(NotSupported(format!("version is `{}`, not `1.0`", notification.version)));
    }
    if notification.source != "custom" {
        return Err(NotSupported(format!("source is `{}`, not `custom`", notification.source)));
    }
    let content = &notification.content;
    if content.text_type.as_ref().is_some_and(|kind| kind != "client-markdown") {
        return Err(NotSupported("content.textType can only be `client-markdown`".to_owned()));
    }
    if content.description.trim().is_empty() {
        return Err(NotSupported("content.description is empty".to_owned()));
    }
    if content.next_steps.len() > STEPS {
        return Err(NotSupported(format!("{} next steps, more than {STEPS}", content.next_steps.len())));
    }
    let title = content.title.iter().map(|text| ("content.title", text, TITLE));
    let description = [("content.description", &content.description, DESCRIPTION)];
    let steps = content.next_steps.iter().map(|text| ("content.nextSteps", text, STEP));
    let additional = notification
        .metadata
        .additional_context
        .values()
        .map(|text| ("metadata.additionalContext", text, CONTEXT_VALUE));
    for (name, text, limit) in title.chain(description).chain(steps).chain(additional) {
        let length = text.chars().count();
        if length > limit {
            return Err(NotSupported(format!("{name} has {length} characters, more than {limit}")));
        }
    }
    Ok(notification)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn whole() -> Value {
        json!({
            "version": "1.0", "source": "custom", "id": "scan-1",
            "content": {"textType": "client-markdown", "title": "Failed", "description": "It failed",
                "nextSteps": ["Look"], "keywords": ["scan"]},
            "metadata": {"threadId": "t", "summary": "s", "eventType": "e", "relatedResources": ["arn:aws:s3:::b"],
                "enableCustomActions": true, "additionalContext": {"scanId": "1"}, "ours": {"any": "thing"}},
        })
    }

    fn refused(pointer: &str, value: Value, expected: &str) {
        let mut notification = whole();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        notification.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.to_owned(), value);
        let error = parse(&notification.to_string()).unwrap_err().to_string();
        assert!(error.contains(expected), "{pointer}: {error}");
    }

    #[test]
    fn accepts_a_whole_one_and_the_smallest() {
        assert_eq!(parse(&whole().to_string()).unwrap().metadata.additional_context.len(), 1);
        let smallest = json!({"version": "1.0", "source": "custom", "content": {"description": "It failed"}});
        assert!(parse(&smallest.to_string()).unwrap().metadata.enable_custom_actions);
    }

    #[test]
    fn drops_what_the_real_one_does_not_understand() {
        refused("/version", json!("1.1"), "version is `1.1`");
        refused("/version", json!(1.0), "invalid type");
        refused("/source", json!("aws.sns"), "source is `aws.sns`");
        refused("/textType", json!("client-markdown"), "unknown field `textType`");
        refused("/content", json!({"title": "x"}), "missing field `description`");
        refused("/content/description", json!(""), "is empty");
        refused("/content/textType", json!("markdown"), "can only be");
        refused("/content/nextSteps", json!("Look"), "invalid type");
        refused("/metadata/additionalContext", json!({"count": 3}), "invalid type");
        refused("/metadata/enableCustomActions", json!("true"), "invalid type");
        assert!(parse("The build failed").is_err());
    }

    #[test]
    fn drops_what_is_too_long() {
        refused("/content/title", json!("x".repeat(251)), "content.title has 251");
        refused("/content/description", json!("x".repeat(3001)), "content.description has 3001");
        refused("/content/nextSteps", json!(vec!["x"; 11]), "11 next steps");
        refused("/content/nextSteps", json!(["x".repeat(501)]), "content.nextSteps has 501");
        refused("/metadata/additionalContext", json!({"a": "x".repeat(1001)}), "has 1001");
        refused("/metadata/note", json!("x".repeat(262_144)), "SNS takes");
    }
}
