use serde_json::{Value, json};
use testing::Aws;

use super::*;

const NOW: &str = "2026-11-21T10:20:30Z";
const LATER: &str = "2026-11-21T10:21:30Z";

fn config() -> Config {
    Config::from_env(&|name| {
        let value = match name {
            "EVIDENCE_BUCKET" => "evidence",
            "NOTIFICATION_TOPIC_ARN" => "arn:aws:sns:eu-west-1:111122223333:topic",
            "SES_EMAIL" => "security@example.com",
            "SHARED_INBOX_MAIL" => "developers@example.com",
            "SONAR_HOST_URL" => "https://sonar.example.com",
            "TRIAGE_GUIDE_URL" => "https://wiki.example.com/triage",
            _ => return None,
        };
        Some(value.to_owned())
    })
    .unwrap()
}

/// An AWS in which a scan waits for its decision.
fn waiting() -> Aws {
    let aws = Aws::default();
    aws.put_object("evidence/scans/scan-1/report.json", &report("QUALITY_GATE_FAILED"));
    aws.put_object("evidence/scans/scan-1/task.json", &json!({"taskToken": "token-1", "expiryKey": "key-1"}));
    aws
}

fn report(verdict: &str) -> Value {
    json!({
        "scanId": "scan-1",
        "executionArn": "arn:aws:states:eu-west-1:111122223333:execution:code-scan:scan-1",
        "upload": {"bucket": "upload", "key": "api.zip", "versionId": "v1"},
        "projectKey": "api-1f2e3d4c",
        "verdict": verdict,
        "conditions": [{"metric": "vulnerabilities", "actual": "3", "required": "at most 0"}],
        "recordedAt": NOW
    })
}

async fn press(aws: &Aws, payload: &Value) -> Result<Reply, Error> {
    Approval::new(config(), &aws.config()).handle(payload, "request-1", NOW.parse().unwrap()).await
}

/// A press a minute later.
async fn press_later(aws: &Aws, payload: &Value) -> Result<Reply, Error> {
    Approval::new(config(), &aws.config()).handle(payload, "request-2", LATER.parse().unwrap()).await
}

fn expire() -> Value {
    json!({"expire": "scan-1", "key": "key-1"})
}

async fn message(aws: &Aws, payload: Value) -> String {
    press(aws, &payload).await.unwrap().message
}

#[tokio::test]
async fn an_approval_is_recorded_mailed_and_ends_the_wait() {
    let aws = waiting();
    let sample = include_str!("../../../../samples/events/approval.approve.json");
    let reply = press(&aws, &serde_json::from_str(sample).unwrap()).await.unwrap();
    assert_eq!(reply.message, "Approval Email sent successfully");
    assert_eq!(reply.outcome, Some(Outcome::Approved));
    assert_eq!(aws.object("evidence/scans/scan-1/decision.json").unwrap()["outcome"], "APPROVED");
    assert_eq!(aws.mails().len(), 1);
    assert_eq!(aws.mails()[0]["Destination"]["ToAddresses"], json!(["developers@example.com"]));
    let [(token, completion)] = &aws.completions()[..] else { panic!("one completion") };
    assert_eq!((token.as_str(), &completion["output"]), ("token-1", &json!("{\"outcome\":\"APPROVED\"}")));
}

#[tokio::test]
async fn the_sample_requests_decide_as_their_names_say() {
    for (sample, outcome) in [
        (include_str!("../../../../samples/events/approval.reject.json"), Outcome::Rejected),
        (include_str!("../../../../samples/events/approval.expire.json"), Outcome::Expired),
    ] {
        let payload: Value = serde_json::from_str(sample).unwrap();
        let aws = waiting();
        if let Some(key) = payload.get("key") {
            aws.put_object("evidence/scans/scan-1/task.json", &json!({"taskToken": "token-1", "expiryKey": key}));
        }
        assert_eq!(press(&aws, &payload).await.unwrap().outcome, Some(outcome));
    }
}

#[tokio::test]
async fn the_first_decision_counts_whatever_comes_later() {
    let aws = waiting();
    assert_eq!(message(&aws, json!({"reject": "scan-1"})).await, "Rejection Email sent successfully");
    for later in [json!({"approve": "scan-1"}), json!({"reject": "scan-1"}), expire()] {
        assert_eq!(
            message(&aws, later).await,
            "Nothing changed: this scan was rejected at 2026-11-21T10:20:30Z (request request-1). The first decision counts."
        );
    }
    assert_eq!((aws.mails().len(), aws.completions().len(), aws.published().len()), (1, 1, 0));
    assert_eq!(aws.object("evidence/scans/scan-1/decision.json").unwrap()["outcome"], "REJECTED");
}

#[tokio::test]
async fn an_expiry_tells_the_channel_and_sends_no_mail() {
    let aws = waiting();
    let reply = press(&aws, &expire()).await.unwrap();
    assert_eq!(reply.outcome, Some(Outcome::Expired));
    assert_eq!((aws.mails().len(), aws.published().len(), aws.completions().len()), (0, 1, 0));
    assert_eq!(aws.published()[0]["metadata"]["additionalContext"]["kind"], "expired");
    let late = message(&aws, json!({"approve": "scan-1"})).await;
    assert!(late.starts_with("This scan was left undecided until it expired at 2026-11-21T10:20:30Z"), "{late}");
    assert_eq!(aws.mails().len(), 0);
}

#[tokio::test]
async fn only_the_state_machine_can_let_a_scan_expire() {
    let aws = waiting();
    let before = aws.places();
    for key in ["", "key-2", "token-1"] {
        let reply = press(&aws, &json!({"expire": "scan-1", "key": key})).await.unwrap();
        assert!(reply.message.starts_with("Nothing was decided: only the state machine"), "{}", reply.message);
        assert_eq!(reply.outcome, None);
    }
    assert_eq!((aws.places(), aws.published().len()), (before, 0));
    assert_eq!(message(&aws, json!({"approve": "scan-1"})).await, "Approval Email sent successfully");
}

#[tokio::test]
async fn an_approval_whose_mail_fails_until_the_time_is_over_stays_an_approval() {
    let aws = waiting();
    aws.refuse_mails(Some((429, "TooManyRequestsException")));
    press(&aws, &json!({"approve": "scan-1"})).await.unwrap_err();
    let reply = press_later(&aws, &expire()).await.unwrap();
    assert_eq!(reply.outcome, Some(Outcome::Approved));
    assert_eq!((aws.mails().len(), aws.published().len()), (0, 0));
}

#[tokio::test]
async fn a_press_whose_record_was_taken_without_an_answer_is_still_the_first() {
    let aws = waiting();
    let decision = json!({"scanId": "scan-1", "outcome": "APPROVED", "decidedAt": NOW, "requestId": "request-1"});
    aws.put_object("evidence/scans/scan-1/decision.json", &decision);
    assert_eq!(message(&aws, json!({"approve": "scan-1"})).await, "Approval Email sent successfully");
    assert_eq!((aws.mails().len(), aws.completions().len()), (1, 1));
}

#[tokio::test]
async fn what_cannot_be_decided_is_answered_and_changes_nothing() {
    let aws = waiting();
    aws.put_object("evidence/scans/passed/report.json", &report("PASSED"));
    let before = aws.places();
    for (payload, words) in [
        (json!({"approve": "scan-2"}), "no such scan is known"),
        (json!({"approve": "passed"}), "only a failed quality gate can be approved"),
        (json!({"approve": "../scan-1"}), "names no scan"),
        (json!({"approve": "scan-1", "reject": "scan-1"}), "expected"),
        (json!({}), "expected"),
        (json!("garbage"), "expected"),
        (json!({"approve": "x".repeat(100_000)}), "names no scan"),
    ] {
        let message = message(&aws, payload).await;
        assert!(message.starts_with("Nothing was decided: ") && message.contains(words), "{message}");
    }
    assert_eq!(aws.places(), before);
    assert_eq!((aws.mails().len(), aws.completions().len()), (0, 0));
}

#[tokio::test]
async fn a_mail_that_ses_refuses_keeps_the_decision_and_says_what_to_do() {
    let aws = waiting();
    aws.refuse_mails(Some((400, "MessageRejected")));
    press(&aws, &json!({"approve": "scan-1"})).await.unwrap();
    for (status, name, hint) in [
        (400, "MessageRejected", "verify the sender in SES"),
        (400, "SendingPausedException", "sending is paused"),
        (404, "NotFoundException", "SESConfigurationSet does not exist"),
        (403, "AccessDeniedException", "may not send as SESEmail"),
    ] {
        aws.refuse_mails(Some((status, name)));
        let reply = press_later(&aws, &json!({"approve": "scan-1"})).await.unwrap();
        assert!(reply.message.starts_with("This scan is approved, but the mail was not sent: "), "{}", reply.message);
        assert!(reply.message.contains(hint), "{}", reply.message);
        assert!(!reply.message.contains('@'), "the reply names an address: {}", reply.message);
        assert_eq!(reply.outcome, Some(Outcome::Approved));
    }
    // The wait is over all the same: the decision is what the pipeline needs.
    assert_eq!(aws.completions().len(), 1);
    aws.refuse_mails(None);
    let again = press_later(&aws, &json!({"approve": "scan-1"})).await.unwrap().message;
    assert_eq!(again, "Approval Email sent successfully; the scan was approved at 2026-11-21T10:20:30Z already");
    assert_eq!(aws.mails().len(), 1);
}

#[tokio::test]
async fn a_throttled_mail_is_an_error_and_the_next_press_sends_it() {
    let aws = waiting();
    aws.refuse_mails(Some((429, "TooManyRequestsException")));
    let error = press(&aws, &json!({"approve": "scan-1"})).await.unwrap_err();
    assert_eq!(error.error_type(), "MailFailed");
    aws.refuse_mails(None);
    press_later(&aws, &json!({"approve": "scan-1"})).await.unwrap();
    assert_eq!((aws.mails().len(), aws.completions().len()), (1, 1));
}

#[tokio::test]
async fn a_kill_after_any_step_loses_nothing_and_never_decides_twice() {
    for request in ["approve", "reject"] {
        let mut deaths = 0;
        for steps in 0.. {
            let aws = waiting();
            aws.dies_after(Some(steps));
            let result = press(&aws, &json!({request: "scan-1"})).await;
            let died = aws.died();
            assert_eq!(died, result.is_err(), "after {steps} steps");
            aws.dies_after(None);
            let decided = aws.object("evidence/scans/scan-1/decision.json");

            // The next press, of either button, goes on.
            press_later(&aws, &json!({"approve": "scan-1"})).await.unwrap();
            let decision = aws.object("evidence/scans/scan-1/decision.json").unwrap();
            assert!(decided.is_none_or(|decided| decided == decision), "the decision changed after {steps} steps");
            assert!((1..=2).contains(&aws.mails().len()), "{} mails after {steps} steps", aws.mails().len());
            let subject = aws.mails()[0]["Content"]["Simple"]["Subject"]["Data"].to_string();
            let outcome = decision["outcome"].as_str().unwrap().to_lowercase();
            assert!(subject.contains(&outcome), "{subject} is not about {outcome}");
            assert_eq!(aws.completions().len(), 1, "after {steps} steps");
            if !died {
                break;
            }
            deaths += 1;
        }
        // The decision, the mail, its mark, the end of the wait.
        assert_eq!(deaths, 4);
    }
}

#[tokio::test]
async fn fifty_presses_at_once_make_one_decision() {
    let aws = waiting();
    let function = &Approval::new(config(), &aws.config());
    let approve = json!({"approve": "scan-1"});
    let reject = json!({"reject": "scan-1"});
    let mut presses = Vec::new();
    for index in 0..50 {
        let payload = if index % 2 == 0 { &approve } else { &reject };
        presses.push(async move { function.handle(payload, &format!("request-{index}"), NOW.parse().unwrap()).await });
    }
    let outcomes: std::collections::HashSet<_> =
        futures_join(presses).await.into_iter().map(|reply| format!("{:?}", reply.unwrap().outcome)).collect();
    assert_eq!(outcomes.len(), 1);
    assert_eq!((aws.mails().len(), aws.completions().len()), (1, 1));
}

/// Polls all of them together: each press awaits every call, so they interleave.
async fn futures_join<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = futures.into_iter().map(Box::pin).map(Some).collect();
    let mut done: Vec<Option<T>> = pending.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, result) in pending.iter_mut().zip(&mut done) {
            if let Some(running) = future
                && let std::task::Poll::Ready(value) = running.as_mut().poll(context)
            {
                *result = Some(value);
                *future = None;
            }
        }
        if pending.iter().all(Option::is_none) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}
