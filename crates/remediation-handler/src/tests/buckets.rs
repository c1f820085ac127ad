//! Buttons about the settings of a bucket.

use domain::bucket::{BucketAct, BucketOutcome, BucketRecord, BucketState};
use domain::finding::{Finding, FindingType};
use domain::remediation::Decision;
use domain::slack::button::{Action, DismissReason};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::decisions::{ALREADY, by, dismissal};
use super::sample;
use super::world::{World, listed, value};

/// A world with a finding about a bucket, and a click on a button of its message.
async fn bucket_world(kind: &str, action: Action) -> (World, Value) {
    let world = World::new().await;
    let mut finding = sample("macie-finding.policy")["detail"].take();
    finding["type"] = kind.into();
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
    let mut dismissal = dismissal(&world, DismissReason::AcceptedRisk);
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

#[tokio::test]
async fn whoever_comes_second_hears_of_the_bucket_and_not_of_an_object() {
    for (action, act, name) in [
        (Action::BlockPublicAccess, BucketAct::BlockPublicAccess, "Block Public Access"),
        (Action::EncryptByDefault, BucketAct::EncryptByDefault, "Default encryption"),
    ] {
        let kind = match act {
            BucketAct::BlockPublicAccess => FindingType::BucketPublic,
            BucketAct::EncryptByDefault => FindingType::BucketEncryptionDisabled,
        };
        let (world, click) = bucket_world(kind.as_str(), action).await;
        world.press(&click).await.unwrap();
        let finding: Finding = serde_json::from_value(world.findings.lock().unwrap()[0].clone()).unwrap();
        let at = Timestamp::UNIX_EPOCH;
        let ended = |outcome| BucketState::Ended { outcome, at, told: true };
        for (state, said) in [
            (None, "is being turned on"),
            (Some(BucketState::Started), "is being turned on"),
            (Some(ended(BucketOutcome::TurnedOn)), "was turned on"),
            (Some(ended(BucketOutcome::AccessDenied)), "could not be turned on"),
        ] {
            if let Some(state) = state {
                let record = BucketRecord {
                    case_id: finding.bucket_case_id().unwrap(),
                    finding_id: finding.id.clone(),
                    finding_type: kind.clone(),
                    act,
                    bucket: "acme-uploads".into(),
                    account_id: None,
                    region: None,
                    decision: Decision::Policy,
                    before: None,
                    state,
                    transitions: Vec::new(),
                };
                world.file(&record.key(), &record);
            }
            // Dismiss as well: what is turned on cannot be dismissed.
            let mut dismissal = dismissal(&world, DismissReason::AcceptedRisk);
            dismissal["actions"][0]["selected_option"]["value"] =
                value(Action::Dismiss(DismissReason::AcceptedRisk), &finding.id).into();
            for second in [by(&click, "U03BOB"), dismissal] {
                world.press(&second).await.unwrap();
                let told = world.slack.take().join("");
                assert!(told.contains(ALREADY) && told.contains("<@U02ANN>"), "{told}");
                assert!(told.contains(&format!("{name} {said}")), "{told}");
                assert!(!told.contains("object") && !told.contains("quarantine"), "{told}");
            }
        }
    }
}
