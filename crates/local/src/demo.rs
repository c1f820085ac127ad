//! The demo: starts the world, tells the chosen stories, stops the world, and says how long each part took.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use local::{
    narrator::Narrator,
    process::interrupted,
    sonarqube::Source,
    stories::{self, Story},
    world::World,
};

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
    /// Uses a SonarQube server that is there already.
    #[arg(long, value_name = "URL", requires_all = ["sonar_token", "sonar_reader_token"])]
    sonar_url: Option<String>,
    /// Token with which the build analyses code, for --sonar-url.
    #[arg(long, value_name = "TOKEN", requires = "sonar_url")]
    sonar_token: Option<String>,
    /// Token with which the verdict is read, for --sonar-url.
    #[arg(long, value_name = "TOKEN", requires = "sonar_url")]
    sonar_reader_token: Option<String>,
    /// Leaves out the stories that scan code.
    #[arg(long, conflicts_with = "sonar_url")]
    without_sonarqube: bool,
}

impl Arguments {
    fn source(&self) -> Source {
        match (&self.sonar_url, &self.sonar_token, &self.sonar_reader_token) {
            (Some(url), Some(token), Some(reader_token)) => {
                Source::External { url: url.clone(), scanner_token: token.clone(), reader_token: reader_token.clone() }
            }
            _ => Source::Local,
        }
    }
}

/// How long each part took.
type Times = Vec<(&'static str, Duration)>;

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
    let source = (needed && !arguments.without_sonarqube).then(|| arguments.source());

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
    for story in chosen {
        let start = Instant::now();
        narrator.title(story.name, story.sentence);
        (story.play)(world, narrator).await.with_context(|| format!("in the story {}", story.name))?;
        times.push((story.name, start.elapsed()));
    }
    let refused = world.slack.problems();
    ensure!(refused.is_empty(), "Slack or Amazon Q would have refused or dropped: {refused:#?}");
    if stay {
        narrator.say(&format!("\nEverything keeps running until Ctrl-C.\n\n{}", world.tour()));
        interrupted().await;
    }
    Ok(())
}
