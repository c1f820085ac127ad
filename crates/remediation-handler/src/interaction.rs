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
    pub(crate) action_id: String,
    #[serde(default)]
    pub(crate) value: Option<String>,
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
