//! The parameters of the three stacks: which the templates have, which a person must set, and which are secret.

use std::collections::{BTreeMap, BTreeSet};

/// One of the three stacks. The word is the template's file name and the end of the stack's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stack {
    PreRequisite,
    AppSecurity,
    MacieRemediation,
}

impl Stack {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::PreRequisite => "pre-requisite",
            Self::AppSecurity => "app-security",
            Self::MacieRemediation => "macie-remediation",
        }
    }

    /// The template's file in a release.
    #[must_use]
    pub fn template(self) -> String {
        format!("{}.yml", self.word())
    }

    /// The value of a parameter: what is given, or else the template's default. None if there is neither.
    #[must_use]
    pub fn value<'a>(self, values: &'a Values, name: &str) -> Option<&'a str> {
        match values.get(name) {
            Some(Value::Is(value)) => Some(value),
            _ => default(self.source(), name),
        }
    }

    /// The template that was there when this program was built.
    fn source(self) -> &'static str {
        match self {
            Self::PreRequisite => include_str!("../../../templates/pre-requisite.yml"),
            Self::AppSecurity => include_str!("../../../templates/app-security.yml"),
            Self::MacieRemediation => include_str!("../../../templates/macie-remediation.yml"),
        }
    }

    /// The name of the stack in a deployment of that name.
    #[must_use]
    pub fn of(self, deployment: &str) -> String {
        format!("{deployment}-{}", self.word())
    }
}

/// A parameter's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Is(String),
    /// Whatever the stack has: a secret that is not given again.
    Previous,
}

/// Values by the parameters' names.
pub type Values = BTreeMap<String, Value>;

/// A parameter that has no default and that only a person knows.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub stack: Stack,
    pub name: &'static str,
    /// What to ask for, and where it is found.
    pub question: &'static str,
}

/// In the order in which they are asked for.
pub const WANTED: [Wanted; 8] = [
    Wanted {
        stack: Stack::AppSecurity,
        name: "SlackWorkspaceId",
        question: "Slack workspace of the code scan (T…, shown in the console of Amazon Q Developer in chat applications):",
    },
    Wanted {
        stack: Stack::AppSecurity,
        name: "SlackChannelId",
        question: "Slack channel of the code scan (C…, at the end of the channel's details):",
    },
    Wanted {
        stack: Stack::AppSecurity,
        name: "SonarHostUrl",
        question: "Address of the SonarQube server (https://…):",
    },
    Wanted { stack: Stack::AppSecurity, name: "SESEmail", question: "Sender of the mails (verified in Amazon SES):" },
    Wanted { stack: Stack::AppSecurity, name: "SharedInboxMail", question: "Shared inbox of the developers:" },
    Wanted {
        stack: Stack::MacieRemediation,
        name: "SlackWorkspaceId",
        question: "Slack workspace of the Macie findings (T…):",
    },
    Wanted {
        stack: Stack::MacieRemediation,
        name: "SlackAppId",
        question: "Slack app of the Macie findings (A…, Basic Information, App ID):",
    },
    Wanted {
        stack: Stack::MacieRemediation,
        name: "SlackChannelId",
        question: "Slack channel of the Macie findings (C…, the webhook's channel):",
    },
];

/// A parameter that is never written into a file.
#[derive(Clone, Copy, Debug)]
pub struct Secret {
    /// The stack that has the parameter.
    pub stack: Stack,
    /// The stack that cannot do without it.
    pub needed_by: Stack,
    pub name: &'static str,
    /// The environment variable that it is taken from.
    pub variable: &'static str,
    pub question: &'static str,
}

/// In the order in which they are asked for.
pub const SECRETS: [Secret; 4] = [
    Secret {
        stack: Stack::PreRequisite,
        needed_by: Stack::AppSecurity,
        name: "SonarToken",
        variable: "SONAR_TOKEN",
        question: "SonarQube token that analyses code (global analysis token):",
    },
    Secret {
        stack: Stack::PreRequisite,
        needed_by: Stack::AppSecurity,
        name: "SonarReaderToken",
        variable: "SONAR_READER_TOKEN",
        question: "SonarQube token that reads verdicts (user token of another user):",
    },
    Secret {
        stack: Stack::MacieRemediation,
        needed_by: Stack::MacieRemediation,
        name: "SlackWebHookUrl",
        variable: "SLACK_WEBHOOK_URL",
        question: "Incoming webhook of the Slack app:",
    },
    Secret {
        stack: Stack::MacieRemediation,
        needed_by: Stack::MacieRemediation,
        name: "SlackSigningSecret",
        variable: "SLACK_SIGNING_SECRET",
        question: "Signing secret of the Slack app (Basic Information, App Credentials):",
    },
];

/// Parameters that a deployment fills in by itself.
pub const OURS: [&str; 7] =
    ["S3LambdaBucket", "Release", "Architecture", "CKMSKeyArn", "CKMSKeyId", "SonarSecretArn", "SonarReaderSecretArn"];

/// The names of a template's parameters.
///
/// Reads our own templates, which the linter keeps in shape: a top-level `Parameters:`, and each name indented by two.
#[must_use]
pub fn names(template: &str) -> BTreeSet<String> {
    let section = template.lines().skip_while(|line| line.trim_end() != "Parameters:").skip(1);
    section
        .take_while(|line| line.is_empty() || line.starts_with([' ', '#']))
        .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
        .filter(|name| name.chars().all(|letter| letter.is_ascii_alphanumeric()))
        .map(str::to_owned)
        .collect()
}

/// The default of a template's parameter.
fn default<'a>(template: &'a str, name: &str) -> Option<&'a str> {
    let default = properties(template, name).find_map(|line| line.trim().strip_prefix("Default: "));
    default.map(|default| default.trim_matches(['\'', '"']))
}

/// The lines under a parameter's name.
fn properties<'a>(template: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (_, start) = template.split_once(&format!("\n  {name}:\n")).unwrap_or_default();
    start.lines().take_while(|line| line.starts_with("    ") || line.is_empty())
}

/// What is wrong with the id of something in Slack, if anything.
#[must_use]
pub fn wrong_slack_id(name: &str, value: &str) -> Option<String> {
    let (letters, thing): (&[char], _) = match name {
        "SlackWorkspaceId" => (&['T'], "workspace"),
        "SlackAppId" => (&['A'], "app"),
        "SlackChannelId" => (&['C', 'G'], "channel"),
        "SlackAllowedUserIds" => (&['U', 'W'], "person"),
        _ => return None,
    };
    let right = value.starts_with(letters)
        && value.len() > 2
        && value.chars().all(|letter| letter.is_ascii_digit() || letter.is_ascii_uppercase());
    (!right).then(|| {
        let letters: Vec<String> = letters.iter().map(char::to_string).collect();
        format!("`{value}` is not the id of a {thing}: those begin with {}", letters.join(" or "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACKS: [Stack; 3] = [Stack::PreRequisite, Stack::AppSecurity, Stack::MacieRemediation];

    fn of(stack: Stack) -> BTreeSet<String> {
        names(stack.source())
    }

    #[test]
    fn every_parameter_that_is_asked_for_exists() {
        for wanted in WANTED {
            assert!(of(wanted.stack).contains(wanted.name), "{wanted:?}");
        }
        for secret in SECRETS {
            assert!(of(secret.stack).contains(secret.name), "{secret:?}");
        }
    }

    /// Or CloudFormation would be the first to miss it.
    #[test]
    fn every_parameter_without_a_default_is_filled_in_or_asked_for() {
        for stack in STACKS {
            for name in of(stack) {
                if default(stack.source(), &name).is_some() {
                    continue;
                }
                let asked = WANTED.iter().any(|wanted| wanted.stack == stack && wanted.name == name);
                let secret = SECRETS.iter().any(|secret| secret.stack == stack && secret.name == name);
                assert!(asked || secret || OURS.contains(&name.as_str()), "{} {name}", stack.word());
            }
        }
    }

    #[test]
    fn what_is_not_echoed_is_a_secret_and_nothing_else_is() {
        for stack in STACKS {
            for name in of(stack) {
                let hidden = properties(stack.source(), &name).any(|line| line.trim() == "NoEcho: true");
                let secret = SECRETS.iter().any(|secret| secret.stack == stack && secret.name == name);
                assert_eq!(hidden, secret, "{} {name}", stack.word());
            }
        }
    }

    #[test]
    fn what_is_given_comes_before_the_templates_default() {
        let given: Values = [("SESIdentity".to_owned(), Value::Is("example.com".to_owned()))].into();
        let stack = Stack::AppSecurity;
        assert_eq!(stack.value(&given, "SESIdentity"), Some("example.com"));
        assert_eq!(stack.value(&Values::new(), "SESIdentity"), Some(""));
        assert_eq!(stack.value(&Values::new(), "SESEmail"), None);
        assert_eq!(Stack::MacieRemediation.value(&Values::new(), "CredentialsAction"), Some("AUTO"));
    }

    #[test]
    fn tells_ids_from_names() {
        assert_eq!(wrong_slack_id("SlackChannelId", "C012ABCDEFG"), None);
        assert_eq!(wrong_slack_id("SESEmail", "whatever"), None);
        assert_eq!(
            wrong_slack_id("SlackChannelId", "#security").unwrap(),
            "`#security` is not the id of a channel: those begin with C or G"
        );
    }
}
