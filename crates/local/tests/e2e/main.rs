//! One world, and every story in it as a test of its own; then what must not have an effect.
//!
//! Run by `scripts/test e2e`, which `--without-sonarqube` makes leave out what scans code; it says so in the end.

mod demo;
mod hostile;
mod neighbours;
mod notification;
mod operations;
mod page;
mod permissions;
mod queue;
mod sockets;
mod sonarqube;

use std::{
    path::Path,
    process::{Command, ExitCode},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ::sonarqube::{Source, interrupted};
use anyhow::{Context as _, anyhow, ensure};
use libtest_mimic::{Arguments, Failed, Trial};
use local::{narrator::Narrator, stories, world::World};
use sockets::Watch;
use tokio::{runtime::Runtime, sync::watch};

type Play = Box<dyn Fn(&Context, &Narrator) -> anyhow::Result<()> + Send + Sync>;

/// A test: a claim about the world.
struct Claim {
    name: &'static str,
    needs_sonarqube: bool,
    play: Play,
}

/// What the tests share.
struct Context {
    runtime: Arc<Runtime>,
    world: World,
    /// Why no code can be scanned.
    no_sonarqube: Option<String>,
    interruption: watch::Receiver<bool>,
    times: Mutex<Vec<(&'static str, Duration)>>,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            Narrator::printing().say(&format!("The end-to-end tests cannot run: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let without = std::env::var("SECURITY_CHATOPS_WITHOUT_SONARQUBE").is_ok_and(|value| value == "1");
    let claims: Vec<Claim> = claims(!without).into_iter().filter(|claim| !(without && claim.needs_sonarqube)).collect();
    if arguments.list {
        let trials = claims.iter().map(|claim| Trial::test(claim.name, || Ok(()))).collect();
        return Ok(libtest_mimic::run(arguments, trials).exit_code());
    }
    build()?;
    let scans = claims.iter().any(|claim| claim.needs_sonarqube && is_chosen(arguments, claim.name));
    let runtime = Arc::new(Runtime::new().context("start the runtime")?);
    let (interrupt, interruption) = watch::channel(false);
    runtime.spawn(async move {
        interrupted().await;
        interrupt.send_replace(true);
    });
    let narrator = Narrator::printing();
    let start = Instant::now();
    let (world, no_sonarqube) = runtime.block_on(async {
        tokio::select! {
            world = start_world(scans, &narrator) => world,
            () = stopped(interruption.clone()) => Err(anyhow!("interrupted")),
        }
    })?;
    let times = Mutex::new(vec![("(start)", start.elapsed())]);
    let server = runtime.block_on(::sonarqube::status())?.map(|status| status.log_folder);
    let sockets = Watch::start(server.and_then(|logs| logs.parent().map(Path::to_owned)));
    let context = Arc::new(Context { runtime, world, no_sonarqube, interruption, times });

    let trials = claims.into_iter().map(|claim| trial(&context, claim)).collect();
    let conclusion = libtest_mimic::run(arguments, trials);
    let everything = arguments.filter.is_none() && arguments.skip.is_empty() && !without;

    let context = Arc::into_inner(context).context("a test still runs")?;
    let problems = context.world.slack.problems();
    let refused = unexpected(&problems);
    let sockets = sockets.map_or_else(|| Ok("Not watched without /proc: who connects to whom".to_owned()), Watch::end);
    let judged = context.runtime.block_on(permissions::check(&context.world, everything && !conclusion.has_failed()));
    let start = Instant::now();
    let stopped = context.runtime.block_on(context.world.stop());
    let mut times = context.times.into_inner().unwrap_or_else(PoisonError::into_inner);
    times.push(("(stop)", start.elapsed()));
    for (name, time) in times {
        narrator.say(&format!("{name:40} {:6.1} s", time.as_secs_f32()));
    }
    stopped?;
    ensure!(refused.is_empty(), "Slack or Amazon Q would have refused or dropped: {refused:#?}");
    narrator.say(&sockets?);
    let calls = judged.context("permissions")?;
    narrator.say(&format!("AWS would have allowed each of the {calls} calls that were made"));
    if without {
        narrator.say("The code-scan tests were left out, because of --without-sonarqube");
    }
    Ok(conclusion.exit_code())
}

/// What was refused, except the notifications that a test of ours spoilt.
fn unexpected(problems: &[String]) -> Vec<&String> {
    problems.iter().filter(|problem| !hostile::is_about_what_was_spoilt(problem)).collect()
}

/// The functions that are deployed are programs of other crates, which Cargo does not build for this test.
fn build() -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    let status = command.args(["build", "--workspace", "--quiet"]).current_dir(local::checkout()).status();
    ensure!(status.context("run cargo")?.success(), "the functions do not build");
    Ok(())
}

/// Where SonarQube cannot be had, the other tests still run, and those that scan code say why they cannot.
async fn start_world(scans: bool, narrator: &Narrator) -> anyhow::Result<(World, Option<String>)> {
    if !scans {
        return Ok((World::start(None, narrator).await?, Some("not started".to_owned())));
    }
    match World::start(Some(Source::Local), narrator).await {
        Ok(world) => Ok((world, None)),
        Err(error) => {
            let why = format!("{error:#}");
            narrator.say(&format!("No code can be scanned: {why}"));
            let world = World::start(None, narrator).await;
            Ok((world.with_context(|| why.clone())?, Some(why)))
        }
    }
}

/// All of them; with or without a server for code.
fn claims(scans: bool) -> Vec<Claim> {
    let told = stories::ALL.iter().filter(|story| !story.composed).map(|story| Claim {
        name: story.name,
        needs_sonarqube: story.needs_sonarqube,
        play: Box::new(|context, narrator| context.wait((story.play)(&context.world, narrator))),
    });
    macro_rules! claim {
        ($name:ident in $module:ident) => {
            Claim {
                name: concat!(stringify!($module), "::", stringify!($name)),
                needs_sonarqube: false,
                play: Box::new(|context, narrator| context.wait($module::$name(&context.world, narrator))),
            }
        };
    }
    let others = [
        claim!(a_request_that_slack_did_not_send_has_no_effect in hostile),
        claim!(a_genuine_click_from_elsewhere_has_no_effect in hostile),
        claim!(amazon_q_drops_and_reports_what_is_no_notification in hostile),
        claim!(garbage_in_the_queue_is_not_retried in queue),
        claim!(a_busy_slack_delays_a_message_and_loses_none in queue),
        claim!(a_button_in_the_browser_works in page),
        claim!(the_command_for_an_upload_of_ones_own_works_as_it_is_printed in page),
        claim!(a_story_that_fails_fails_the_demo in demo),
        claim!(two_deployments_live_side_by_side in neighbours),
        claim!(the_test_of_the_documents_reaches_the_channel in notification),
    ];
    let lifetime = Claim {
        name: "operations::a_deployment_lives_and_ends_by_the_scripts",
        needs_sonarqube: scans,
        play: Box::new(move |context, _| context.wait(operations::a_deployment_lives_and_ends_by_the_scripts(scans))),
    };
    let with_sonarqube = [
        claim!(its_users_may_do_no_more_than_they_need in sonarqube),
        claim!(one_that_is_there_already_is_used_by_its_address in sonarqube),
        // They look into the cache for what its files are called.
        claim!(leaves_nothing_behind_when_it_is_interrupted in demo),
        claim!(leaves_nothing_behind_when_it_fails_early in demo),
    ];
    let with_sonarqube = with_sonarqube.map(|claim| Claim { needs_sonarqube: true, ..claim });
    told.chain(others).chain(with_sonarqube).chain([lifetime]).collect()
}

fn trial(context: &Arc<Context>, claim: Claim) -> Trial {
    let context = Arc::clone(context);
    Trial::test(claim.name, move || {
        if claim.needs_sonarqube
            && let Some(why) = &context.no_sonarqube
        {
            return Err(Failed::from(format!("no code can be scanned: {why}")));
        }
        let narrator = Narrator::quiet();
        let start = Instant::now();
        let outcome = (claim.play)(&context, &narrator);
        let mut times = context.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.push((claim.name, start.elapsed()));
        outcome.map_err(|error| {
            let last = context.world.last_words();
            Failed::from(format!("{error:#}\n\nSo far:\n{}\nThe local cloud's last words:\n{last}", narrator.told()))
        })
    })
}

impl Context {
    /// Waits for a test, unless somebody interrupts all of them.
    fn wait(&self, play: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            tokio::select! {
                outcome = play => outcome,
                () = stopped(self.interruption.clone()) => Err(anyhow!("interrupted")),
            }
        })
    }
}

async fn stopped(mut interruption: watch::Receiver<bool>) {
    // The sender lives as long as the runtime.
    let _ = interruption.wait_for(|interrupted| *interrupted).await;
}

fn is_chosen(arguments: &Arguments, name: &str) -> bool {
    let matches = |filter: &str| if arguments.exact { name == filter } else { name.contains(filter) };
    arguments.filter.as_deref().is_none_or(matches) && !arguments.skip.iter().any(|skip| matches(skip))
}
