//! Tells a story as it happens: what was done, and what each person sees of it.

use std::{
    fmt::Write as _,
    io::Write as _,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use crate::{
    mail::Mail,
    slack::{
        Slack,
        message::{Author, Message},
    },
};

/// Prints, or keeps what it would have printed for the report of a failed test.
#[derive(Debug)]
pub struct Narrator {
    start: Instant,
    kept: Option<Mutex<String>>,
}

impl Narrator {
    #[must_use]
    pub fn printing() -> Self {
        Self { start: Instant::now(), kept: None }
    }

    #[must_use]
    pub fn quiet() -> Self {
        Self { start: Instant::now(), kept: Some(Mutex::default()) }
    }

    /// What was told so far, if it was not printed.
    #[must_use]
    pub fn told(&self) -> String {
        self.kept.as_ref().map(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }

    /// The beginning of a story.
    pub fn title(&self, name: &str, sentence: &str) {
        self.say(&format!("\n━━ {name} ━━ {sentence}\n"));
    }

    /// Something was done, or happened.
    pub fn step(&self, words: &str) {
        self.say(&format!("[{:6.1} s] {words}", self.start.elapsed().as_secs_f32()));
    }

    /// Something that was checked.
    pub fn fact(&self, words: &str) {
        self.say(&format!("           ✓ {words}"));
    }

    /// A message as the people in the channel see it.
    pub fn message(&self, place: &str, slack: &Slack, message: &Message) {
        let author = match &message.author {
            Author::App(id) => slack.app_name(id),
            Author::AmazonQ => "Amazon Q (stand-in)".to_owned(),
            Author::Slack => "Slack stand-in".to_owned(),
        };
        let mut text = format!("Slack stand-in, {place}, {author}");
        for (holds, note) in [(message.thread.is_some(), ", reply in the thread"), (message.edits > 0, ", updated")] {
            if holds {
                text.push_str(note);
            }
        }
        if let Some(person) = &message.only_for {
            let _ = write!(text, ", only visible to {}", slack.with_names(&format!("@{person}")));
        }
        text.push('\n');
        text.push_str(&slack.with_names(&message.plain()));
        let offers = message.offers.iter().map(|offer| offer.label.clone());
        let buttons = message.buttons();
        let labels: Vec<String> = buttons.iter().map(|button| button.label.clone()).chain(offers).collect();
        if !labels.is_empty() {
            let _ = write!(text, "\n[ {} ]", labels.join(" ]  [ "));
        }
        self.boxed(&text);
    }

    /// A mail as its receiver sees it.
    pub fn mail(&self, mail: &Mail) {
        let head = format!("From: {}\nTo: {}\nSubject: {}", mail.from, mail.to.join(", "), mail.subject);
        self.boxed(&format!("Mail in the local cloud's outbox\n{head}\n\n{}", mail.text.trim_end()));
    }

    /// A line by itself.
    pub fn say(&self, words: &str) {
        match &self.kept {
            Some(kept) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_str(words);
                kept.push('\n');
            }
            // A reader that went away is no reason to fail.
            None => drop(writeln!(std::io::stdout(), "{words}")),
        }
    }

    fn boxed(&self, text: &str) {
        let mut lines = text.trim_end().lines();
        let mut boxed = format!("           ┌ {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = write!(boxed, "\n           │ {line}");
        }
        boxed.push_str("\n           └");
        self.say(&boxed);
    }
}
