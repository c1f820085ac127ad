use domain::slack::Refusal;

use crate::config::Config;
use crate::interaction::{Id, Interaction};

/// Who may act, and from where. Slack's signature only proves that Slack sent the click.
pub(crate) fn check(click: &Interaction, config: &Config) -> Result<(), Refusal> {
    let is = |id: Option<&Id>, expected: &str| id.is_some_and(|id| id.id == expected);
    if !is(click.team.as_ref(), &config.buttons.team_id)
        || click.api_app_id.as_ref() != Some(&config.slack_app_id)
        || !is(click.channel.as_ref(), &config.buttons.channel_id)
    {
        return Err(Refusal::WrongPlace);
    }
    if may_press(&click.user.id, config) { Ok(()) } else { Err(Refusal::NotAllowed) }
}

/// Whether this person may decide. An empty list is everybody in the channel.
pub(crate) fn may_press(user_id: &str, config: &Config) -> bool {
    let allowed = &config.slack_allowed_user_ids;
    allowed.is_empty() || allowed.iter().any(|id| id == user_id)
}
