//! A genuine request that somebody recorded and sends once more while Slack's signature still holds.

use domain::quarantine::{CopyLeft, Manifest, Restoration};
use domain::quarantine::{RestorationState, RestoreOutcome, manifest_key};
use domain::remediation::{Decision, Outcome};
use domain::slack::button::{Action, DismissReason};
use http::Request;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use super::decisions::{about_case, automatic, by, careful_world, quarantined, record};
use super::world::{CASE, FINDING, NOW, SECRET, World, new_press, signed, value};

/// Presses, and answers with the request as somebody on the way may have kept it.
async fn recorded(world: &World, click: &Value) -> Request<Vec<u8>> {
    let body = new_press(click);
    assert_eq!(world.send(signed(&body, SECRET, NOW)).await.unwrap().0, 200);
    signed(&body, SECRET, NOW)
}

fn reopening(world: &World) -> Value {
    let mut click = world.click();
    click["actions"][0]["action_id"] = Action::Reopen.action_id().into();
    click["actions"][0]["value"] = value(Action::Reopen, FINDING).into();
    click
}

/// The object was put back.
fn restore(world: &World) {
    let mut manifest: Manifest = serde_json::from_value(record(world, &manifest_key(CASE)).unwrap()).unwrap();
    let at = Timestamp::from_second(NOW).unwrap();
    manifest.restoration = Some(Restoration {
        decision: Decision::Policy,
        started_at: at,
        restored: None,
        state: RestorationState::Ended {
            outcome: RestoreOutcome::Restored { copy: CopyLeft::Deleted },
            at,
            told: true,
        },
    });
    world.file(&manifest_key(CASE), &manifest);
}

/// Sends it again: nothing is written or started, no message is replaced, and the person is told.
async fn assert_no_effect(world: &World, request: Request<Vec<u8>>, what: &str) {
    world.invoked();
    world.slack.take();
    let before = world.files.lock().unwrap().clone();
    assert_eq!(world.send(request).await.unwrap().0, 200, "{what}");
    assert_eq!(*world.files.lock().unwrap(), before, "{what}: recorded");
    assert!(world.invoked().is_empty(), "{what}: started");
    let told = world.slack.take();
    assert!(told.len() == 1 && told[0].contains(": This press came before, and counts once"), "{what}: {told:?}");
}

#[tokio::test]
async fn a_remediation_is_not_asked_for_again_once_the_object_was_put_back() {
    let world = World::new().await;
    let request = recorded(&world, &world.click()).await;
    automatic(&world, Some(quarantined()));
    recorded(&world, &by(&about_case(&world, Action::Restore, "U03BOB"), "U03BOB")).await;
    restore(&world);
    assert_no_effect(&world, request, "remediate").await;
    assert!(world.lines.sum("ClicksRefused") > 0);

    recorded(&world, &world.click()).await;
    assert_eq!(world.invoked().len(), 1, "a new press counts");
}

#[tokio::test]
async fn an_agreement_to_one_attempt_is_none_to_the_next() {
    let world = careful_world().await;
    let ann = recorded(&world, &world.click()).await;
    let bob = recorded(&world, &by(&world.click(), "U03BOB")).await;
    assert_eq!(world.invoked().len(), 1);
    automatic(&world, Some(Outcome::KeyUnusable { copied: false }));
    assert_no_effect(&world, ann, "the first").await;
    assert_no_effect(&world, bob, "the second").await;
}

#[tokio::test]
async fn a_dismissal_that_was_taken_back_does_not_return() {
    let world = World::new().await;
    let dismiss = recorded(&world, &world.dismissal(DismissReason::TestData)).await;
    let reopen = recorded(&world, &reopening(&world)).await;
    assert_no_effect(&world, dismiss, "dismiss").await;
    recorded(&world, &world.dismissal(DismissReason::AcceptedRisk)).await;
    assert_no_effect(&world, reopen, "reopen").await;
}

#[tokio::test]
async fn of_the_same_request_twice_at_the_same_moment_one_counts() {
    let world = World::new().await;
    let body = new_press(&world.click());
    let request = || signed(&body, SECRET, NOW);
    let (one, other) = tokio::join!(world.send(request()), world.send(request()));
    assert_eq!((one.unwrap().0, other.unwrap().0), (200, 200));
    assert_eq!(world.invoked().len(), 1);
}

#[tokio::test]
async fn a_request_that_was_refused_is_refused_as_well_once_it_would_count() {
    let world = World::new().await;
    automatic(&world, Some(quarantined()));
    let request = recorded(&world, &world.dismissal(DismissReason::TestData)).await;
    restore(&world);
    assert_no_effect(&world, request, "dismissed what is in quarantine").await;
}

/// Something that happens to a case.
#[derive(Debug, Clone, Copy)]
enum Step {
    Press(Action, &'static str),
    Moved,
    NotMoved,
    PutBack,
}

fn step() -> impl Strategy<Value = Step> {
    let action = prop_oneof![
        Just(Action::Remediate),
        Just(Action::Dismiss(DismissReason::TestData)),
        Just(Action::Reopen),
        Just(Action::Restore),
        Just(Action::QuarantineVersions),
    ];
    prop_oneof![
        4 => (action, prop_oneof![Just("U02ANN"), Just("U03BOB")]).prop_map(|(action, user)| Step::Press(action, user)),
        1 => Just(Step::Moved),
        1 => Just(Step::NotMoved),
        1 => Just(Step::PutBack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_request_has_an_effect_a_second_time(
        steps in proptest::collection::vec(step(), 1..10),
        needs_two in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = if needs_two { careful_world().await } else { World::new().await };
            let mut requests = Vec::new();
            for step in &steps {
                match *step {
                    Step::Press(action, user) => {
                        let click = match action {
                            Action::Dismiss(reason) => world.dismissal(reason),
                            Action::Reopen => reopening(&world),
                            Action::Remediate => world.click(),
                            about => about_case(&world, about, user),
                        };
                        requests.push((step, recorded(&world, &by(&click, user)).await));
                    }
                    Step::Moved => drop(automatic(&world, Some(quarantined()))),
                    Step::NotMoved => drop(automatic(&world, Some(Outcome::KeyUnusable { copied: false }))),
                    Step::PutBack if record(&world, &manifest_key(CASE)).is_some() => restore(&world),
                    Step::PutBack => {}
                }
            }
            for (step, request) in requests {
                assert_no_effect(&world, request, &format!("{step:?} of {steps:?}")).await;
            }
        });
    }
}
