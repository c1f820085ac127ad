mod machine;
mod over;
mod races;

use serde_json::{Value, json};
use testing::Aws;

use super::*;

const NOW: &str = "2026-11-21T10:20:30Z";
const LATER: &str = "2026-11-21T10:21:30Z";
const EXECUTION: &str = "arn:aws:states:eu-west-1:111122223333:execution:code-scan:scan-1";

fn config() -> Config {
    Config::from_env(&|name| {
        let value = match name {
            "EVIDENCE_BUCKET" => "evidence",
            "ACCOUNT_ID" => "111122223333",
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
    aws.put_object(&index(), &json!({"scanId": "scan-1", "executionArn": EXECUTION}));
    aws.start_execution(EXECUTION, &json!({}));
    aws
}

/// Where the evidence says which scan has the version.
fn index() -> String {
    let upload = json!({"bucket": "upload", "key": "api.zip", "versionId": "v1"});
    format!("evidence/{}", serde_json::from_value::<domain::scan::Upload>(upload).unwrap().index_key())
}

fn report(verdict: &str) -> Value {
    json!({
        "scanId": "scan-1",
        "executionArn": EXECUTION,
        "upload": {"bucket": "upload", "key": "api.zip", "versionId": "v1"},
        "projectKey": "api-1f2e3d4c",
        "verdict": verdict,
        "conditions": [{"metric": "vulnerabilities", "actual": "3", "required": "at most 0"}],
        "recordedAt": NOW
    })
}

async fn ask(aws: &Aws, payload: &Value, request_id: &str, now: &str) -> Result<Answer, Error> {
    Approval::new(config(), &aws.config()).handle(payload, request_id, now.parse().unwrap()).await
}

async fn press(aws: &Aws, payload: &Value) -> Result<Reply, Error> {
    ask(aws, payload, "request-1", NOW).await.map(reply)
}

/// A press a minute later.
async fn press_later(aws: &Aws, payload: &Value) -> Result<Reply, Error> {
    ask(aws, payload, "request-2", LATER).await.map(reply)
}

fn reply(answer: Answer) -> Reply {
    let Answer::Reply(reply) = answer else { panic!("no answer to a person: {answer:?}") };
    reply
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
    let upload = json!({"bucket": "upload", "key": "api.zip", "versionId": "v1"});
    let decision = aws.object("evidence/scans/scan-1/decision.json").unwrap();
    assert_eq!((&decision["outcome"], &decision["upload"]), (&json!("APPROVED"), &upload));
    let mark = json!({"scanId": "scan-1", "upload": upload, "messageId": "m"});
    assert_eq!(aws.object("evidence/scans/scan-1/mail.json").unwrap(), mark);
    assert_eq!(aws.mails().len(), 1);
    assert_eq!(aws.mails()[0]["Destination"]["ToAddresses"], json!(["developers@example.com"]));
    let [(token, completion)] = &aws.completions()[..] else { panic!("one completion") };
    assert_eq!((token.as_str(), &completion["output"]), ("token-1", &json!("{\"outcome\":\"APPROVED\"}")));
}

#[tokio::test]
async fn the_sample_requests_decide_as_their_names_say() {
    for (sample, outcome) in [
        (include_str!("../../../../samples/events/approval.reject.json"), "REJECTED"),
        (include_str!("../../../../samples/events/approval.expire.json"), "EXPIRED"),
    ] {
        let payload: Value = serde_json::from_str(sample).unwrap();
        let aws = waiting();
        if let Some(key) = payload.get("key") {
            aws.put_object("evidence/scans/scan-1/task.json", &json!({"taskToken": "token-1", "expiryKey": key}));
        }
        let answer = ask(&aws, &payload, "request-1", NOW).await.unwrap();
        assert_eq!(serde_json::to_value(answer).unwrap()["outcome"], outcome);
    }
}

#[tokio::test]
async fn the_first_decision_counts_whatever_comes_later() {
    let aws = waiting();
    assert_eq!(message(&aws, json!({"reject": "scan-1"})).await, "Rejection Email sent successfully");
    for later in [json!({"approve": "scan-1"}), json!({"reject": "scan-1"})] {
        assert_eq!(
            message(&aws, later).await,
            "Nothing changed: this scan was rejected at 2026-11-21T10:20:30Z. The first decision counts."
        );
    }
    let late = ask(&aws, &expire(), "request-3", LATER).await.unwrap();
    assert_eq!(late, Answer::Recorded { outcome: Some(Outcome::Rejected.into()) });
    assert_eq!((aws.mails().len(), aws.completions().len(), aws.published().len()), (1, 1, 0));
    assert_eq!(aws.object("evidence/scans/scan-1/decision.json").unwrap()["outcome"], "REJECTED");
}

#[tokio::test]
async fn only_the_state_machine_can_let_a_scan_expire() {
    let aws = waiting();
    let before = aws.places();
    for key in ["", "key-2", "token-1"] {
        let reply = press(&aws, &json!({"expire": "scan-1", "key": key})).await.unwrap();
        assert!(reply.message.starts_with("Nothing was decided: only the state machine"), "{}", reply.message);
        assert_eq!(reply.outcome, None);
        assert_eq!(aws.object("evidence/scans/scan-1/decision.json"), None);
    }
    assert_eq!((aws.places(), aws.published().len()), (before, 0));
    assert_eq!(message(&aws, json!({"approve": "scan-1"})).await, "Approval Email sent successfully");
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
    let mut passed = report("PASSED");
    passed["scanId"] = json!("passed");
    passed["executionArn"] = json!(EXECUTION.replace("scan-1", "passed"));
    aws.put_object("evidence/scans/passed/report.json", &passed);
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
        (400, "AccountSuspendedException", "ask AWS Support"),
        (400, "LimitExceededException", "have it raised"),
        (404, "NotFoundException", "SESConfigurationSet does not exist"),
        (403, "AccessDeniedException", "may not send as SESEmail"),
    ] {
        aws.refuse_mails(Some((status, name)));
        let reply = press_later(&aws, &json!({"approve": "scan-1"})).await.unwrap();
        assert!(reply.message.starts_with("This scan is approved, but the mail was not sent: "), "{}", reply.message);
        assert!(reply.message.contains(hint) && reply.message.contains("tries again for a day"), "{}", reply.message);
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
async fn a_mail_that_fails_holds_up_neither_the_decision_nor_the_execution() {
    let aws = waiting();
    for (status, name) in [(429, "TooManyRequestsException"), (500, "InternalFailure")] {
        aws.refuse_mails(Some((status, name)));
        let reply = press_later(&aws, &json!({"approve": "scan-1"})).await.unwrap();
        let words = format!(
            "This scan is approved, but the mail was not sent: SES answered `{name}`. The pipeline tries again for a day; \
             another press tries at once."
        );
        assert_eq!((reply.message, reply.outcome), (words, Some(Outcome::Approved)));
    }
    assert_eq!((aws.mails().len(), aws.completions().len()), (0, 1));
    aws.refuse_mails(None);
    assert_eq!(
        press_later(&aws, &json!({"approve": "scan-1"})).await.unwrap().message,
        "Approval Email sent successfully"
    );
    assert_eq!((aws.mails().len(), aws.completions().len()), (1, 1));
}

/// The newer scan of a version whose first execution died has the say.
#[tokio::test]
async fn a_scan_whose_version_was_scanned_again_cannot_be_decided() {
    let aws = waiting();
    aws.put_object(&index(), &json!({"scanId": "scan-2", "executionArn": EXECUTION.replace("scan-1", "scan-2")}));
    for verb in ["approve", "reject"] {
        let reply = press(&aws, &json!({verb: "scan-1"})).await.unwrap();
        assert!(reply.message.starts_with("Nothing was decided: this version was scanned again"), "{}", reply.message);
    }
    assert_eq!(aws.object("evidence/scans/scan-1/decision.json"), None);
    assert_eq!((aws.mails().len(), aws.completions().len()), (0, 0));
}

#[tokio::test]
async fn records_that_are_about_another_scan_are_refused() {
    for (place, record) in [
        ("report.json", json!({"scanId": "scan-2"})),
        ("report.json", json!({"executionArn": EXECUTION.replace("scan-1", "scan-2")})),
        ("decision.json", json!({"scanId": "scan-2"})),
        ("decision.json", json!({"upload": {"bucket": "upload", "key": "api.zip", "versionId": "v2"}})),
    ] {
        let aws = waiting();
        let mut stored = match place {
            "report.json" => report("QUALITY_GATE_FAILED"),
            _ => json!({"scanId": "scan-1", "outcome": "APPROVED", "decidedAt": NOW, "requestId": "request-0"}),
        };
        stored.as_object_mut().unwrap().extend(record.as_object().unwrap().clone());
        aws.put_object(&format!("evidence/scans/scan-1/{place}"), &stored);
        for payload in [json!({"approve": "scan-1"}), expire()] {
            let error = ask(&aws, &payload, "request-1", LATER).await.unwrap_err();
            assert_eq!(error.error_type(), "RecordForeign", "{place} {payload}");
        }
        assert_eq!((aws.mails().len(), aws.completions().len()), (0, 0));
    }
}

#[tokio::test]
async fn a_kill_after_any_step_loses_nothing_and_never_decides_twice() {
    for (request, resumed_by_a_press) in [("approve", true), ("reject", true), ("approve", false), ("reject", false)] {
        let mut deaths = 0;
        for steps in 0.. {
            let aws = waiting();
            aws.dies_after(Some(steps));
            let result = press(&aws, &json!({request: "scan-1"})).await;
            let died = aws.died();
            // A mail that is not taken is no failure of the press.
            assert!(died || result.is_ok(), "after {steps} steps: {result:?}");
            aws.dies_after(None);
            let decided = aws.object("evidence/scans/scan-1/decision.json");
            let waits = aws.completions().is_empty();

            // The next press, of either button, goes on; and once the wait is over, the state machine.
            if resumed_by_a_press || waits {
                press_later(&aws, &json!({"approve": "scan-1"})).await.unwrap();
            }
            machine::tells(&aws, LATER).await.unwrap();
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
        // The decision, the end of the wait, the mail, its mark.
        assert_eq!(deaths, 4);
    }
}
