//! `local demo` tells the stories; `local sonarqube` keeps a server for the next run.

use std::{process::ExitCode, time::Instant};

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand};
use local::{
    narrator::Narrator,
    sonarqube::Source,
    stories::{self, Story},
    world::World,
};

/// The local world of security-chatops: a local cloud, a Slack stand-in and a real SonarQube on this machine.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tells the stories, the two of the README without a name.
    Demo(Demo),
}

#[derive(Args)]
struct Demo {
    /// Stories to tell.
    names: Vec<String>,
    /// Names all stories, one sentence each.
    #[arg(long)]
    list: bool,
    /// Keeps everything running after the stories, until Ctrl-C.
    #[arg(long)]
    stay: bool,
    /// Uses a SonarQube server that is there already.
    #[arg(long, requires_all = ["sonar_token", "sonar_reader_token"], conflicts_with = "without_sonarqube")]
    sonar_url: Option<String>,
    /// Token with which the build analyses code, for --sonar-url.
    #[arg(long, requires = "sonar_url")]
    sonar_token: Option<String>,
    /// Token with which the verdict is read, for --sonar-url.
    #[arg(long, requires = "sonar_url")]
    sonar_reader_token: Option<String>,
    /// Leaves out the stories that scan code.
    #[arg(long)]
    without_sonarqube: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let narrator = Narrator::printing();
    let result = match Cli::parse().command {
        Command::Demo(demo) if demo.list => {
            for story in stories::ALL {
                narrator.say(&format!("{:34} {}", story.name, story.sentence));
            }
            Ok(())
        }
        Command::Demo(demo) => tell(&demo, &narrator).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            narrator.say(&format!("\nFailed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn tell(demo: &Demo, narrator: &Narrator) -> anyhow::Result<()> {
    let mut chosen = Vec::new();
    for name in &demo.names {
        chosen.push(stories::find(name).with_context(|| format!("no story is called {name}: see --list"))?);
    }
    if chosen.is_empty() {
        chosen = stories::ALL.iter().filter(|story| story.default).collect();
    }
    let sonarqube = match (&demo.sonar_url, &demo.sonar_token, &demo.sonar_reader_token) {
        (Some(url), Some(token), Some(reader_token)) => {
            SonarQube::Given(SonarAccess { url: url.clone(), token: token.clone(), reader_token: reader_token.clone() })
        }
        _ if demo.without_sonarqube || !chosen.iter().any(|story| story.needs_sonarqube) => None,
        _ => Some(Source::Local),
    };
    let start = Instant::now();
    let mut times = Vec::new();
    let world = tokio::select! {
        world = World::start(sonarqube, narrator) => world?,
        () = interrupted() => bail!("interrupted"),
    };
    times.push(("start", start.elapsed()));
    let result = tokio::select! {
        result = play(demo, &chosen, &world, narrator, &mut times) => result,
        () = interrupted() => Err(anyhow::anyhow!("interrupted")),
    };
    if result.is_err() {
        narrator.say(&format!("\nThe local cloud's last words:\n{}", world.last_words()));
    }
    let stopping = Instant::now();
    let stopped = world.stop().await;
    times.push(("stop", stopping.elapsed()));
    narrator.say("");
    for (name, time) in times {
        narrator.say(&format!("{name:34} {:6.1} s", time.as_secs_f32()));
    }
    result.and(stopped)
}

async fn play(
    demo: &Demo,
    chosen: &[&'static Story],
    world: &World,
    narrator: &Narrator,
    times: &mut Vec<(&'static str, std::time::Duration)>,
) -> anyhow::Result<()> {
    for story in chosen {
        narrator.title(story.name, story.sentence);
        if story.needs_sonarqube && demo.without_sonarqube {
            narrator.step("Left out: --without-sonarqube");
            continue;
        }
        let start = Instant::now();
        (story.play)(world, narrator).await.with_context(|| format!("in the story {}", story.name))?;
        times.push((story.name, start.elapsed()));
    }
    if demo.stay {
        narrator.say(&format!("\nEverything keeps running. The Slack stand-in is at {}", world.slack.url()));
        narrator.say("Ctrl-C stops it.");
        interrupted().await;
    }
    Ok(())
}

/// Waits for Ctrl-C, or for somebody who ends us.
async fn interrupted() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}
