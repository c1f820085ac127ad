//! The demo: starts the world, tells the chosen stories, stops the world, and says how long each part took.

use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Args;
use local::{
    narrator::Narrator,
    stories::{self, Story, Times},
    world::World,
};
use sonarqube::{Source, interrupted};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Stories to tell.
    names: Vec<String>,
    /// Names all stories, one sentence each.
    #[arg(long)]
    list: bool,
    /// Keeps everything running after the stories, until Ctrl-C.
    #[arg(long)]
    stay: bool,
    /// Uses a SonarQube server that is there already. Its tokens are taken from the environment, where other users of this
    /// machine cannot see them: SONAR_TOKEN analyses code, SONAR_READER_TOKEN reads the verdict.
    #[arg(long, value_name = "URL")]
    sonar_url: Option<String>,
    /// Leaves out the stories that scan code.
    #[arg(long, conflicts_with = "sonar_url")]
    without_sonarqube: bool,
}

impl Arguments {
    fn source(&self, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Source> {
        let Some(url) = self.sonar_url.clone() else { return Ok(Source::Local) };
        let token = |name: &str, may: &str| {
            let token = variable(name).filter(|token| !token.is_empty());
            token.with_context(|| format!("--sonar-url needs a token that {may}: put it into the variable {name}"))
        };
        let scanner_token = token("SONAR_TOKEN", "analyses code")?;
        let reader_token = token("SONAR_READER_TOKEN", "reads the verdict")?;
        Ok(Source::External { url, scanner_token, reader_token })
    }
}

pub(crate) async fn run(arguments: &Arguments, narrator: &Narrator) -> anyhow::Result<()> {
    if arguments.list {
        for story in stories::ALL {
            narrator.say(&format!("{:33} {}", story.name, story.sentence));
        }
        return Ok(());
    }
    let mut chosen = Vec::new();
    for name in &arguments.names {
        chosen.push(stories::find(name).with_context(|| format!("no story is called {name}: see --list"))?);
    }
    if chosen.is_empty() {
        chosen.extend(stories::ALL.iter().filter(|story| story.default));
    }
    let (scans, others): (Vec<_>, Vec<_>) = chosen.iter().partition(|story| story.needs_sonarqube);
    let left_out = if arguments.without_sonarqube { scans } else { Vec::new() };
    if !left_out.is_empty() {
        chosen = others;
    }
    let needed = arguments.stay || chosen.iter().any(|story| story.needs_sonarqube);
    let source = (needed && !arguments.without_sonarqube)
        .then(|| arguments.source(|name| std::env::var(name).ok()))
        .transpose()?;

    let mut times = Times::new();
    let outcome = Box::pin(tell(source, arguments.stay, &chosen, narrator, &mut times)).await;
    narrator.say("");
    for (name, time) in times {
        narrator.say(&format!("{name:33} {:6.1} s", time.as_secs_f32()));
    }
    outcome?;
    for story in left_out {
        narrator.say(&format!("Left out, because of --without-sonarqube: {}", story.name));
    }
    Ok(())
}

async fn tell(
    source: Option<Source>,
    stay: bool,
    chosen: &[&'static Story],
    narrator: &Narrator,
    times: &mut Times,
) -> anyhow::Result<()> {
    let start = Instant::now();
    // An interruption drops what was started so far, and with it the processes.
    let world = tokio::select! {
        world = World::start(source, narrator) => world?,
        () = interrupted() => bail!("interrupted"),
    };
    times.push(("(start)", start.elapsed()));
    let outcome = tokio::select! {
        outcome = play(chosen, stay, &world, narrator, times) => outcome,
        () = interrupted() => Err(anyhow::anyhow!("interrupted")),
    };
    if outcome.is_err() {
        narrator.say(&format!("\nThe local cloud's last words:\n{}", world.last_words()));
    }
    let start = Instant::now();
    // Interrupted again, it ends at once.
    let stopped = tokio::select! {
        stopped = world.stop() => stopped,
        () = interrupted() => Err(anyhow::anyhow!("interrupted while stopping")),
    };
    times.push(("(stop)", start.elapsed()));
    outcome.and(stopped)
}

async fn play(
    chosen: &[&'static Story],
    stay: bool,
    world: &World,
    narrator: &Narrator,
    times: &mut Times,
) -> anyhow::Result<()> {
    stories::tell(chosen, world, narrator, times).await?;
    if stay {
        narrator.say(&format!("\nEverything keeps running until Ctrl-C.\n\n{}", world.tour()));
        interrupted().await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(url: Option<&str>, variables: &[(&str, &str)]) -> anyhow::Result<Source> {
        let arguments = Arguments {
            names: Vec::new(),
            list: false,
            stay: false,
            sonar_url: url.map(str::to_owned),
            without_sonarqube: false,
        };
        arguments.source(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_server_of_ones_own_needs_both_tokens() {
        let both = [("SONAR_TOKEN", "sqa_1"), ("SONAR_READER_TOKEN", "squ_2")];
        let Source::External { scanner_token, reader_token, .. } = source(Some("http://sonar"), &both).unwrap() else {
            panic!("another source")
        };
        assert_eq!((scanner_token.as_str(), reader_token.as_str()), ("sqa_1", "squ_2"));
        assert!(matches!(source(None, &both).unwrap(), Source::Local));
        for variables in [&[][..], &both[..1], &[("SONAR_TOKEN", "sqa_1"), ("SONAR_READER_TOKEN", "")]] {
            let error = source(Some("http://sonar"), variables).unwrap_err().to_string();
            assert!(error.contains("SONAR_"), "{error}");
        }
    }
}
