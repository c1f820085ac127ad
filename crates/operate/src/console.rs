//! The person in front of the terminal: what they are told, and what they are asked.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, ensure};
use secrecy::SecretString;

/// What happens with questions that are answered with yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assent {
    /// Somebody said yes beforehand (`--yes`).
    Given,
    /// There is a terminal with somebody in front of it.
    Asked,
    /// Nobody is there.
    Nobody,
}

type Listener = Box<dyn Fn(&str) + Send + Sync>;

/// Somebody to talk to.
pub struct Console {
    said: Listener,
    assent: Assent,
}

impl Console {
    /// A console that prints. `yes` is the answer to all questions if it is set.
    #[must_use]
    pub fn printing(yes: bool) -> Self {
        let assent = match (yes, interactive()) {
            (true, _) => Assent::Given,
            (false, true) => Assent::Asked,
            (false, false) => Assent::Nobody,
        };
        Self { said: Box::new(print), assent }
    }

    /// A console that hands on what it is told, and agrees with everything.
    #[must_use]
    pub fn telling(listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { said: Box::new(listener), assent: Assent::Given }
    }

    /// Tells one or more lines.
    pub fn say(&self, words: &str) {
        (self.said)(words);
    }

    /// Whether somebody can be asked for more than yes or no.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        interactive() && self.assent != Assent::Nobody
    }

    /// Whether the person agrees. Nobody there means an error that names the option to give.
    ///
    /// # Errors
    /// Nobody can be asked, or the terminal cannot be read.
    pub fn agrees(&self, question: &str, option: &str) -> anyhow::Result<bool> {
        match self.assent {
            Assent::Given => Ok(true),
            Assent::Nobody => {
                anyhow::bail!("{question} Nobody can be asked here: give {option} to say yes beforehand")
            }
            Assent::Asked => {
                let answer = self.line(&format!("{question} [y/N]"))?;
                Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
            }
        }
    }

    /// One line of the person's.
    ///
    /// # Errors
    /// The terminal cannot be read.
    pub fn line(&self, question: &str) -> anyhow::Result<String> {
        prompt(question)?;
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line).context("read the answer")?;
        ensure!(read > 0, "the input ended before an answer");
        Ok(line.trim().to_owned())
    }

    /// One line that is not shown while it is typed.
    ///
    /// # Errors
    /// The terminal cannot be read.
    pub fn secret(&self, question: &str) -> anyhow::Result<SecretString> {
        prompt(&format!("{question} (not shown)"))?;
        let secret = rpassword::read_password().context("read the answer")?;
        Ok(SecretString::from(secret.trim().to_owned()))
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Console").field("assent", &self.assent).finish_non_exhaustive()
    }
}

/// Prints a line. A reader that is gone (`| head`) is no reason to stop in the middle of a deployment.
fn print(words: &str) {
    let _ = writeln!(io::stdout(), "{words}");
}

fn prompt(question: &str) -> anyhow::Result<()> {
    let mut out = io::stdout();
    write!(out, "{question} ").and_then(|()| out.flush()).context("ask")
}

fn interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}
