//! Dismiss, and two people who have to agree.

use domain::policy::SecondApprover;
use domain::quarantine::{claim_key, first_approval_key, manifest_key};
use domain::slack::button::{Action, DismissReason};
use serde_json::{Value, json};

use super::world::{CASE, FINDING, World, listed, value};

pub(super) const ALREADY: &str = "Already decided by <@U02ANN>";

pub(super) fn by(click: &Value, user: &str) -> Value {
    let mut click = click.clone();
    click["user"]["id"] = user.into();
    click
}

/// A world whose finding has severity HIGH, and that asks for two people then.
pub(super) async fn careful_world() -> World {
    let mut world = World::new().await;
    world.handler.config.second_approver = SecondApprover::High;
    world.findings.lock().unwrap()[0]["severity"] = json!({"score": 3, "description": "High"});
    world
}

pub(super) fn record(world: &World, key: &str) -> Option<Value> {
    world.files.lock().unwrap().get(key).map(|(record, _)| record.clone())
}

#[tokio::test]
async fn a_dismissal_is_recorded_with_who_and_why_and_replaces_the_message() {
    let world = World::new().await;
    assert_eq!(world.press(&world.dismissal(DismissReason::TestData)).await.unwrap(), (200, String::new()));
    assert!(world.invoked().is_empty());
    let claim = record(&world, &claim_key(CASE)).unwrap();
    assert_eq!(claim["dismissed"], "test-data");
    assert_eq!(claim["decision"]["userId"], "U02ANN");
    assert_eq!(claim["findingType"], "SensitiveData:S3Object/Personal");
    assert!(!claim.to_string().contains("responseUrl"));
    let manifest = record(&world, &manifest_key(CASE)).unwrap();
    assert_eq!(manifest["state"], json!({"state": "dismissed", "reason": "test-data", "at": "2026-11-20T10:16:41Z"}));
    assert_eq!(manifest["transitions"][0]["what"], "Dismissed. Test data: it is made up");
    assert_eq!(manifest["transitions"][0]["by"]["userId"], "U02ANN");
    let told = world.slack.take();
    assert!(
        told.len() == 1 && told[0].starts_with("/actions/T01ACME/1/a (replaces): Dismissed by <@U02ANN>"),
        "{told:?}"
    );
}

#[tokio::test]
async fn the_first_decision_wins_whichever_it_is() {
    let world = World::new().await;
    world.press(&world.dismissal(DismissReason::FalsePositive)).await.unwrap();
    world.slack.take();
    assert_eq!(world.press(&by(&world.click(), "U03BOB")).await.unwrap().0, 200);
    assert!(world.invoked().is_empty());
    let told = world.slack.take();
    assert!(told[0].contains("Dismissed already, by <@U02ANN>"), "{told:?}");
    assert!(told[1].contains("(replaces): Dismissed by <@U02ANN>"), "{told:?}");

    let world = World::new().await;
    world.press(&world.click()).await.unwrap();
    assert_eq!(world.invoked().len(), 1);
    world.press(&by(&world.dismissal(DismissReason::FalsePositive), "U03BOB")).await.unwrap();
    let told = world.slack.take();
    assert!(told.len() == 1 && told[0].contains(ALREADY), "{told:?}");
    assert_eq!(record(&world, &claim_key(CASE)).unwrap().get("dismissed"), None);
    assert_eq!(record(&world, &manifest_key(CASE)), None);
}

#[tokio::test]
async fn who_asked_for_a_move_cannot_dismiss_while_it_may_be_under_way() {
    let world = World::new().await;
    world.press(&world.click()).await.unwrap();
    world.press(&world.dismissal(DismissReason::AcceptedRisk)).await.unwrap();
    assert!(world.slack.take()[0].contains(ALREADY));
    assert_eq!(record(&world, &claim_key(CASE)).unwrap().get("dismissed"), None);
}

#[tokio::test]
async fn a_second_dismissal_completes_what_a_crash_left_undone() {
    let world = World::new().await;
    world.press(&world.dismissal(DismissReason::TestData)).await.unwrap();
    world.slack.take();
    world.files.lock().unwrap().remove(&manifest_key(CASE));
    world.press(&by(&world.dismissal(DismissReason::AcceptedRisk), "U03BOB")).await.unwrap();
    let manifest = record(&world, &manifest_key(CASE)).unwrap();
    assert_eq!(manifest["state"]["reason"], "test-data", "the first reason stands");
    assert_eq!(manifest["transitions"].as_array().unwrap().len(), 1);
    let told = world.slack.take();
    assert!(told[1].contains("(replaces): Dismissed by <@U02ANN>"), "{told:?}");
}

#[tokio::test]
async fn another_type_of_finding_in_a_dismissed_object_is_another_matter() {
    let world = World::new().await;
    world.press(&world.dismissal(DismissReason::TestData)).await.unwrap();
    world.findings.lock().unwrap()[0]["type"] = "SensitiveData:S3Object/Credentials".into();
    world.press(&world.click()).await.unwrap();
    assert_eq!(world.invoked().len(), 1);
}

#[tokio::test]
async fn a_dismissal_holds_when_another_type_is_decided_after_it_until_it_is_taken_back() {
    let set_type = |world: &World, kind: &str| {
        world.findings.lock().unwrap()[0]["type"] = format!("SensitiveData:S3Object/{kind}").into();
    };
    for dismisses in [true, false] {
        let world = World::new().await;
        world.press(&world.dismissal(DismissReason::TestData)).await.unwrap();
        set_type(&world, "Credentials");
        let second = if dismisses { world.dismissal(DismissReason::FalsePositive) } else { world.click() };
        world.press(&by(&second, "U03BOB")).await.unwrap();
        assert_eq!(world.invoked().len(), usize::from(!dismisses));
        world.slack.take();

        set_type(&world, "Personal");
        world.press(&by(&world.click(), "U03BOB")).await.unwrap();
        assert!(world.invoked().is_empty());
        let told = world.slack.take();
        assert!(told[0].contains("Dismissed already, by <@U02ANN>") && told[0].contains("Test data"), "{told:?}");

        let mut reopen = world.click();
        reopen["actions"][0]["action_id"] = "reopen".into();
        reopen["actions"][0]["value"] = value(Action::Reopen, FINDING).into();
        world.press(&reopen).await.unwrap();
        let told = world.slack.take();
        assert!(told.len() == 1 && told[0].contains("Review needed"), "{told:?}");
        let claim = record(&world, &claim_key(CASE)).unwrap();
        assert_eq!(claim["decision"]["userId"], "U03BOB", "the later decision stays");
        assert_eq!(claim["beside"][0]["reopened"]["userId"], "U02ANN");
    }
}

#[tokio::test]
async fn a_high_finding_needs_two_different_people() {
    let world = careful_world().await;
    let click = world.click();
    assert_eq!(world.press(&click).await.unwrap().0, 200);
    assert!(world.invoked().is_empty());
    assert_eq!(record(&world, &claim_key(CASE)), None);
    assert_eq!(record(&world, &first_approval_key(CASE)).unwrap()["click"]["userId"], "U02ANN");
    let told = world.slack.take();
    assert!(
        told.len() == 1 && told[0].contains("(replaces): High severity") && told[0].contains("One more person needed")
    );

    world.press(&click).await.unwrap();
    assert!(world.invoked().is_empty(), "the same person twice is one person");
    let told = world.slack.take();
    assert!(told[1].contains("You agreed already"), "{told:?}");

    world.press(&by(&click, "U03BOB")).await.unwrap();
    let invoked = world.invoked();
    assert_eq!(invoked.len(), 1);
    let decision = &invoked[0]["decision"];
    assert_eq!(
        (&decision["by"], &decision["first"]["userId"], &decision["second"]["userId"]),
        (&json!("twoPeople"), &json!("U02ANN"), &json!("U03BOB"))
    );
    assert_eq!(decision["second"]["responseUrl"], click["response_url"]);
    assert!(!record(&world, &claim_key(CASE)).unwrap().to_string().contains("responseUrl"));

    world.slack.take();
    world.press(&by(&click, "U02ANN")).await.unwrap();
    assert!(world.invoked().is_empty());
}

#[tokio::test]
async fn one_person_is_enough_where_two_are_not_asked_for() {
    for (second_approver, score) in [(SecondApprover::None, 3), (SecondApprover::High, 2)] {
        let mut world = World::new().await;
        world.handler.config.second_approver = second_approver;
        world.findings.lock().unwrap()[0]["severity"] = json!({"score": score});
        world.press(&world.click()).await.unwrap();
        assert_eq!(world.invoked().len(), 1, "{second_approver:?} {score}");
    }
}

#[tokio::test]
async fn two_people_at_the_same_moment_are_one_decision() {
    let world = careful_world().await;
    let (ann, bob) = (world.click(), by(&world.click(), "U03BOB"));
    let (one, other) = tokio::join!(world.press(&ann), world.press(&bob));
    assert_eq!((one.unwrap().0, other.unwrap().0), (200, 200));
    assert_eq!(world.invoked().len(), 1);
}

#[tokio::test]
async fn the_same_person_twice_at_the_same_moment_is_one_approval() {
    let world = careful_world().await;
    let click = world.click();
    let (one, other) = tokio::join!(world.press(&click), world.press(&click));
    assert_eq!((one.unwrap().0, other.unwrap().0), (200, 200));
    assert!(world.invoked().is_empty());
    assert_eq!(record(&world, &claim_key(CASE)), None);
}

#[tokio::test]
async fn a_dismissal_ends_the_wait_for_the_second_person() {
    let world = careful_world().await;
    world.press(&world.click()).await.unwrap();
    world.press(&by(&world.dismissal(DismissReason::HandledElsewhere), "U03BOB")).await.unwrap();
    world.slack.take();
    world.press(&by(&world.click(), "U03BOB")).await.unwrap();
    assert!(world.invoked().is_empty());
    assert!(world.slack.take()[0].contains("Dismissed already, by <@U03BOB>"));
    assert_eq!(record(&world, &first_approval_key(CASE)).unwrap()["click"]["userId"], "U02ANN", "kept");
}

#[tokio::test]
async fn an_invocation_that_failed_for_the_second_person_can_be_asked_for_again() {
    let world = careful_world().await;
    world.press(&world.click()).await.unwrap();
    let bob = by(&world.click(), "U03BOB");
    world.denied.lock().unwrap().push("lambda");
    assert_eq!(world.press(&bob).await.unwrap_err().error_type(), "RemediatorInvokeFailed");
    world.denied.lock().unwrap().clear();
    world.press(&bob).await.unwrap();
    assert_eq!(world.invoked().len(), 1);
}

#[tokio::test]
async fn a_listed_finding_gets_its_messages_beside_the_list() {
    let world = careful_world().await;
    let mut click = world.click();
    click["actions"][0]["value"] = listed(Action::Remediate, FINDING).into();
    world.press(&click).await.unwrap();
    assert!(world.slack.take()[0].contains("(beside): High severity"));
    world.press(&by(&click, "U03BOB")).await.unwrap();
    assert_eq!(world.invoked()[0]["decision"]["second"].get("responseUrl"), None);
}

#[tokio::test]
async fn a_finding_dismissed_in_a_list_is_told_beside_it() {
    let world = World::new().await;
    let mut click = world.dismissal(DismissReason::TestData);
    click["actions"][0]["selected_option"]["value"] = listed(Action::Dismiss(DismissReason::TestData), FINDING).into();
    world.press(&click).await.unwrap();
    let told = world.slack.take();
    assert!(told.len() == 1 && told[0].contains("(beside): Dismissed by"), "{told:?}");
}

#[tokio::test]
async fn a_click_that_takes_too_long_is_answered_before_slack_gives_up() {
    let mut world = World::new().await;
    // Takes the connection, and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = aws_sdk_macie2::Config::builder()
        .behavior_version(aws_sdk_macie2::config::BehaviorVersion::latest())
        .region(aws_sdk_macie2::config::Region::new("eu-west-1"))
        .credentials_provider(aws_sdk_macie2::config::Credentials::for_tests())
        .endpoint_url(format!("http://{}", silent.local_addr().unwrap()))
        .build();
    world.handler.macie = aws_sdk_macie2::Client::from_conf(config);
    world.handler.time_to_act = std::time::Duration::from_millis(100);
    let begin = std::time::Instant::now();
    assert_eq!(world.press(&world.click()).await.unwrap_err().error_type(), "ClickTooSlow");
    assert!(begin.elapsed().as_secs() < 3, "{:?}", begin.elapsed());
    assert!(world.slack.take()[0].contains("Press the button again"));
    assert!(world.files.lock().unwrap().is_empty() && world.invoked().is_empty());
}

/// The record of a case that the configuration decided.
pub(super) fn automatic(world: &World, outcome: Option<domain::remediation::Outcome>) -> Value {
    let finding: domain::finding::Finding = serde_json::from_value(world.findings.lock().unwrap()[0].clone()).unwrap();
    let mut manifest =
        domain::quarantine::Manifest::planned(&finding, "acme-quarantine", &domain::remediation::Decision::Policy)
            .unwrap();
    let at = jiff::Timestamp::from_second(super::world::NOW - 60).unwrap();
    manifest.transitions.push(domain::quarantine::Transition {
        at,
        what: "Quarantine decided".into(),
        by: domain::remediation::Decision::Policy,
    });
    if let Some(outcome) = outcome {
        manifest.state = domain::quarantine::State::Ended { outcome, at, told: true };
    }
    world.file(&manifest_key(CASE), &manifest);
    record(world, &manifest_key(CASE)).unwrap()
}

pub(super) fn quarantined() -> domain::remediation::Outcome {
    domain::remediation::Outcome::Quarantined { proof: domain::remediation::Proof::Size, remaining_versions: Some(1) }
}

/// A press on a button of a case.
pub(super) fn about_case(world: &World, action: Action, user: &str) -> Value {
    let mut click = by(&world.click(), user);
    click["actions"][0]["action_id"] = action.action_id().into();
    click["actions"][0]["value"] = value(action, CASE).into();
    click
}

#[tokio::test]
async fn what_was_moved_unasked_or_is_being_moved_cannot_be_dismissed() {
    for (outcome, expected) in [(Some(quarantined()), "is in quarantine"), (None, "is being moved")] {
        let world = World::new().await;
        let manifest = automatic(&world, outcome);
        world.press(&world.dismissal(DismissReason::FalsePositive)).await.unwrap();
        assert_eq!(record(&world, &manifest_key(CASE)).unwrap(), manifest, "where the object is stays recorded");
        assert_eq!(record(&world, &claim_key(CASE)), None);
        let told = world.slack.take();
        assert!(told.len() == 1 && told[0].contains("Already decided by Configuration"), "{told:?}");
        assert!(told[0].contains(expected), "{told:?}");
    }
}

#[tokio::test]
async fn what_is_back_since_it_was_moved_may_be_moved_or_dismissed() {
    for (created_at, open) in [("2026-11-20T10:15:40Z", false), ("2026-11-20T10:15:42Z", true)] {
        for dismisses in [false, true] {
            let world = World::new().await;
            automatic(&world, Some(quarantined()));
            let before = json!({"findingId": "f0", "findingType": "SensitiveData:S3Object/Personal",
                "decision": {"by": "policy"}, "at": "2026-11-20T10:15:00Z"});
            world.file(&claim_key(CASE), &before);
            world.findings.lock().unwrap()[0]["createdAt"] = created_at.into();
            let press = if dismisses { world.dismissal(DismissReason::TestData) } else { world.click() };
            world.press(&press).await.unwrap();
            let claim = record(&world, &claim_key(CASE)).unwrap();
            assert_eq!(claim["findingId"] == FINDING, open, "{created_at} {dismisses}");
            let told = world.slack.take().iter().any(|told| told.contains("Already decided"));
            assert_eq!(told, !open, "{created_at} {dismisses}");
        }
    }
}

#[tokio::test]
async fn a_dismissal_after_a_failed_move_is_added_to_its_record() {
    let world = World::new().await;
    let before = automatic(&world, Some(domain::remediation::Outcome::KeyUnusable { copied: false }));
    world.press(&world.dismissal(DismissReason::AcceptedRisk)).await.unwrap();
    assert_eq!(record(&world, &claim_key(CASE)).unwrap()["dismissed"], "accepted-risk");
    let after = record(&world, &manifest_key(CASE)).unwrap();
    assert_eq!(after["state"], before["state"]);
    assert_eq!(after["transitions"][1]["what"], "Dismissed. Accepted risk: it may stay where it is");
}

#[tokio::test]
async fn an_approval_counts_for_its_finding_and_its_attempt_and_for_as_long_as_a_button() {
    use super::world::NOW;
    const DAY: i64 = 86_400;
    let ended = |at: i64| {
        let at = jiff::Timestamp::from_second(at).unwrap();
        json!({"state": "ended", "outcome": "keyUnusable", "at": at, "told": true})
    };
    for (what, finding_id, given, ended_at, stands) in [
        ("a minute ago", FINDING, NOW - 60, None, true),
        ("89 days ago", FINDING, NOW - 89 * DAY, None, true),
        ("91 days ago", FINDING, NOW - 91 * DAY, None, false),
        ("for another finding", "00000000000000000000000000000000", NOW - 60, None, false),
        ("for an attempt that ended since", FINDING, NOW - 60, Some(NOW - 50), false),
        ("after an attempt that ended", FINDING, NOW - 60, Some(NOW - 70), true),
    ] {
        let world = careful_world().await;
        let given = jiff::Timestamp::from_second(given).unwrap();
        let approval = json!({"findingId": finding_id,
            "click": {"userId": "U03BOB", "channelId": "C01SECURITY", "decidedAt": given}});
        world.file(&first_approval_key(CASE), &approval);
        if let Some(at) = ended_at {
            let mut manifest = automatic(&world, None);
            manifest["state"] = ended(at);
            world.file(&manifest_key(CASE), &manifest);
        }
        world.press(&world.click()).await.unwrap();
        assert_eq!(world.invoked().len(), usize::from(stands), "{what}");
        let first = record(&world, &first_approval_key(CASE)).unwrap();
        assert_eq!(first["click"]["userId"], if stands { "U03BOB" } else { "U02ANN" }, "{what}");
    }
}

#[tokio::test]
async fn a_case_that_was_decided_before_needs_two_people_as_well() {
    let world = careful_world().await;
    world.press(&world.dismissal(DismissReason::TestData)).await.unwrap();
    world.findings.lock().unwrap()[0]["type"] = "SensitiveData:S3Object/Credentials".into();
    world.press(&world.click()).await.unwrap();
    assert!(world.invoked().is_empty());
    world.press(&by(&world.click(), "U03BOB")).await.unwrap();
    assert_eq!(world.invoked()[0]["decision"]["by"], "twoPeople");
}

#[tokio::test]
async fn two_people_put_a_high_object_back_and_move_its_other_versions() {
    let world = careful_world().await;
    let manifest = automatic(&world, Some(quarantined()));
    assert_eq!(manifest["severity"], "HIGH");
    for (action, task) in [(Action::QuarantineVersions, "quarantineVersions"), (Action::Restore, "restore")] {
        world.press(&about_case(&world, action, "U02ANN")).await.unwrap();
        let told = world.slack.take();
        assert!(told.len() == 1 && told[0].contains("(beside)") && told[0].contains("one more person"), "{told:?}");
        world.press(&about_case(&world, action, "U02ANN")).await.unwrap();
        assert!(world.slack.take()[0].contains("You agreed already"), "{task}");
        assert!(world.invoked().is_empty(), "{task}");
        world.press(&about_case(&world, action, "U03BOB")).await.unwrap();
        let invoked = world.invoked();
        assert_eq!(invoked[0]["task"], json!({task: {"caseId": CASE}}));
        assert_eq!(invoked[0]["decision"]["first"]["userId"], "U02ANN");
    }
}

#[tokio::test]
async fn a_dismissal_can_be_taken_back_and_the_question_is_asked_again() {
    let world = World::new().await;
    world.press(&world.dismissal(DismissReason::TestData)).await.unwrap();
    let reopen = {
        let mut click = by(&world.click(), "U03BOB");
        click["actions"][0]["action_id"] = "reopen".into();
        click["actions"][0]["value"] = value(Action::Reopen, FINDING).into();
        click
    };
    world.slack.take();
    for _ in 0..2 {
        world.press(&reopen).await.unwrap();
        let told = world.slack.take();
        assert!(told.len() == 1 && told[0].contains("(replaces)") && told[0].contains("Review needed"), "{told:?}");
    }
    let claim = record(&world, &claim_key(CASE)).unwrap();
    assert_eq!((&claim["dismissed"], &claim["reopened"]["userId"]), (&json!("test-data"), &json!("U03BOB")));
    assert!(!claim.to_string().contains("responseUrl"));
    let manifest = record(&world, &manifest_key(CASE)).unwrap();
    assert_eq!(manifest["state"]["state"], "reopened");
    let steps: Vec<_> = manifest["transitions"].as_array().unwrap().iter().map(|step| step["what"].clone()).collect();
    assert_eq!(steps, ["Dismissed. Test data: it is made up", "Dismissal taken back"]);

    world.press(&world.click()).await.unwrap();
    assert_eq!(world.invoked().len(), 1);
    assert_eq!(record(&world, &claim_key(CASE)).unwrap().get("dismissed"), None);
    world.press(&reopen).await.unwrap();
    assert!(world.slack.take()[0].contains(ALREADY), "what was decided since stands");
}

#[tokio::test]
async fn who_may_not_decide_any_more_does_not_count_as_the_first_of_two() {
    let mut world = careful_world().await;
    let about_the_case = [Action::Remediate, Action::QuarantineVersions, Action::Restore];
    for action in about_the_case {
        world.handler.config.slack_allowed_user_ids = vec!["U02ANN".into(), "U03BOB".into()];
        let press = |world: &World, user| match action {
            Action::Remediate => by(&world.click(), user),
            about => about_case(world, about, user),
        };
        world.press(&press(&world, "U02ANN")).await.unwrap();
        // Ann leaves the company, and Carol takes her place.
        world.handler.config.slack_allowed_user_ids = vec!["U03BOB".into(), "U04CAROL".into()];
        world.slack.take();
        world.press(&press(&world, "U03BOB")).await.unwrap();
        assert!(world.invoked().is_empty(), "{action:?}: Bob alone");
        let told = world.slack.take_messages();
        let told = told.last().unwrap().to_string();
        assert!(told.to_lowercase().contains("one more person") && told.contains("<@U03BOB>"), "{action:?}: {told}");

        world.press(&press(&world, "U04CAROL")).await.unwrap();
        let decision = &world.invoked()[0]["decision"];
        assert_eq!(
            (&decision["first"]["userId"], &decision["second"]["userId"]),
            (&json!("U03BOB"), &json!("U04CAROL")),
            "{action:?}"
        );
        automatic(&world, Some(quarantined()));
    }
}

#[tokio::test]
async fn an_answer_of_s3_that_was_lost_makes_nobody_else_of_whoever_pressed() {
    for lost in ["presses/", "claim.json"] {
        let world = World::new().await;
        *world.lost.lock().unwrap() = Some(lost);
        assert_eq!(world.press(&world.click()).await.unwrap().0, 200, "{lost}");
        assert_eq!(world.invoked().len(), 1, "{lost}: {:?}", world.slack.take());
        assert!(world.slack.take().is_empty() && world.lost.lock().unwrap().is_none(), "{lost}");

        let world = World::new().await;
        *world.lost.lock().unwrap() = Some(lost);
        world.press(&world.dismissal(DismissReason::TestData)).await.unwrap();
        let told = world.slack.take();
        assert!(told.len() == 1 && told[0].contains("(replaces): Dismissed by <@U02ANN>"), "{lost}: {told:?}");
    }
    for lost in ["presses/", "first-approval.json"] {
        let world = careful_world().await;
        *world.lost.lock().unwrap() = Some(lost);
        world.press(&world.click()).await.unwrap();
        let told = world.slack.take();
        assert!(told.len() == 1 && told[0].contains("One more person needed"), "{lost}: {told:?}");
        world.press(&by(&world.click(), "U03BOB")).await.unwrap();
        assert_eq!(world.invoked().len(), 1, "{lost}");
    }
}

#[tokio::test]
async fn a_dismissal_is_taken_back_when_the_answer_of_s3_was_lost() {
    let world = World::new().await;
    world.press(&world.dismissal(DismissReason::TestData)).await.unwrap();
    world.slack.take();
    let mut reopen = world.click();
    reopen["actions"][0]["action_id"] = "reopen".into();
    reopen["actions"][0]["value"] = value(Action::Reopen, FINDING).into();
    *world.lost.lock().unwrap() = Some("claim.json");
    world.press(&reopen).await.unwrap();
    let told = world.slack.take();
    assert!(told.len() == 1 && told[0].contains("Review needed"), "{told:?}");
}
