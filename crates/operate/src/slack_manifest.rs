//! The manifest of the Slack app that posts findings and takes clicks: what its administrator pastes into Slack.

use serde_json::{Value, json};

/// The app's manifest. Before the deployment there is no address to send clicks to, so there are no clicks yet.
///
/// Keys: <https://docs.slack.dev/reference/app-manifest>
#[must_use]
pub fn manifest(deployment: &str, request_url: Option<&str>) -> Value {
    let interactivity = match request_url {
        Some(url) => json!({ "is_enabled": true, "request_url": url }),
        None => json!({ "is_enabled": false }),
    };
    // Slack takes names of at most 35 characters.
    let name: String = format!("{deployment} findings").chars().take(35).collect();
    json!({
        "_metadata": { "major_version": 1, "minor_version": 1 },
        "display_information": {
            "name": name,
            "description": "Shows Amazon Macie's findings and quarantines what somebody decides to",
        },
        "features": { "bot_user": { "display_name": name, "always_online": false } },
        "oauth_config": { "scopes": { "bot": ["incoming-webhook"] } },
        "settings": {
            "interactivity": interactivity,
            "org_deploy_enabled": false,
            "socket_mode_enabled": false,
            "token_rotation_enabled": false,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_address_for_clicks_as_soon_as_there_is_one() {
        let url = "https://0a1b2c3d.execute-api.eu-west-1.amazonaws.com/slack/actions";
        let manifest = manifest("security-chatops", Some(url));
        assert_eq!(manifest["settings"]["interactivity"], json!({ "is_enabled": true, "request_url": url }));
        assert_eq!(super::manifest("a", None)["settings"]["interactivity"], json!({ "is_enabled": false }));
    }

    #[test]
    fn the_name_fits_into_slack() {
        let manifest = manifest(&"x".repeat(32), None);
        assert_eq!(manifest["display_information"]["name"].as_str().unwrap().len(), 35);
    }
}
