//! Buttons about the settings of a bucket.

use domain::bucket::{BucketAct, BucketOutcome, BucketRecord, BucketState};
use domain::finding::{Finding, FindingType, Severity};
use domain::policy::SecondApprover;
use domain::quarantine::{Transition, claim_key};
use domain::remediation::Decision;
use domain::slack::button::{Action, DismissReason};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::decisions::{ALREADY, by};
use super::sample;
use super::world::{NOW, World, listed, value};

/// A world with a finding about a bucket, and a click on a button of its message.
async fn bucket_world(kind: &str, action: Action) -> (World, Value) {
    let world = World::new().await;
    let mut finding = sample("macie-finding.policy")["detail"].take();
    finding["type"] = kind.into();
    finding["createdAt"] = "2026-11-20T10:15:00Z".into();
    finding["updatedAt"] = "2026-11-20T10:15:00Z".into();
    let id = finding["id"].as_str().unwrap().to_owned();
    *world.findings.lock().unwrap() = vec![finding];
    let mut click = world.click();
    click["actions"][0]["action_id"] = action.action_id().into();
    click["actions"][0]["value"] = value(action, &id).into();
    (world, click)
}

#[tokio::test]
async fn a_button_of_a_bucket_finding_is_claimed_and_handed_on() {
    for (kind, action, task) in [
        ("Policy:IAMUser/S3BucketPublic", Action::BlockPublicAccess, "blockPublicAccess"),
        ("Policy:IAMUser/S3BlockPublicAccessDisabled", Action::BlockPublicAccess, "blockPublicAccess"),
        ("Policy:IAMUser/S3BucketEncryptionDisabled", Action::EncryptByDefault, "encryptByDefault"),
    ] {
        let (world, click) = bucket_world(kind, action).await;
        assert_eq!(world.press(&click).await.unwrap(), (200, String::new()), "{kind}");
        let invoked = world.invoked();
        assert_eq!(invoked[0]["task"][task]["finding"]["type"], kind);
        assert_eq!(world.files.lock().unwrap().len(), 1, "the claim");
        world.press(&by(&click, "U03BOB")).await.unwrap();
        assert!(world.invoked().is_empty() && world.slack.take()[0].contains(ALREADY), "{kind}");
    }
}

#[tokio::test]
async fn a_button_does_nothing_for_a_finding_that_it_is_not_for() {
    for (kind, action) in [
        ("Policy:IAMUser/S3BucketEncryptionDisabled", Action::BlockPublicAccess),
        ("Policy:IAMUser/S3BucketPublic", Action::EncryptByDefault),
        ("Policy:IAMUser/S3BucketSharedExternally", Action::BlockPublicAccess),
        ("SensitiveData:S3Object/Personal", Action::BlockPublicAccess),
    ] {
        let (world, click) = bucket_world(kind, action).await;
        assert_eq!(world.press(&click).await.unwrap().0, 200, "{kind}");
        assert!(world.invoked().is_empty() && world.files.lock().unwrap().is_empty(), "{kind}");
    }
    for (pointer, change) in [
        ("/archived", json!(true)),
        ("/sample", json!(true)),
        ("/resourcesAffected/s3Bucket/name", json!("acme-quarantine")),
    ] {
        let (world, click) = bucket_world("Policy:IAMUser/S3BucketPublic", Action::BlockPublicAccess).await;
        *world.findings.lock().unwrap()[0].pointer_mut(pointer).unwrap() = change;
        assert_eq!(world.press(&click).await.unwrap().0, 200, "{pointer}");
        assert!(world.slack.take()[0].contains("cannot be remediated"), "{pointer}");
        assert!(world.invoked().is_empty() && world.files.lock().unwrap().is_empty(), "{pointer}");
    }
}

#[tokio::test]
async fn a_bucket_that_was_taken_out_of_reach_since_the_message_is_not_changed() {
    let (mut world, click) = bucket_world("Policy:IAMUser/S3BucketPublic", Action::BlockPublicAccess).await;
    world.handler.config.sources.bucket_pattern = "acme-inbox-*".into();
    assert_eq!(world.press(&click).await.unwrap().0, 200);
    assert!(world.slack.take()[0].contains("does not match `SourceBucketPattern`"));
    assert!(world.invoked().is_empty() && world.files.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_finding_about_a_bucket_can_be_dismissed_and_is_not_acted_on_then() {
    let (world, click) = bucket_world("Policy:IAMUser/S3BucketPublic", Action::BlockPublicAccess).await;
    let mut dismissal = world.dismissal(DismissReason::AcceptedRisk);
    let id = world.findings.lock().unwrap()[0]["id"].as_str().unwrap().to_owned();
    dismissal["actions"][0]["selected_option"]["value"] =
        value(Action::Dismiss(DismissReason::AcceptedRisk), &id).into();
    world.press(&dismissal).await.unwrap();
    assert!(world.slack.take()[0].contains("(replaces): Dismissed by"));
    world.press(&by(&click, "U03BOB")).await.unwrap();
    assert!(world.invoked().is_empty());
}
#[tokio::test]
async fn a_bucket_changed_from_a_list_leaves_the_list() {
    let (world, mut click) = bucket_world("Policy:IAMUser/S3BucketPublic", Action::BlockPublicAccess).await;
    let id = world.findings.lock().unwrap()[0]["id"].as_str().unwrap().to_owned();
    click["actions"][0]["value"] = listed(Action::BlockPublicAccess, &id).into();
    world.press(&click).await.unwrap();
    assert_eq!(world.invoked()[0]["decision"].get("responseUrl"), None);
}

/// The finding of this world.
fn finding(world: &World) -> Finding {
    serde_json::from_value(world.findings.lock().unwrap()[0].clone()).unwrap()
}

/// What the remediator has recorded of the finding's button at this second.
fn record(world: &World, second: i64, state: BucketState) {
    let finding = finding(world);
    let what = "x".to_owned();
    let record = BucketRecord {
        case_id: finding.bucket_case_id().unwrap(),
        finding_id: finding.id.clone(),
        finding_type: finding.kind.clone(),
        act: BucketAct::of(&finding.kind).unwrap(),
        bucket: "acme-uploads".into(),
        account_id: None,
        region: None,
        decision: Decision::Policy,
        before: None,
        state,
        transitions: vec![Transition { at: at(second), what, by: Decision::Policy }],
    };
    world.file(&record.key(), &record);
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn ended(outcome: BucketOutcome) -> BucketState {
    BucketState::Ended { outcome, at: at(NOW), told: true }
}

fn dismissing(world: &World) -> Value {
    let mut click = world.dismissal(DismissReason::TestData);
    click["actions"][0]["selected_option"]["value"] =
        value(Action::Dismiss(DismissReason::TestData), &finding(world).id).into();
    click
}

#[tokio::test]
async fn whoever_comes_second_hears_of_the_bucket_and_not_of_an_object() {
    for (kind, action, name) in [
        (FindingType::BucketPublic, Action::BlockPublicAccess, "Block Public Access"),
        (FindingType::BucketEncryptionDisabled, Action::EncryptByDefault, "Default encryption"),
    ] {
        let (world, click) = bucket_world(kind.as_str(), action).await;
        world.press(&click).await.unwrap();
        for (state, said) in [
            (None, "is being turned on"),
            (Some(BucketState::Started), "was begun, and no end is recorded"),
            (Some(ended(BucketOutcome::TurnedOn)), "was turned on"),
            (Some(ended(BucketOutcome::AlreadyOn)), "was on already"),
        ] {
            if let Some(state) = state {
                record(&world, NOW, state);
            }
            // Dismiss as well: what is turned on cannot be dismissed.
            for second in [by(&click, "U03BOB"), dismissing(&world)] {
                world.press(&second).await.unwrap();
                let told = world.slack.take().join("");
                assert!(told.contains(ALREADY) && told.contains("<@U02ANN>"), "{told}");
                assert!(told.contains(&format!("{name} {said}")), "{told}");
                assert!(!told.contains("object") && !told.contains("quarantine"), "{told}");
            }
        }
        world.invoked();
    }
}

#[tokio::test]
async fn what_came_to_nothing_is_open_to_everybody_at_once() {
    for state in [
        ended(BucketOutcome::AccessDenied),
        ended(BucketOutcome::ChangedMeanwhile),
        BucketState::Failed { error_type: "BucketReadFailed".into(), at: at(NOW) },
    ] {
        let (world, click) = bucket_world("Policy:IAMUser/S3BucketPublic", Action::BlockPublicAccess).await;
        world.press(&click).await.unwrap();
        world.invoked();
        record(&world, NOW, state.clone());
        world.press(&by(&click, "U03BOB")).await.unwrap();
        assert_eq!(world.invoked().len(), 1, "{state:?}");
        record(&world, NOW, state.clone());
        world.press(&dismissing(&world)).await.unwrap();
        let told = world.slack.take().join("");
        assert!(told.contains("(replaces): Dismissed by"), "{state:?}: {told}");
    }
}

#[tokio::test]
async fn what_an_earlier_attempt_came_to_says_nothing_about_the_one_that_was_just_decided() {
    let earlier = || BucketState::Ended { outcome: BucketOutcome::AccessDenied, at: at(NOW - 10), told: true };
    let failed = || BucketState::Failed { error_type: "BucketReadFailed".into(), at: at(NOW - 10) };
    // Slack may take the message about its end later than somebody presses again.
    for (state, heard_at) in [(earlier(), NOW - 10), (earlier(), NOW + 1), (failed(), NOW - 10)] {
        let (world, click) = bucket_world("Policy:IAMUser/S3BucketPublic", Action::BlockPublicAccess).await;
        record(&world, heard_at, state.clone());
        world.press(&click).await.unwrap();
        assert_eq!(world.invoked().len(), 1);
        world.press(&by(&click, "U03BOB")).await.unwrap();
        let told = world.slack.take().join("");
        assert!(told.contains("is being turned on; the channel is told"), "{state:?}, {heard_at}: {told}");
        assert!(world.invoked().is_empty(), "{state:?}, {heard_at}");
        // Nothing was begun: whoever decided may have been asked to press again.
        world.press(&click).await.unwrap();
        assert_eq!(world.invoked().len(), 1, "{state:?}, {heard_at}");
    }
}

#[tokio::test]
async fn two_people_who_agreed_to_an_attempt_that_failed_have_not_agreed_to_the_next() {
    let (mut world, click) = bucket_world("Policy:IAMUser/S3BucketPublic", Action::BlockPublicAccess).await;
    world.handler.config.second_approver = SecondApprover::High;
    world.press(&click).await.unwrap();
    world.press(&by(&click, "U03BOB")).await.unwrap();
    assert_eq!(world.invoked().len(), 1);
    world.slack.take();
    record(&world, NOW + 1, BucketState::Failed { error_type: "BucketReadFailed".into(), at: at(NOW + 1) });
    world.press(&by(&click, "U03BOB")).await.unwrap();
    assert!(world.invoked().is_empty() && world.slack.take()[0].contains("one more person"));
}

#[tokio::test]
async fn what_is_turned_on_is_decided_for_good_unless_the_bucket_changes_again() {
    let (world, click) = bucket_world("Policy:IAMUser/S3BucketPublic", Action::BlockPublicAccess).await;
    world.press(&click).await.unwrap();
    world.invoked();
    let key = claim_key(&finding(&world).bucket_case_id().unwrap());
    let mut claim = world.files.lock().unwrap()[&key].0.clone();
    claim["at"] = at(NOW - 86_400).to_string().into();
    world.file(&key, &claim);
    let end = BucketState::Ended { outcome: BucketOutcome::TurnedOn, at: at(NOW - 86_390), told: true };
    record(&world, NOW - 86_390, end);
    world.findings.lock().unwrap()[0]["updatedAt"] = at(NOW - 86_391).to_string().into();
    world.press(&click).await.unwrap();
    assert!(world.invoked().is_empty() && world.slack.take()[0].contains("Block Public Access was turned on"));

    world.findings.lock().unwrap()[0]["updatedAt"] = at(NOW - 60).to_string().into();
    world.press(&by(&click, "U03BOB")).await.unwrap();
    assert_eq!(world.invoked().len(), 1);
}

#[tokio::test]
async fn a_dismissed_bucket_that_is_opened_again_can_be_closed_again() {
    let (world, click) = bucket_world("Policy:IAMUser/S3BucketPublic", Action::BlockPublicAccess).await;
    world.press(&dismissing(&world)).await.unwrap();
    world.press(&by(&click, "U03BOB")).await.unwrap();
    assert!(world.invoked().is_empty());
    world.findings.lock().unwrap()[0]["updatedAt"] = at(NOW + 60).to_string().into();
    world.press(&by(&click, "U03BOB")).await.unwrap();
    assert_eq!(world.invoked().len(), 1);
}

#[tokio::test]
async fn a_bucket_with_a_high_finding_is_changed_by_two_different_people_only() {
    let (mut world, click) = bucket_world("Policy:IAMUser/S3BucketPublic", Action::BlockPublicAccess).await;
    world.handler.config.second_approver = SecondApprover::High;
    assert_eq!(finding(&world).severity(), Some(Severity::High));
    world.press(&click).await.unwrap();
    let told = world.slack.take();
    assert!(told.len() == 1 && told[0].contains("Block Public Access: one more person has to agree"), "{told:?}");
    world.press(&click).await.unwrap();
    assert!(world.slack.take()[0].contains("You agreed already"));
    assert!(world.invoked().is_empty() && world.files.lock().unwrap().len() == 1, "only the first approval");

    world.press(&by(&click, "U03BOB")).await.unwrap();
    let invoked = world.invoked();
    assert_eq!(invoked.len(), 1);
    let decision = &invoked[0]["decision"];
    assert_eq!((&decision["first"]["userId"], &decision["second"]["userId"]), (&json!("U02ANN"), &json!("U03BOB")));

    // It is turned on, and somebody turns it off again: that asks for two people once more.
    record(&world, NOW, ended(BucketOutcome::TurnedOn));
    world.findings.lock().unwrap()[0]["updatedAt"] = at(NOW + 60).to_string().into();
    world.press(&by(&click, "U03BOB")).await.unwrap();
    assert!(world.invoked().is_empty() && world.slack.take()[0].contains("one more person"));
}

#[tokio::test]
async fn one_record_tells_the_whole_story_of_a_bucket() {
    for (kind, action, act) in [
        ("Policy:IAMUser/S3BucketPublic", Action::BlockPublicAccess, "block-public-access"),
        ("Policy:IAMUser/S3BucketEncryptionDisabled", Action::EncryptByDefault, "encrypt-by-default"),
    ] {
        let (world, click) = bucket_world(kind, action).await;
        let mut reopening = click.clone();
        reopening["actions"][0]["action_id"] = Action::Reopen.action_id().into();
        reopening["actions"][0]["value"] = value(Action::Reopen, &finding(&world).id).into();
        let key = format!("cases/{}/{act}.json", finding(&world).bucket_case_id().unwrap());
        let story = || -> BucketRecord { serde_json::from_value(world.files.lock().unwrap()[&key].0.clone()).unwrap() };

        world.press(&dismissing(&world)).await.unwrap();
        world.press(&dismissing(&world)).await.unwrap();
        world.press(&reopening).await.unwrap();
        let told = story();
        let steps: Vec<&str> = told.transitions.iter().map(|step| step.what.as_str()).collect();
        assert_eq!(steps, ["Dismissed. Test data: nothing real is in the bucket", "Dismissal taken back"]);
        assert!(told.transitions.iter().all(|step| step.by.click().unwrap().user_id == "U02ANN"));
        assert_eq!(told.state, BucketState::Untouched);

        world.press(&click).await.unwrap();
        assert_eq!(world.invoked().len(), 1, "a bucket that was opened again can be changed");
        world.slack.take();
        world.press(&by(&click, "U03BOB")).await.unwrap();
        assert!(world.slack.take()[0].contains("is being turned on"), "nothing was begun yet");
    }
}

#[tokio::test]
async fn what_was_done_to_a_bucket_stays_recorded_when_it_is_dismissed() {
    let (world, click) = bucket_world("Policy:IAMUser/S3BucketPublic", Action::BlockPublicAccess).await;
    world.press(&click).await.unwrap();
    record(&world, NOW, ended(BucketOutcome::AccessDenied));
    world.press(&dismissing(&world)).await.unwrap();
    let key = format!("cases/{}/block-public-access.json", finding(&world).bucket_case_id().unwrap());
    let story: BucketRecord = serde_json::from_value(world.files.lock().unwrap()[&key].0.clone()).unwrap();
    assert_eq!((story.outcome(), story.transitions.len()), (Some(BucketOutcome::AccessDenied), 2));
}
