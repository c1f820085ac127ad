//! The configuration of a deployment: a small file, the environment for what is secret, and questions for the rest.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, bail, ensure};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    console::Console,
    parameters::{OURS, SECRETS, Secret, Stack, Value, Values, WANTED},
};

/// Where the file is, unless somebody says otherwise.
pub const FILE: &str = "security-chatops.toml";

const NAME: &str = "security-chatops";

/// What the file says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The beginning of the stacks' names; several deployments live side by side under different names.
    #[serde(default = "default_name")]
    pub name: String,
    #[serde(default)]
    pub profile: Option<String>,
    #[serde(default)]
    pub region: Option<String>,
    /// Parameters of that template, by the template's own names. Without it, the stack is not deployed.
    #[serde(default, rename = "app-security")]
    pub app_security: Option<BTreeMap<String, toml::Value>>,
    #[serde(default, rename = "macie-remediation")]
    pub macie_remediation: Option<BTreeMap<String, toml::Value>>,
}

impl Default for Config {
    fn default() -> Self {
        Self { name: default_name(), profile: None, region: None, app_security: None, macie_remediation: None }
    }
}

impl Config {
    /// Reads the file; none if it is not there.
    ///
    /// # Errors
    /// The file cannot be read, or says what it must not.
    pub fn read(file: &Path) -> anyhow::Result<Option<Self>> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("read {}", file.display())),
        };
        Self::parse(&text).map(Some).with_context(|| format!("in {}", file.display()))
    }

    /// Understands the text of a file.
    ///
    /// # Errors
    /// It is not TOML, has an unknown key, or a parameter that has no business there.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let config: Self = toml::from_str(text).context("understand the configuration")?;
        check_name(&config.name)?;
        for stack in [Stack::AppSecurity, Stack::MacieRemediation] {
            for name in config.section(stack).into_iter().flat_map(BTreeMap::keys) {
                if let Some(secret) = SECRETS.iter().find(|secret| secret.name == name) {
                    bail!(
                        "{name} is a secret and does not belong into a file: set the environment variable {}, or leave \
                         it out and be asked",
                        secret.variable
                    );
                }
                ensure!(!OURS.contains(&name.as_str()), "{name} is filled in by the deployment itself: leave it out");
            }
        }
        Ok(config)
    }

    /// Asks for what a deployment needs, where there is no file.
    ///
    /// # Errors
    /// The terminal cannot be read, or an answer makes no sense.
    pub fn ask(console: &Console) -> anyhow::Result<Self> {
        let name = console.line(&format!("Name of the deployment [{NAME}]:"))?;
        let region = console.line("AWS Region (empty: the one of the AWS profile):")?;
        let wants = |question: &str| -> anyhow::Result<bool> {
            Ok(!matches!(console.line(question)?.to_ascii_lowercase().as_str(), "n" | "no"))
        };
        let mut config = Self {
            name: if name.is_empty() { default_name() } else { name },
            profile: None,
            region: (!region.is_empty()).then_some(region),
            app_security: wants("Deploy the code scan? [Y/n]")?.then(BTreeMap::new),
            macie_remediation: wants("Deploy the Macie remediation? [Y/n]")?.then(BTreeMap::new),
        };
        check_name(&config.name)?;
        config.complete(console)?;
        Ok(config)
    }

    /// Asks for the parameters that nobody has set and that have no default.
    ///
    /// # Errors
    /// Nobody can be asked, or the terminal cannot be read.
    pub fn complete(&mut self, console: &Console) -> anyhow::Result<()> {
        let missing: Vec<_> = WANTED
            .iter()
            .filter(|wanted| self.section(wanted.stack).is_some_and(|section| !section.contains_key(wanted.name)))
            .collect();
        if !missing.is_empty() && !console.can_ask() {
            let names: Vec<String> =
                missing.iter().map(|wanted| format!("{} in [{}]", wanted.name, wanted.stack.word())).collect();
            bail!("the configuration lacks {}", names.join(", "));
        }
        for wanted in missing {
            let answer = console.line(wanted.question)?;
            ensure!(!answer.is_empty(), "{} cannot be empty", wanted.name);
            if let Some(section) = self.section_mut(wanted.stack) {
                section.insert(wanted.name.to_owned(), toml::Value::String(answer));
            }
        }
        Ok(())
    }

    /// Gives the deployment another name.
    ///
    /// # Errors
    /// It cannot be the name of a deployment.
    pub fn rename(&mut self, name: &str) -> anyhow::Result<()> {
        check_name(name)?;
        name.clone_into(&mut self.name);
        Ok(())
    }

    /// The stacks that are wanted, in the order in which they are deployed.
    #[must_use]
    pub fn stacks(&self) -> Vec<Stack> {
        let wanted = |stack: &Stack| *stack == Stack::PreRequisite || self.section(*stack).is_some();
        [Stack::PreRequisite, Stack::AppSecurity, Stack::MacieRemediation].into_iter().filter(wanted).collect()
    }

    /// The parameters that the file sets for a stack, as CloudFormation takes them.
    ///
    /// # Errors
    /// A value is neither text, number, truth value nor a list of those.
    pub fn parameters(&self, stack: Stack) -> anyhow::Result<Values> {
        let section = self.section(stack).into_iter().flatten();
        section
            .map(|(name, value)| {
                let text = text(value).with_context(|| format!("{name} in [{}] is no text", stack.word()))?;
                Ok((name.clone(), Value::Is(text)))
            })
            .collect()
    }

    /// The file that says the same.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut lines = format!("name = {}\n", quoted(&self.name));
        for (key, value) in [("profile", &self.profile), ("region", &self.region)] {
            if let Some(value) = value {
                // Writing into a String cannot fail.
                let _ = writeln!(lines, "{key} = {}", quoted(value));
            }
        }
        for stack in [Stack::AppSecurity, Stack::MacieRemediation] {
            if let Some(section) = self.section(stack) {
                let _ = writeln!(lines, "\n[{}]", stack.word());
                for (name, value) in section {
                    let _ = writeln!(lines, "{name} = {value}");
                }
            }
        }
        lines
    }

    fn section(&self, stack: Stack) -> Option<&BTreeMap<String, toml::Value>> {
        match stack {
            Stack::PreRequisite => None,
            Stack::AppSecurity => self.app_security.as_ref(),
            Stack::MacieRemediation => self.macie_remediation.as_ref(),
        }
    }

    fn section_mut(&mut self, stack: Stack) -> Option<&mut BTreeMap<String, toml::Value>> {
        match stack {
            Stack::PreRequisite => None,
            Stack::AppSecurity => self.app_security.as_mut(),
            Stack::MacieRemediation => self.macie_remediation.as_mut(),
        }
    }
}

/// Secrets by the names of their parameters.
pub type Secrets = BTreeMap<&'static str, SecretString>;

/// The secrets that are given in the environment, or typed by a person where the stacks do not have them yet.
///
/// `has` says whether the stack that needs a secret exists, and so has it.
///
/// # Errors
/// A secret is missing and nobody can be asked.
pub fn secrets(
    stacks: &[Stack],
    variable: impl Fn(&str) -> Option<String>,
    has: impl Fn(Stack) -> bool,
    console: &Console,
) -> anyhow::Result<Secrets> {
    let mut found = Secrets::new();
    let mut missing: Vec<&Secret> = Vec::new();
    for secret in SECRETS.iter().filter(|secret| stacks.contains(&secret.needed_by)) {
        match variable(secret.variable).filter(|value| !value.trim().is_empty()) {
            Some(value) => {
                found.insert(secret.name, SecretString::from(value.trim().to_owned()));
            }
            None if has(secret.needed_by) => {}
            None => missing.push(secret),
        }
    }
    if !missing.is_empty() && !console.can_ask() {
        let names: Vec<&str> = missing.iter().map(|secret| secret.variable).collect();
        bail!("set {} in the environment: the first deployment needs them", names.join(", "));
    }
    for secret in missing {
        let value = console.secret(secret.question)?;
        ensure!(!value.expose_secret().is_empty(), "{} cannot be empty", secret.name);
        found.insert(secret.name, value);
    }
    Ok(found)
}

fn default_name() -> String {
    NAME.to_owned()
}

/// How long a deployment's name may be. Names of roles and functions have at most 64 characters, of which CloudFormation
/// gives the stack's name no more than about a third
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html>): what the operator's
/// policy allows begins with the deployment's name and a hyphen, so these must not be cut.
const LONGEST_NAME: usize = 20;

/// The name is the beginning of names of stacks, buckets and log groups.
fn check_name(name: &str) -> anyhow::Result<()> {
    let fits = name.len() <= LONGEST_NAME
        && name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    ensure!(
        fits,
        "`{name}` is no name for a deployment: it has at most {LONGEST_NAME} lower-case letters, digits and hyphens, and \
         begins with a letter"
    );
    Ok(())
}

fn text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        toml::Value::Array(list) => list.iter().map(text).collect::<Option<Vec<_>>>().map(|parts| parts.join(",")),
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody() -> Console {
        Console::printing(false)
    }

    #[test]
    fn the_example_is_understood_and_complete() {
        let example = include_str!("../../../security-chatops.example.toml");
        let mut config = Config::parse(example).unwrap();
        config.complete(&nobody()).unwrap();
        assert_eq!(config.stacks(), [Stack::PreRequisite, Stack::AppSecurity, Stack::MacieRemediation]);
    }

    #[test]
    fn refuses_secrets_in_the_file() {
        let refused = Config::parse("[macie-remediation]\nSlackSigningSecret = 'abc'").unwrap_err();
        assert!(refused.to_string().contains("SLACK_SIGNING_SECRET"), "{refused}");
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(Config::parse("regoin = 'eu-west-1'").is_err());
        assert!(Config::parse("name = 'Bad Name'").is_err());
        assert!(Config::parse("name = 'twenty-letters-are-ok'").unwrap_err().to_string().contains("at most 20"));
        assert!(Config::parse("name = 'twenty-letters-is-ok'").is_ok());
        assert!(Config::parse("[app-security]\nRelease = '0'").is_err());
    }

    #[test]
    fn takes_numbers_truth_values_and_lists() {
        let text = "[macie-remediation]\nLogRetentionDays = 30\nSlackAllowedUserIds = ['U1', 'U2']";
        let parameters = Config::parse(text).unwrap().parameters(Stack::MacieRemediation).unwrap();
        assert_eq!(parameters["LogRetentionDays"], Value::Is("30".to_owned()));
        assert_eq!(parameters["SlackAllowedUserIds"], Value::Is("U1,U2".to_owned()));
    }

    #[test]
    fn what_it_writes_it_reads() {
        let text = "name = 'one'\nregion = 'eu-west-1'\n[app-security]\nSESEmail = 'a@example.com'\n";
        let config = Config::parse(text).unwrap();
        let again = Config::parse(&config.to_toml()).unwrap();
        assert_eq!(again.to_toml(), config.to_toml());
        assert!(again.macie_remediation.is_none());
    }

    #[test]
    fn a_secret_that_the_stack_has_is_not_asked_for_again() {
        let stacks = [Stack::PreRequisite, Stack::MacieRemediation];
        let given = |name: &str| (name == "SLACK_WEBHOOK_URL").then(|| "https://example.com".to_owned());
        let found = secrets(&stacks, given, |_| true, &nobody()).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), [&"SlackWebHookUrl"]);
        let refused = secrets(&stacks, given, |_| false, &nobody()).unwrap_err();
        assert!(refused.to_string().contains("SLACK_SIGNING_SECRET"), "{refused}");
    }
}
