//! What the state machine asks.

use serde_json::{Value, json};
use testing::Aws;

use super::{
    super::{Answer, Error, Outcome},
    EXECUTION, LATER, NOW, ask, expire, press, press_later, report, waiting,
};
use crate::{Recorded, Telling};

fn about(verb: &str) -> Value {
    json!({verb: "scan-1", "executionArn": EXECUTION,
        "object": {"bucket": "upload", "key": "api.zip", "versionId": "v1", "size": 5, "etag": "b194"}})
}

async fn confirmed(aws: &Aws) -> Option<Recorded> {
    let answer = ask(aws, &about("confirm"), "request-9", LATER).await.unwrap();
    let Answer::Recorded { outcome } = answer else { panic!("{answer:?}") };
    outcome
}

pub(super) async fn tells(aws: &Aws, now: &str) -> Result<Telling, Error> {
    let Answer::Told { told } = ask(aws, &about("tell"), "request-9", now).await? else { panic!("it is not told") };
    Ok(told)
}

#[tokio::test]
async fn only_what_is_recorded_is_confirmed() {
    // Whoever has the task token can end the wait before anybody has decided.
    assert_eq!(confirmed(&waiting()).await, None);
    assert_eq!(confirmed(&Aws::default()).await, None);
    for (verdict, expected) in [("PASSED", Some(Recorded::Passed)), ("PIPELINE_FAILED", None)] {
        let aws = Aws::default();
        let mut report = report(verdict);
        if verdict == "PIPELINE_FAILED" {
            report["cause"] = json!({"kind": "STOPPED"});
        }
        aws.put_object("evidence/scans/scan-1/report.json", &report);
        assert_eq!(confirmed(&aws).await, expected);
    }
    for (verb, outcome) in [("approve", Outcome::Approved), ("reject", Outcome::Rejected)] {
        let aws = waiting();
        press(&aws, &json!({verb: "scan-1"})).await.unwrap();
        assert_eq!(confirmed(&aws).await, Some(outcome.into()));
    }
}

#[test]
fn the_answers_have_the_words_that_the_state_machine_compares() {
    for (answer, expected) in [
        (Answer::Recorded { outcome: Some(Recorded::Passed) }, json!({"outcome": "PASSED"})),
        (Answer::Recorded { outcome: Some(Outcome::Expired.into()) }, json!({"outcome": "EXPIRED"})),
        (Answer::Recorded { outcome: None }, json!({"outcome": null})),
        (Answer::Told { told: Telling::UnderWay }, json!({"told": "UNDER_WAY"})),
    ] {
        assert_eq!(serde_json::to_value(answer).unwrap(), expected);
    }
}

#[tokio::test]
async fn records_of_another_execution_or_version_are_refused() {
    for (pointer, other) in [
        ("/executionArn", "arn:aws:states:eu-west-1:111122223333:execution:another:scan-1"),
        ("/object/bucket", "other"),
        ("/object/key", "other.zip"),
        ("/object/versionId", "v2"),
    ] {
        let aws = waiting();
        press(&aws, &json!({"approve": "scan-1"})).await.unwrap();
        for verb in ["confirm", "tell"] {
            let mut request = about(verb);
            *request.pointer_mut(pointer).unwrap() = json!(other);
            let error = ask(&aws, &request, "request-9", LATER).await.unwrap_err();
            assert_eq!(error.error_type(), "RecordForeign", "{verb} {pointer}");
        }
    }
}

#[tokio::test]
async fn an_expiry_is_recorded_and_told_once_and_sends_no_mail() {
    let aws = waiting();
    let answer = ask(&aws, &expire(), "request-1", NOW).await.unwrap();
    assert_eq!(answer, Answer::Recorded { outcome: Some(Outcome::Expired.into()) });
    assert_eq!(confirmed(&aws).await, Some(Outcome::Expired.into()));
    for _ in 0..2 {
        assert_eq!(tells(&aws, NOW).await.unwrap(), Telling::Done);
    }
    assert_eq!((aws.mails().len(), aws.published().len(), aws.completions().len()), (0, 1, 0));
    assert_eq!(aws.published()[0]["metadata"]["additionalContext"]["kind"], "expired");
    let late = press_later(&aws, &json!({"approve": "scan-1"})).await.unwrap().message;
    assert!(late.starts_with("This scan was left undecided until it expired at 2026-11-21T10:20:30Z"), "{late}");
    assert_eq!((aws.mails().len(), aws.published().len()), (0, 1));
}

/// An outage of hours: whoever pressed is long gone, and the state machine asks again and again.
#[tokio::test]
async fn a_mail_is_sent_once_ses_takes_it_again_and_the_decision_stays() {
    for refusal in [(429, "TooManyRequestsException"), (500, "InternalFailure"), (400, "MessageRejected")] {
        let aws = waiting();
        aws.refuse_mails(Some(refusal));
        press(&aws, &json!({"approve": "scan-1"})).await.unwrap();
        let decision = aws.object("evidence/scans/scan-1/decision.json");
        // The press may still be at it.
        assert_eq!(tells(&aws, NOW).await.unwrap(), Telling::UnderWay);
        for later in [LATER, "2026-11-21T14:00:00Z", "2026-11-22T09:00:00Z"] {
            assert_eq!(tells(&aws, later).await.unwrap_err().error_type(), "MailFailed");
        }
        aws.refuse_mails(None);
        for _ in 0..2 {
            assert_eq!(tells(&aws, "2026-11-22T09:30:00Z").await.unwrap(), Telling::Done);
        }
        assert_eq!((aws.mails().len(), aws.completions().len(), aws.published().len()), (1, 1, 0));
        assert_eq!(aws.object("evidence/scans/scan-1/decision.json"), decision);
    }
}

#[tokio::test]
async fn nobody_is_told_before_somebody_has_decided() {
    let aws = waiting();
    assert_eq!(tells(&aws, LATER).await.unwrap(), Telling::Nothing);
    assert_eq!(tells(&Aws::default(), LATER).await.unwrap(), Telling::Nothing);
    assert_eq!((aws.mails().len(), aws.published().len()), (0, 0));
}

#[tokio::test]
async fn a_kill_after_any_step_of_the_expiry_tells_the_channel() {
    let mut deaths = 0;
    for steps in 0.. {
        let aws = waiting();
        aws.dies_after(Some(steps));
        let expired = ask(&aws, &expire(), "request-1", NOW).await;
        let told = tells(&aws, NOW).await;
        let died = aws.died();
        assert_eq!(died, expired.is_err() || told.is_err(), "after {steps} steps");
        aws.dies_after(None);
        ask(&aws, &expire(), "request-2", LATER).await.unwrap();
        assert_eq!(tells(&aws, LATER).await.unwrap(), Telling::Done);
        assert_eq!(confirmed(&aws).await, Some(Outcome::Expired.into()));
        assert!((1..=2).contains(&aws.published().len()), "after {steps} steps");
        if !died {
            break;
        }
        deaths += 1;
    }
    // The decision, the notification, its mark.
    assert_eq!(deaths, 3);
}
