//! A click on an app's button, as Slack tells the app about it.
//!
//! <https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>

use serde_json::{Value, json};

use super::{
    message::{Button, Message},
    workspace::{App, Channel, Person, TEAM},
};

/// The JSON behind `payload=` in the form that Slack posts.
pub(super) fn payload(
    app: &App,
    channel: &Channel,
    message: &Message,
    button: &Button,
    person: &Person,
    response_url: &str,
    action_ts: &str,
) -> Value {
    let mut action = json!({
        "type": if button.option.is_some() { "static_select" } else { "button" },
        "action_id": button.action_id,
        "block_id": button.block_id.as_deref().unwrap_or("b1"),
        "text": button.element.get("text"),
        "action_ts": action_ts,
    });
    if let Some(action) = action.as_object_mut() {
        for key in ["value", "style", "confirm", "placeholder"] {
            action.extend(button.element.get(key).map(|value| (key.to_owned(), value.clone())));
        }
        if let Some(option) = &button.option {
            action.remove("text");
            action.insert("selected_option".to_owned(), option.clone());
        }
    }
    let mut shown = json!({
        "type": "message", "subtype": "bot_message", "bot_id": "B0LOCAL01", "app_id": app.id,
        "ts": message.ts, "text": message.text, "blocks": message.blocks,
    });
    if let (Some(shown), Some(thread)) = (shown.as_object_mut(), &message.thread) {
        shown.insert("thread_ts".to_owned(), json!(thread));
    }
    json!({
        "type": "block_actions",
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": TEAM},
        "api_app_id": app.id,
        "token": "deprecated",
        "container": {"type": "message", "message_ts": message.ts, "channel_id": channel.id,
            "is_ephemeral": message.only_for.is_some()},
        "trigger_id": format!("{action_ts}.{TEAM}"),
        "team": {"id": TEAM, "domain": "local"},
        "enterprise": null,
        "is_enterprise_install": false,
        "channel": {"id": channel.id, "name": channel.name},
        "message": shown,
        "state": {"values": {}},
        "response_url": response_url,
        "actions": [action],
    })
}
