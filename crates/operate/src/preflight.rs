//! What must be right before a deployment, checked from here; each failure says what to do.

mod concurrency;
mod neighbours;

use aws_sdk_macie2::types::MacieStatus;
use aws_sdk_sesv2::{
    operation::{get_configuration_set::GetConfigurationSetError, get_email_identity::GetEmailIdentityError},
    types::SendingOptions,
};
use secrecy::ExposeSecret;

use crate::{
    account::Account,
    check::{Check, chain},
    config::{Config, Secrets},
    parameters::{Stack, Value, Values, wrong_slack_id},
    sonarqube,
};

/// Runs all checks of the stacks that are wanted.
///
/// # Errors
/// A parameter cannot be read, or CloudFormation does not describe the stacks.
pub async fn run(account: &Account, config: &Config, secrets: &Secrets) -> anyhow::Result<Vec<Check>> {
    let mut checks = vec![Check::well("identity and Region", format!("{} in {}", account.identity, account.region))];
    for stack in config.stacks() {
        let values = config.parameters(stack)?;
        if stack != Stack::PreRequisite {
            checks.push(slack_ids(stack, &values));
        }
        match stack {
            Stack::PreRequisite => {}
            Stack::AppSecurity => {
                let of = |name: &str| text(&values, name);
                let identity = of("SESIdentity").or_else(|| of("SESEmail")).unwrap_or_default();
                checks.push(sender(account, identity, of("SESEmail").unwrap_or_default()).await);
                checks.push(sandbox(account, of("SharedInboxMail").unwrap_or_default()).await);
                checks.extend(configuration_set(account, of("SESConfigurationSet").unwrap_or_default()).await);
                let secret = |name: &str| secrets.get(name).map(ExposeSecret::expose_secret);
                let url = of("SonarHostUrl").unwrap_or_default();
                checks.extend(sonarqube::checks(url, secret("SonarToken"), secret("SonarReaderToken")).await);
            }
            Stack::MacieRemediation => {
                checks.push(macie(account).await);
                checks.extend(concurrency::check(account, &config.name, &values).await?);
                checks.extend(neighbours::check(account, &config.name, &values).await?);
                checks.extend(slack_app(&values, secrets));
            }
        }
    }
    Ok(checks)
}

fn slack_ids(stack: Stack, values: &Values) -> Check {
    let wrong = values
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Is(text) => Some((name, text)),
            Value::Previous => None,
        })
        .flat_map(|(name, text)| {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            parts.filter_map(|part| wrong_slack_id(name, part)).collect::<Vec<_>>()
        });
    Check::that(
        &format!("Slack ids of {}", stack.word()),
        wrong,
        "take the ids, not the names: Slack shows a channel's at the end of its details, a person's in the profile's \
         menu, the workspace's in its address in a browser",
    )
}

/// The webhook and the signing secret, as far as their form tells.
fn slack_app(values: &Values, secrets: &Secrets) -> Option<Check> {
    let what = "webhook of the Slack app";
    let url = secrets.get("SlackWebHookUrl")?.expose_secret();
    let endpoint = text(values, "SlackEndpointUrl").unwrap_or("https://hooks.slack.com");
    let inside = url.strip_prefix(endpoint.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
    Some(Check::that(
        what,
        (!inside).then(|| format!("it does not begin with {endpoint}, and messages are sent nowhere else")),
        "copy it from the app's page Incoming Webhooks; for GovSlack set SlackEndpointUrl",
    ))
}

/// Whether SES may send from this address.
pub(crate) async fn sender(account: &Account, identity: &str, from: &str) -> Check {
    let what = "sender in Amazon SES";
    let region = &account.region;
    match verified(account, identity).await {
        Ok(Some(true)) => Check::well(what, identity),
        Ok(Some(false)) => Check::fails(
            what,
            format!("{identity} is not verified yet"),
            "follow the link that SES has mailed to it, or add the DNS records of the domain",
        ),
        Ok(None) => {
            let domain = from.split_once('@').map(|(_, domain)| domain).unwrap_or_default();
            let remedy = match verified(account, domain).await {
                Ok(Some(true)) => format!("its domain is verified: set SESIdentity = \"{domain}\""),
                _ => format!(
                    "`aws sesv2 create-email-identity --email-identity {identity} --region {region}`, then follow the \
                     link that SES mails to it"
                ),
            };
            Check::fails(what, format!("SES in {region} does not know {identity}"), remedy)
        }
        Err(why) => Check::fails(what, why, "allow ses:GetEmailIdentity to your identity"),
    }
}

/// Whether SES may send to this address.
pub(crate) async fn sandbox(account: &Account, inbox: &str) -> Check {
    let what = "receiver of the mails";
    match aws_sdk_sesv2::Client::new(&account.aws).get_account().send().await {
        Ok(answer) if !answer.sending_enabled() => Check::fails(
            what,
            format!("SES sends nothing at all in {}", account.region),
            "SES has suspended or paused the account: its console says why, and how to answer",
        ),
        Ok(answer) if answer.production_access_enabled() => Check::well(what, inbox),
        Ok(_) => match verified(account, inbox).await {
            Ok(Some(true)) => Check::note(what, format!("SES is in its sandbox, and {inbox} is verified")),
            _ => Check::fails(
                what,
                format!("SES is in its sandbox in {} and sends to verified addresses only", account.region),
                format!(
                    "verify {inbox} (`aws sesv2 create-email-identity --email-identity {inbox} --region {}`), or ask \
                     for production access in the console of SES",
                    account.region
                ),
            ),
        },
        Err(error) => Check::fails(what, chain(&error), "allow ses:GetAccount to your identity"),
    }
}

/// Whether SES has the configuration set and sends with it; none if the mails have none.
pub(crate) async fn configuration_set(account: &Account, name: &str) -> Option<Check> {
    if name.is_empty() {
        return None;
    }
    let what = "configuration set in Amazon SES";
    let client = aws_sdk_sesv2::Client::new(&account.aws);
    Some(match client.get_configuration_set().configuration_set_name(name).send().await {
        Ok(set) if set.sending_options().is_some_and(|options: &SendingOptions| !options.sending_enabled()) => {
            Check::fails(what, format!("sending with {name} is paused"), "resume it in the console of SES")
        }
        Ok(_) => Check::well(what, name),
        Err(error) if error.as_service_error().is_some_and(GetConfigurationSetError::is_not_found_exception) => {
            Check::fails(
                what,
                format!("SES in {} does not know {name}", account.region),
                "create it, or correct SESConfigurationSet",
            )
        }
        Err(error) => Check::fails(what, chain(&error), "allow ses:GetConfigurationSet to your identity"),
    })
}

/// Whether Macie looks at anything.
pub(crate) async fn macie(account: &Account) -> Check {
    let what = "Amazon Macie";
    let remedy = format!("turn it on: `aws macie2 enable-macie --region {}`", account.region);
    match aws_sdk_macie2::Client::new(&account.aws).get_macie_session().send().await {
        Ok(session) if session.status() == Some(&MacieStatus::Enabled) => Check::well(what, "enabled"),
        Ok(_) => Check::fails(what, format!("it is paused in {}", account.region), "resume it in the console of Macie"),
        Err(error) => {
            let not_enabled = error.as_service_error().is_some_and(|service| {
                service.is_access_denied_exception()
                    && service.meta().message().is_some_and(|words| words.contains("not enabled"))
            });
            if not_enabled {
                return Check::fails(what, format!("it is not enabled in {}", account.region), remedy);
            }
            Check::fails(what, chain(&error), format!("{remedy}; it needs macie2:GetMacieSession"))
        }
    }
}

/// Whether SES has verified an identity; none if it does not know it.
async fn verified(account: &Account, identity: &str) -> Result<Option<bool>, String> {
    if identity.is_empty() {
        return Ok(None);
    }
    let client = aws_sdk_sesv2::Client::new(&account.aws);
    match client.get_email_identity().email_identity(identity).send().await {
        Ok(answer) => Ok(Some(answer.verified_for_sending_status())),
        Err(error) if error.as_service_error().is_some_and(GetEmailIdentityError::is_not_found_exception) => Ok(None),
        Err(error) => Err(chain(&error)),
    }
}

fn text<'a>(values: &'a Values, name: &str) -> Option<&'a str> {
    match values.get(name) {
        Some(Value::Is(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde_json::json;

    use super::*;
    use crate::scripted;

    /// An account in which SES knows these identities, each verified or not, and says this of the account.
    fn mailing(identities: &'static [(&str, bool)], settings: &'static [(&str, bool)]) -> Account {
        let (account, _) = scripted::account(move |what, _| {
            if what == "GET /v2/email/account" {
                let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
                return (200, serde_json::Value::Object(settings.collect()).to_string());
            }
            let name = what.strip_prefix("GET /v2/email/identities/").unwrap_or_else(|| panic!("{what}"));
            match identities.iter().find(|(identity, _)| *identity == name.replace("%40", "@")) {
                Some((_, verified)) => (200, json!({"VerifiedForSendingStatus": verified}).to_string()),
                None => (404, json!({"__type": "NotFoundException", "message": "no such identity"}).to_string()),
            }
        });
        account
    }

    #[tokio::test]
    async fn each_reason_why_ses_would_not_send_is_told_with_what_to_do() {
        let from = "security@example.com";
        for (identities, begins, remedy) in [
            (&[("security@example.com", true)][..], "ok     sender in Amazon SES: security@example.com", ""),
            (&[("security@example.com", false)], "FAILS", "follow the link that SES has mailed to it"),
            (&[("example.com", true)], "FAILS", "its domain is verified: set SESIdentity = \"example.com\""),
            (&[("example.com", false)], "FAILS", "create-email-identity --email-identity security@example.com"),
        ] {
            let check = sender(&mailing(identities, &[]), from, from).await.to_string();
            assert!(check.starts_with(begins) && check.contains(remedy), "{check}");
        }
    }

    #[tokio::test]
    async fn a_configuration_set_that_would_keep_mails_back_is_told_with_what_to_do() {
        for (status, answer, begins, remedy) in [
            (200, json!({"SendingOptions": {"SendingEnabled": true}}), "ok     configuration set", ""),
            (200, json!({"ConfigurationSetName": "mails"}), "ok     configuration set", ""),
            (200, json!({"SendingOptions": {"SendingEnabled": false}}), "FAILS", "resume it"),
            (404, json!({"__type": "NotFoundException"}), "FAILS", "create it, or correct SESConfigurationSet"),
            (403, json!({"__type": "AccessDeniedException"}), "FAILS", "allow ses:GetConfigurationSet"),
        ] {
            let (account, _) = scripted::account(move |what, _| {
                assert_eq!(what, "GET /v2/email/configuration-sets/mails");
                (status, answer.to_string())
            });
            let check = configuration_set(&account, "mails").await.unwrap().to_string();
            assert!(check.starts_with(begins) && check.contains(remedy), "{check}");
        }
        let (account, _) = scripted::account(|what, _| panic!("asked for {what}"));
        assert_eq!(configuration_set(&account, "").await, None);
    }

    #[tokio::test]
    async fn each_reason_why_the_developers_would_get_no_mail_is_told_with_what_to_do() {
        const PRODUCTION: &[(&str, bool)] = &[("SendingEnabled", true), ("ProductionAccessEnabled", true)];
        const SANDBOX: &[(&str, bool)] = &[("SendingEnabled", true), ("ProductionAccessEnabled", false)];
        const SUSPENDED: &[(&str, bool)] = &[("SendingEnabled", false), ("ProductionAccessEnabled", true)];
        let inbox = "developers@example.com";
        for (identities, settings, begins, words) in [
            (&[][..], PRODUCTION, "ok", inbox),
            (&[("developers@example.com", true)], SANDBOX, "note", "in its sandbox"),
            (&[("developers@example.com", false)], SANDBOX, "FAILS", "verify developers@example.com"),
            (&[], SANDBOX, "FAILS", "ask for production access"),
            (&[("developers@example.com", true)], SUSPENDED, "FAILS", "its console says why"),
        ] {
            let check = sandbox(&mailing(identities, settings), inbox).await.to_string();
            assert!(check.starts_with(begins) && check.contains(words), "{check}");
        }
    }

    #[tokio::test]
    async fn macie_that_is_paused_or_not_enabled_is_told_with_what_to_do() {
        let paused = json!({"status": "PAUSED"}).to_string();
        let none = json!({"__type": "AccessDeniedException", "message": "Macie is not enabled"}).to_string();
        let words = "User is not authorized to perform: macie2:GetMacieSession";
        let refused = json!({"__type": "AccessDeniedException", "message": words}).to_string();
        for (status, body, words) in [
            (200, json!({"status": "ENABLED"}).to_string(), "ok     Amazon Macie: enabled"),
            (200, paused, "resume it in the console of Macie"),
            (403, none, "it is not enabled in eu-west-1\n       -> turn it on: `aws macie2 enable-macie"),
            (403, refused, "it needs macie2:GetMacieSession"),
        ] {
            let (account, _) = scripted::account(move |_, _| (status, body.clone()));
            let check = macie(&account).await.to_string();
            assert!(check.contains(words), "{check}");
        }
    }

    fn values(list: &[(&str, &str)]) -> Values {
        list.iter().map(|(name, value)| ((*name).to_owned(), Value::Is((*value).to_owned()))).collect()
    }

    #[test]
    fn finds_names_where_ids_belong() {
        let values = values(&[("SlackChannelId", "#security"), ("SlackAllowedUserIds", "U012, alice")]);
        let check = slack_ids(Stack::MacieRemediation, &values);
        assert!(check.has_failed());
        assert!(check.to_string().contains("`alice` is not the id of a person"), "{check}");
    }

    #[test]
    fn a_webhook_of_another_host_is_found_before_it_is_deployed() {
        let webhook = |url: &str| Secrets::from([("SlackWebHookUrl", SecretString::from(url.to_owned()))]);
        let well = slack_app(&Values::new(), &webhook("https://hooks.slack.com/services/T/B/x")).unwrap();
        assert!(!well.has_failed());
        for url in ["https://hooks.slack-gov.com/services/T/B/x", "https://hooks.slack.com.evil.example/services/T/B/x"]
        {
            assert!(slack_app(&Values::new(), &webhook(url)).unwrap().has_failed(), "{url}");
        }
    }
}
