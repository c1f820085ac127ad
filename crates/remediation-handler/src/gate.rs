use domain::slack::Refusal;

use crate::config::Config;
use crate::interaction::{Id, Interaction};

/// Who may act, and from where. Slack's signature only proves that Slack sent the click.
pub(crate) fn check(click: &Interaction, config: &Config) -> Result<(), Refusal> {
    let is = |id: Option<&Id>, expected: &str| id.is_some_and(|id| id.id == expected);
    if !is(click.team.as_ref(), &config.slack_team_id)
        || click.api_app_id.as_ref() != Some(&config.slack_app_id)
        || !is(click.channel.as_ref(), &config.slack_channel_id)
    {
        return Err(Refusal::WrongPlace);
    }
    if !config.slack_allowed_user_ids.is_empty() && !config.slack_allowed_user_ids.contains(&click.user.id) {
        return Err(Refusal::NotAllowed);
    }
    Ok(())
}
