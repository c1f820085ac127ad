use serde::Deserialize;
use url::form_urlencoded;

/// What Slack says about a click; only what is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Interaction {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) user: User,
    #[serde(default)]
    pub(crate) api_app_id: Option<String>,
    #[serde(default)]
    pub(crate) team: Option<Id>,
    #[serde(default)]
    pub(crate) channel: Option<Id>,
    #[serde(default)]
    pub(crate) actions: Vec<Action>,
    #[serde(default)]
    pub(crate) response_url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct User {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) username: Option<String>,
    #[serde(default)]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Id {
    pub(crate) id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Action {
    #[serde(rename = "action_id")]
    pub(crate) id: String,
    /// A button's.
    #[serde(default)]
    pub(crate) value: Option<String>,
    /// A menu's.
    #[serde(default)]
    pub(crate) selected_option: Option<SelectedOption>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct SelectedOption {
    pub(crate) value: String,
}

impl Interaction {
    /// The id and the value of the button that was pressed, or of the menu that something was chosen from. None for a
    /// button that only opens an address, which has no value, and for other kinds of interactions.
    pub(crate) fn pressed(&self) -> Option<(&str, &str)> {
        let action = self.actions.first().filter(|_| self.kind == "block_actions")?;
        let chosen = action.selected_option.as_ref().map(|option| option.value.as_str());
        Some((&action.id, action.value.as_deref().or(chosen)?))
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("the form has no field `payload`")]
    NoPayload,
    #[error("the payload cannot be read")]
    Payload(#[source] serde_path_to_error::Error<serde_json::Error>),
}

/// Reads the body of an interactivity request: a form with one field, `payload`, which holds JSON.
pub(crate) fn parse(body: &[u8]) -> Result<Interaction, Malformed> {
    let payload = form_urlencoded::parse(body).find(|(name, _)| name == "payload");
    let (_, payload) = payload.ok_or(Malformed::NoPayload)?;
    let mut json = serde_json::Deserializer::from_str(&payload);
    serde_path_to_error::deserialize(&mut json).map_err(Malformed::Payload)
}
