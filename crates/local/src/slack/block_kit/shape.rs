//! Small checks of JSON values that collect every problem with its place.

use std::fmt;

use serde_json::Value;

#[derive(Default)]
pub(super) struct Shape {
    pub(super) problems: Vec<String>,
}

impl Shape {
    pub(super) fn problem(&mut self, at: &str, what: fmt::Arguments<'_>) {
        self.problems.push(format!("{at}: {what}"));
    }

    /// Slack refuses properties that it does not know.
    pub(super) fn keys(&mut self, at: &str, value: &Value, known: &[&str]) {
        let Some(object) = value.as_object() else {
            self.problem(at, format_args!("must be an object"));
            return;
        };
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            self.problem(at, format_args!("invalid additional property: `{key}`"));
        }
    }

    pub(super) fn string(&mut self, at: &str, value: &Value, key: &str, limit: usize) {
        match value.get(key).and_then(Value::as_str) {
            Some(text) => self.length(&format!("{at}/{key}"), text, limit),
            None => self.problem(at, format_args!("needs a string `{key}`")),
        }
    }

    pub(super) fn optional_string(&mut self, at: &str, value: &Value, key: &str, limit: usize) {
        if value.get(key).is_some() {
            self.string(at, value, key, limit);
        }
    }

    /// A text object: its kind, its length, and nothing else in it.
    pub(super) fn text(&mut self, at: &str, value: Option<&Value>, kinds: &[&str], limit: usize) {
        let Some(value) = value else {
            self.problem(at, format_args!("is missing"));
            return;
        };
        match value.get("type").and_then(Value::as_str) {
            Some("plain_text") if kinds.contains(&"plain_text") => self.keys(at, value, &["type", "text", "emoji"]),
            Some("mrkdwn") if kinds.contains(&"mrkdwn") => self.keys(at, value, &["type", "text", "verbatim"]),
            kind => {
                let kind = kind.unwrap_or_default();
                self.problem(at, format_args!("must be one of {}, is \"{kind}\"", kinds.join(", ")));
            }
        }
        match value.get("text").and_then(Value::as_str) {
            Some(text) => self.length(at, text, limit),
            None => self.problem(at, format_args!("needs a string `text`")),
        }
    }

    /// The elements of an array with their places; nothing if there is no array.
    pub(super) fn list<'a>(
        &mut self,
        at: &str,
        value: &'a Value,
        key: &str,
        least: usize,
        most: usize,
    ) -> Vec<(String, &'a Value)> {
        let Some(list) = value.get(key).and_then(Value::as_array) else {
            self.problem(at, format_args!("needs an array `{key}`"));
            return Vec::new();
        };
        if list.len() < least || list.len() > most {
            self.problem(at, format_args!("`{key}` must have {least} to {most} items, has {}", list.len()));
        }
        list.iter().enumerate().map(|(index, item)| (format!("{at}/{key}/{index}"), item)).collect()
    }

    fn length(&mut self, at: &str, text: &str, limit: usize) {
        let length = text.chars().count();
        if length == 0 || length > limit {
            self.problem(at, format_args!("must be 1 to {limit} characters, is {length}"));
        }
    }
}
