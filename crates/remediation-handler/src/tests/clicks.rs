//! Genuine clicks.

use domain::finding::Finding;
use domain::policy::Sources;
use domain::quarantine::{Claim, Location, Manifest, Original, State, Transition, claim_key, manifest_key};
use domain::remediation::{Click, Decision, Outcome, Proof};
use domain::slack::button::{Action, Place};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::sample;
use super::world::{
    BUTTON_KEY, FINDING, NEXT_BUTTON_KEY, NEXT_SECRET, NOW, PLACE, SECRET, World, form, listed, signed, value, value_by,
};

const NOTHING: Vec<String> = Vec::new();

fn finding() -> Finding {
    serde_json::from_value(sample("macie-finding.personal")["detail"].take()).unwrap()
}

fn case_id() -> String {
    finding().case_id().unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn decided_by(user: &str, second: i64) -> Decision {
    Decision::Person(Click {
        user_id: user.into(),
        user_name: None,
        channel_id: "C01SECURITY".into(),
        decided_at: at(second),
        response_url: None,
    })
}

fn claim_by(user: &str, second: i64, finding_id: &str) -> Claim {
    let finding_type = finding().kind;
    Claim {
        finding_id: finding_id.into(),
        finding_type,
        decision: decided_by(user, second),
        dismissed: None,
        reopened: None,
        request_id: None,
        at: at(second),
        beside: Vec::new(),
    }
}

fn manifest(state: State) -> Manifest {
    Manifest {
        case_id: case_id(),
        finding_id: finding().id,
        finding_type: finding().kind,
        decision: decided_by("U03BOB", NOW - 60),
        original: None,
        quarantine: Location { bucket: "acme-quarantine".into(), key: "k".into(), version_id: None },
        state,
        region: None,
        remaining: Vec::new(),
        restoration: None,
        other_versions: None,
        copied_at: None,
        run: None,
        severity: None,
        transitions: Vec::new(),
    }
}

/// A remediation whose last sign of life was then. The button of the sample is 98 seconds old.
fn heard_of(second: i64) -> Manifest {
    let transition = Transition { at: at(second), what: "Run again".into(), by: decided_by("U03BOB", NOW - 300) };
    Manifest { transitions: vec![transition], ..manifest(State::Started) }
}

fn ended(outcome: Outcome, second: i64) -> Manifest {
    manifest(State::Ended { outcome, at: at(second), told: true })
}

#[tokio::test]
async fn a_click_is_claimed_acted_on_and_answered_with_nothing() {
    let world = World::new().await;
    let click = world.click();
    assert_eq!(world.press(&click).await.unwrap(), (200, String::new()));
    let invoked = world.invoked();
    assert_eq!(invoked.len(), 1);
    assert_eq!(
        invoked[0]["decision"],
        json!({"by": "person", "userId": "U02ANN", "userName": "ann", "channelId": "C01SECURITY",
            "decidedAt": "2026-11-20T10:16:41Z", "responseUrl": click["response_url"]})
    );
    let asked_for: Finding = serde_json::from_value(invoked[0]["task"]["quarantine"]["finding"].clone()).unwrap();
    assert_eq!(asked_for, finding(), "as Macie has it");
    let claim = world.files.lock().unwrap()[&claim_key(&case_id())].0.clone();
    assert_eq!(claim["decision"]["userId"], "U02ANN");
    assert!(!claim.to_string().contains("responseUrl"));
    assert_eq!(world.slack.take(), NOTHING);
}

#[tokio::test]
async fn either_of_two_secrets_signs_while_one_replaces_the_other() {
    let world = World::new().await;
    let request = signed(&form(&world.click().to_string()), NEXT_SECRET, NOW);
    assert_eq!(world.send(request).await.unwrap().0, 200);
    assert_eq!(world.invoked().len(), 1);
}

#[tokio::test]
async fn the_first_click_wins_and_the_second_person_learns_who_it_was() {
    let world = World::new().await;
    world.press(&world.click()).await.unwrap();
    world.invoked();
    let mut second = world.click();
    second["user"]["id"] = "U03BOB".into();
    assert_eq!(world.press(&second).await.unwrap(), (200, String::new()));
    assert!(world.invoked().is_empty());
    assert_eq!(
        world.slack.take(),
        [
            "/actions/T01ACME/1/a: Already decided by <@U02ANN>, <!date^1795169801^{date_short_pretty} {time}|2026-11-20 \
          10:16 UTC>. The object is being moved; the message changes once that is done."
        ]
    );
}

#[tokio::test]
async fn a_claim_is_taken_over_only_when_its_remediation_is_over_or_dead() {
    let quarantined = || Outcome::Quarantined { proof: Proof::Size, remaining_versions: Some(0) };
    for (name, claim, manifest, expected) in vec![
        ("fresh, by another", claim_by("U03BOB", NOW - 60, "f"), None, 0),
        ("fresh, by the same: the invocation may have failed", claim_by("U02ANN", NOW - 60, "f"), None, 1),
        ("fresh, by the same, begun", claim_by("U02ANN", NOW - 60, "f"), Some(heard_of(NOW - 50)), 0),
        ("fresh, by the same, after an attempt", claim_by("U02ANN", NOW - 60, "f"), Some(heard_of(NOW - 70)), 1),
        ("fresh, by another, after an attempt", claim_by("U03BOB", NOW - 60, "f"), Some(heard_of(NOW - 70)), 0),
        ("dead", claim_by("U03BOB", NOW - 1_201, "f"), None, 1),
        ("dead, begun", claim_by("U03BOB", NOW - 1_201, "f"), Some(manifest(State::Started)), 1),
        ("begun 20 minutes ago, heard of since", claim_by("U03BOB", NOW - 1_201, "f"), Some(heard_of(NOW - 90)), 0),
        ("begun, and offered again since", claim_by("U03BOB", NOW - 300, "f"), Some(heard_of(NOW - 200)), 1),
        ("begun, and heard of after it was offered", claim_by("U03BOB", NOW - 300, "f"), Some(heard_of(NOW - 50)), 0),
        (
            "not moved",
            claim_by("U03BOB", NOW - 60, "f"),
            Some(ended(Outcome::KeyUnusable { copied: false }, NOW - 50)),
            1,
        ),
        (
            "not moved before this claim",
            claim_by("U03BOB", NOW - 60, "f"),
            Some(ended(Outcome::KeyUnusable { copied: false }, NOW - 70)),
            0,
        ),
        ("moved", claim_by("U03BOB", NOW - 9_999, &finding().id), Some(ended(quarantined(), NOW - 90)), 0),
        (
            "moved before it was found again",
            claim_by("U03BOB", NOW - 9_999, "f"),
            Some(ended(quarantined(), NOW - 9_000)),
            1,
        ),
        ("moved for another message", claim_by("U03BOB", NOW - 9_999, "f"), Some(ended(quarantined(), NOW - 90)), 1),
    ] {
        let world = World::new().await;
        world.file(&claim_key(&case_id()), &claim);
        if let Some(manifest) = manifest {
            world.file(&manifest_key(&case_id()), &manifest);
        }
        assert_eq!(world.press(&world.click()).await.unwrap().0, 200, "{name}");
        assert_eq!(world.invoked().len(), expected, "{name}");
    }
}

#[tokio::test]
async fn whoever_may_not_is_refused_in_private_and_nothing_happens() {
    let not_on_the_list = "You are not on the list of people who may remediate findings.";
    let wrong_place = "Findings cannot be remediated from here.";
    for (pointer, value, expected) in [
        ("/user/id", json!("U99EVE"), not_on_the_list),
        ("/user/id", json!(""), not_on_the_list),
        ("/team/id", json!("T02OTHER"), wrong_place),
        ("/team", json!(null), wrong_place),
        ("/api_app_id", json!("A02OTHER"), wrong_place),
        ("/api_app_id", json!(null), wrong_place),
        ("/channel/id", json!("C02OTHER"), wrong_place),
        ("/channel", json!(null), wrong_place),
    ] {
        let world = World::new().await;
        let mut click = world.click();
        *click.pointer_mut(pointer).unwrap() = value;
        assert_eq!(world.press(&click).await.unwrap(), (200, String::new()), "{pointer}");
        let told = world.slack.take();
        assert_eq!(told.len(), 1, "{pointer}");
        assert!(told[0].contains(expected), "{pointer}: {told:?}");
        world.assert_untouched(pointer);
    }
}

#[tokio::test]
async fn an_empty_list_lets_everybody_in_the_channel_in() {
    let mut world = World::new().await;
    world.handler.config.slack_allowed_user_ids.clear();
    let mut click = world.click();
    click["user"]["id"] = "U99EVE".into();
    world.press(&click).await.unwrap();
    assert_eq!(world.invoked().len(), 1);
}

#[tokio::test]
async fn other_buttons_and_other_interactions_are_acknowledged_and_ignored() {
    for (pointer, value) in [
        ("/actions/0/value", json!(null)),
        ("/actions", json!([])),
        ("/type", json!("view_submission")),
        ("/type", json!("shortcut")),
    ] {
        let world = World::new().await;
        let mut click = world.click();
        *click.pointer_mut(pointer).unwrap() = value;
        assert_eq!(world.press(&click).await.unwrap(), (200, String::new()), "{pointer}");
        assert_eq!(world.slack.take(), NOTHING, "{pointer}");
        world.assert_untouched(pointer);
    }
}

#[tokio::test]
async fn a_finding_that_macie_forgot_is_not_acted_on() {
    for subject in ["00000000000000000000000000000000", "not_a_finding"] {
        let world = World::new().await;
        let mut click = world.click();
        click["actions"][0]["value"] = value(Action::Remediate, subject).into();
        assert_eq!(world.press(&click).await.unwrap().0, 200);
        assert!(world.invoked().is_empty());
        assert!(world.files.lock().unwrap().is_empty());
        assert!(world.slack.take()[0].contains("Macie does not have this finding any more"));
    }
}

#[tokio::test]
async fn either_of_two_button_keys_holds_while_one_replaces_the_other() {
    for key in [BUTTON_KEY, NEXT_BUTTON_KEY] {
        let world = World::new().await;
        let mut click = world.click();
        click["actions"][0]["value"] = value_by(key, PLACE, NOW, Action::Remediate, FINDING).into();
        assert_eq!(world.press(&click).await.unwrap().0, 200);
        assert_eq!(world.invoked().len(), 1);
    }
}

#[tokio::test]
async fn a_button_that_we_did_not_make_for_this_place_and_time_has_no_effect() {
    let forged = "was not made by this deployment";
    let expired = "has expired";
    let other_place =
        |team_id, channel_id| value_by(BUTTON_KEY, Place { team_id, channel_id }, NOW, Action::Remediate, FINDING);
    let genuine = value(Action::Remediate, FINDING);
    for (what, action_id, value, expected) in [
        ("a bare id, as buttons once had", "remediate", FINDING.to_owned(), forged),
        ("empty", "remediate", String::new(), forged),
        ("a path", "remediate", "../../x".to_owned(), forged),
        ("another key", "remediate", value_by(SECRET, PLACE, NOW, Action::Remediate, FINDING), forged),
        ("another workspace", "remediate", other_place("T02OTHER", PLACE.channel_id), forged),
        ("another channel", "remediate", other_place(PLACE.team_id, "C02OTHER"), forged),
        ("another finding", "remediate", genuine.replace(FINDING, &FINDING.replace('7', "8")), forged),
        ("another action", "restore", genuine.replace("remediate", "restore"), forged),
        ("the action of another button", "restore", genuine.clone(), forged),
        ("an action that does not exist", "delete-everything", genuine.clone(), forged),
        ("the button that opens the console", "open-finding", genuine.clone(), forged),
        (
            "91 days old",
            "remediate",
            value_by(BUTTON_KEY, PLACE, NOW - 91 * 86_400, Action::Remediate, FINDING),
            expired,
        ),
    ] {
        let world = World::new().await;
        let mut click = world.click();
        click["actions"][0]["action_id"] = action_id.into();
        click["actions"][0]["value"] = value.into();
        assert_eq!(world.press(&click).await.unwrap(), (200, String::new()), "{what}");
        let told = world.slack.take();
        assert!(told.len() == 1 && told[0].contains(expected), "{what}: {told:?}");
        world.assert_untouched(what);
    }
}

#[tokio::test]
async fn what_macie_says_now_decides_and_not_the_message() {
    for (pointer, value, expected) in [
        ("/archived", json!(true), "it is archived in Macie"),
        ("/sample", json!(true), "it is a sample finding"),
        ("/resourcesAffected/s3Object", json!(null), "it is not about an object in S3"),
        ("/resourcesAffected/s3Bucket/name", json!("acme-quarantine"), "it is about the quarantine bucket itself"),
    ] {
        let world = World::new().await;
        *world.findings.lock().unwrap()[0].pointer_mut(pointer).unwrap() = value;
        assert_eq!(world.press(&world.click()).await.unwrap().0, 200);
        let told = world.slack.take();
        assert!(told[0].contains(expected), "{told:?}");
        assert!(world.invoked().is_empty(), "{pointer}");
        assert!(world.files.lock().unwrap().is_empty(), "{pointer}");
    }
}

#[tokio::test]
async fn our_own_failure_is_an_error_and_the_person_is_told() {
    for (service, error_type) in
        [("macie", "GetFindingFailed"), ("s3", "PressRecordFailed"), ("lambda", "RemediatorInvokeFailed")]
    {
        let world = World::new().await;
        world.denied.lock().unwrap().push(service);
        let error = world.press(&world.click()).await.unwrap_err();
        assert_eq!(error.error_type(), error_type);
        assert!(world.slack.take()[0].contains("Press the button again"));

        world.denied.lock().unwrap().clear();
        assert_eq!(world.press(&world.click()).await.unwrap().0, 200);
        assert_eq!(world.invoked().len(), 1, "{service}: the second click goes through");
    }
}

#[tokio::test]
async fn a_response_url_elsewhere_is_neither_called_nor_passed_on() {
    for url in
        ["http://169.254.169.254/latest/meta-data", "https://hooks.slack.com.evil.example/x", "", "not an address"]
    {
        let world = World::new().await;
        let mut click = world.click();
        click["response_url"] = url.into();
        assert_eq!(world.press(&click).await.unwrap().0, 200, "{url}");
        let decision: Value = world.invoked()[0]["decision"].take();
        assert_eq!(decision.get("responseUrl"), None, "{url}");
    }
}

#[tokio::test]
async fn a_private_answer_that_slack_refuses_changes_nothing() {
    let world = World::new().await;
    world.slack.answer([500]);
    let mut click = world.click();
    click["user"]["id"] = "U99EVE".into();
    assert_eq!(world.press(&click).await.unwrap().0, 200);
}

#[tokio::test]
async fn a_bucket_that_was_taken_out_of_reach_since_the_message_is_left_alone() {
    for (account, pattern) in [("111122223333", "acme-inbox-*"), ("999999999999", "*")] {
        let case_id = case_id();
        for (action, subject) in
            [(Action::Remediate, FINDING), (Action::Restore, &case_id), (Action::QuarantineVersions, &case_id)]
        {
            let mut world = World::new().await;
            world.handler.config.sources = Sources { account_id: account.into(), bucket_pattern: pattern.into() };
            world.file(&manifest_key(&case_id), &quarantined());
            let click = pressing(&world, action, subject);
            assert_eq!(world.press(&click).await.unwrap().0, 200);
            assert!(world.invoked().is_empty(), "{action:?} {pattern}");
            assert_eq!(world.files.lock().unwrap().len(), 1, "{action:?} {pattern}: claimed");
            let told = world.slack.take();
            assert!(told.len() == 1 && told[0].contains("Nothing was changed"), "{told:?}");
            assert_eq!(world.lines.sum("ClicksRefused"), 1);
        }
    }
}

/// The record of an object that is in quarantine.
fn quarantined() -> Manifest {
    let object = finding().object().unwrap();
    Manifest {
        original: Some(Original {
            account_id: finding().account_id,
            bucket: object.bucket,
            key: object.key,
            ..Original::default()
        }),
        ..ended(Outcome::Quarantined { proof: Proof::Size, remaining_versions: Some(0) }, NOW - 60)
    }
}

/// The sample's click, on another button.
fn pressing(world: &World, action: Action, subject: &str) -> Value {
    let mut click = world.click();
    click["actions"][0]["action_id"] = action.action_id().into();
    click["actions"][0]["value"] = value(action, subject).into();
    click
}

#[tokio::test]
async fn what_is_listed_is_restored_and_whoever_pressed_is_told_beside_the_list() {
    let world = World::new().await;
    let case_id = case_id();
    let mut manifest = quarantined();
    world.file(&manifest_key(&case_id), &manifest);
    let mut click = pressing(&world, Action::Restore, &case_id);
    click["actions"][0]["value"] = listed(Action::Restore, &case_id).into();
    assert_eq!(world.press(&click).await.unwrap().0, 200);
    let invoked = world.invoked();
    assert_eq!(invoked[0]["task"], json!({"restore": {"caseId": case_id}}));
    assert_eq!(invoked[0]["decision"].get("responseUrl"), None, "the list must not be replaced");
    let told = world.slack.take();
    assert!(told.len() == 1 && told[0].contains(": Restoring "), "{told:?}");

    let restored =
        json!({"state": "ended", "outcome": "restored", "copy": "deleted", "at": "2026-11-20T10:15:03Z", "told": true});
    manifest.restoration = serde_json::from_value(
        json!({"decision": invoked[0]["decision"], "startedAt": "2026-11-20T10:15:02Z", "state": restored}),
    )
    .unwrap();
    world.file(&manifest_key(&case_id), &manifest);
    assert_eq!(world.press(&click).await.unwrap().0, 200);
    assert!(world.invoked().is_empty());
    let told = world.slack.take();
    assert!(told.len() == 1 && told[0].contains("was restored already, decided by <@U02ANN>"), "{told:?}");
}

#[tokio::test]
async fn what_is_wanted_of_a_case_is_asked_of_the_remediator() {
    for (action, task) in [(Action::Restore, "restore"), (Action::QuarantineVersions, "quarantineVersions")] {
        let world = World::new().await;
        let case_id = case_id();
        let mut click = world.click();
        click["actions"][0]["action_id"] = action.action_id().into();
        click["actions"][0]["value"] = value(action, &case_id).into();
        assert_eq!(world.press(&click).await.unwrap().0, 200);
        assert!(world.invoked().is_empty(), "{task}: nothing is known of the case");

        world.file(
            &manifest_key(&case_id),
            &ended(Outcome::Quarantined { proof: Proof::Size, remaining_versions: Some(0) }, NOW - 60),
        );
        assert_eq!(world.press(&click).await.unwrap().0, 200);
        let invoked = world.invoked();
        assert_eq!(invoked.len(), 1, "{task}");
        assert_eq!(invoked[0]["task"], json!({task: {"caseId": case_id}}));
        assert_eq!(invoked[0]["decision"]["userId"], "U02ANN");
    }
}
