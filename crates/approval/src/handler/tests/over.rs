//! Presses on a scan whose execution is over: stopped by an operator, out of time, failed, or long ago.

use serde_json::json;
use testing::Aws;

use super::{EXECUTION, LATER, NOW, Outcome, ask, expire, index, press, press_later, reply, waiting};

const DECISION: &str = "evidence/scans/scan-1/decision.json";
const MAIL: &str = "evidence/scans/scan-1/mail.json";

/// The execution ends without us, and with it the wait for its token.
fn end(aws: &Aws, status: &str) {
    aws.set_execution(EXECUTION, status);
    aws.close_token("token-1");
}

#[tokio::test]
async fn nothing_is_decided_mailed_or_recorded_once_the_execution_is_over() {
    for status in ["ABORTED", "TIMED_OUT", "FAILED", "SUCCEEDED", "PENDING_REDRIVE", "forgotten"] {
        for verb in ["approve", "reject"] {
            let aws = waiting();
            end(&aws, status);
            if status == "forgotten" {
                aws.forget_execution(EXECUTION);
            }
            let before = aws.places();
            let reply = press(&aws, &json!({verb: "scan-1"})).await.unwrap();
            let begins = "Nothing was decided: the scan is over";
            assert!(reply.message.starts_with(begins), "{status}: {}", reply.message);
            assert!(reply.message.contains("Upload the zip again"), "{}", reply.message);
            assert_eq!((reply.outcome, reply.decided_at, &reply.request_id), (None, None, &None));
            assert_eq!(reply.upload.as_deref(), Some("upload/api.zip version v1"));
            assert_eq!((aws.places(), aws.mails().len(), aws.completions().len()), (before, 0, 0), "{status}");
        }
    }
}

/// Whether anything can follow is not guessed: the press fails, and the next one decides.
#[tokio::test]
async fn a_press_decides_nothing_while_step_functions_does_not_say_whether_the_scan_waits() {
    let aws = waiting();
    aws.before("DescribeExecution", |aws| aws.dies_after(Some(0)));
    let error = press(&aws, &json!({"approve": "scan-1"})).await.unwrap_err();
    assert_eq!(error.error_type(), "ExecutionUnreadable");
    assert!(error.to_string().contains("press the button again"));
    aws.dies_after(None);
    assert_eq!((aws.object(DECISION), aws.mails().len(), aws.completions().len()), (None, 0, 0));
    let reply = press_later(&aws, &json!({"reject": "scan-1"})).await.unwrap();
    assert_eq!(reply.message, "Rejection Email sent successfully");
}

/// An operator is as fast as the press: the decision is recorded, and nothing can follow from it.
#[tokio::test]
async fn a_decision_whose_execution_is_stopped_stands_without_mail_and_event_and_every_press_says_so() {
    for moment in [format!("PUT {DECISION}"), "SendTaskSuccess".to_owned()] {
        let aws = waiting();
        aws.before(&moment, |aws| end(aws, "ABORTED"));
        let first = press(&aws, &json!({"approve": "scan-1"})).await.unwrap();
        let decision = aws.object(DECISION);
        for later in [json!({"approve": "scan-1"}), json!({"reject": "scan-1"})] {
            assert_eq!(press_later(&aws, &later).await.unwrap(), first, "{moment}");
        }
        let words = "This scan was approved at 2026-11-21T10:20:30Z, and that stands. But its execution was stopped, so no \
                     mail and no event follow any more: tell the developers.";
        assert_eq!((first.message.as_str(), first.outcome), (words, Some(Outcome::Approved)));
        assert_eq!(first.request_id.as_deref(), Some("request-1"));
        assert_eq!((aws.object(DECISION), aws.object(MAIL)), (decision, None));
        assert_eq!((aws.mails().len(), aws.completions().len()), (0, 0));
    }
}

/// A press stalls after it has seen the execution run; meanwhile that dies, and another scan gets the version.
#[tokio::test]
async fn a_decision_whose_version_was_scanned_again_meanwhile_counts_for_nothing_and_says_so() {
    for status in ["ABORTED", "FAILED", "TIMED_OUT"] {
        let aws = waiting();
        aws.before(&format!("PUT {DECISION}"), move |aws| {
            end(aws, status);
            aws.put_object(
                &index(),
                &json!({"scanId": "scan-2", "executionArn": EXECUTION.replace("scan-1", "scan-2")}),
            );
        });
        let first = press(&aws, &json!({"approve": "scan-1"})).await.unwrap();
        assert!(aws.all_happened());
        let begins = "Nothing was decided: this version was scanned again";
        assert!(first.message.starts_with(begins), "{status}: {}", first.message);
        assert_eq!((first.outcome, first.decided_at), (None, None));
        assert_eq!(press_later(&aws, &json!({"reject": "scan-1"})).await.unwrap(), first);
        assert_eq!((aws.mails().len(), aws.completions().len()), (0, 0), "{status}");
    }
}

/// SES took no mail for more than a day, so the execution gave up and failed. Then SES is mended.
#[tokio::test]
async fn a_press_after_the_execution_has_given_up_sends_the_mail() {
    for status in ["FAILED", "TIMED_OUT", "forgotten"] {
        let aws = waiting();
        aws.refuse_mails(Some((400, "MessageRejected")));
        press(&aws, &json!({"approve": "scan-1"})).await.unwrap();
        super::machine::tells(&aws, LATER).await.unwrap_err();
        aws.set_execution(EXECUTION, status);
        if status == "forgotten" {
            aws.forget_execution(EXECUTION);
        }
        let refused = press_later(&aws, &json!({"approve": "scan-1"})).await.unwrap();
        assert!(refused.message.starts_with("This scan is approved, but the mail was not sent"), "{}", refused.message);
        assert!(refused.message.ends_with("Its execution has ended, so mend that and press again."));
        aws.refuse_mails(None);
        let sent = press_later(&aws, &json!({"reject": "scan-1"})).await.unwrap();
        let begins = "Approval Email sent successfully; the scan was approved at 2026-11-21T10:20:30Z already";
        assert!(sent.message.starts_with(begins), "{status}: {}", sent.message);
        let again = press_later(&aws, &json!({"approve": "scan-1"})).await.unwrap();
        assert!(again.message.starts_with("Nothing changed"), "{}", again.message);
        assert_eq!((aws.mails().len(), aws.completions().len()), (1, 1), "{status}");
    }
}

/// As it is when everything went well: the execution has long come to its end.
#[tokio::test]
async fn a_late_press_hears_what_was_decided() {
    let aws = waiting();
    press(&aws, &json!({"reject": "scan-1"})).await.unwrap();
    aws.set_execution(EXECUTION, "SUCCEEDED");
    let late = press_later(&aws, &json!({"approve": "scan-1"})).await.unwrap();
    let words = "Nothing changed: this scan was rejected at 2026-11-21T10:20:30Z. The first decision counts.";
    assert_eq!((late.message.as_str(), late.outcome), (words, Some(Outcome::Rejected)));
    assert_eq!(aws.mails().len(), 1);
}

#[tokio::test]
async fn a_press_on_an_expired_scan_hears_that_it_expired() {
    let aws = waiting();
    ask(&aws, &expire(), "request-1", NOW).await.unwrap();
    super::machine::tells(&aws, NOW).await.unwrap();
    end(&aws, "SUCCEEDED");
    let late = reply(ask(&aws, &json!({"approve": "scan-1"}), "request-2", LATER).await.unwrap());
    assert!(late.message.starts_with("This scan was left undecided until it expired at 2026-11-21T10:20:30Z."));
    assert_eq!(late.outcome, Some(Outcome::Expired));
}

/// The execution came to its end between a press's look at it and another press's decision.
#[tokio::test]
async fn a_press_that_comes_as_the_execution_ends_hears_what_was_decided() {
    let aws = waiting();
    aws.before("DescribeExecution", |aws| {
        let decision = json!({"scanId": "scan-1", "outcome": "APPROVED", "decidedAt": NOW, "requestId": "request-0"});
        aws.put_object(DECISION, &decision);
        aws.put_object(MAIL, &json!({"messageId": "m"}));
        end(aws, "SUCCEEDED");
    });
    let reply = press(&aws, &json!({"reject": "scan-1"})).await.unwrap();
    assert!(reply.message.starts_with("Nothing changed: this scan was approved"), "{}", reply.message);
    assert_eq!(reply.request_id.as_deref(), Some("request-0"));
}

/// Whoever asks who has pressed needs the moment and the invocation, whichever press they read.
#[tokio::test]
async fn every_answer_about_a_decision_tells_when_and_by_which_request_it_was_made() {
    let aws = waiting();
    aws.refuse_mails(Some((400, "MessageRejected")));
    let mut replies = vec![press(&aws, &json!({"approve": "scan-1"})).await.unwrap()];
    replies.push(press(&aws, &json!({"reject": "scan-1"})).await.unwrap());
    replies.push(press_later(&aws, &json!({"approve": "scan-1"})).await.unwrap());
    aws.refuse_mails(None);
    replies.push(press_later(&aws, &json!({"approve": "scan-1"})).await.unwrap());
    replies.push(press_later(&aws, &json!({"reject": "scan-1"})).await.unwrap());
    for reply in replies {
        let told = serde_json::to_value(&reply).unwrap();
        assert_eq!((&told["decidedAt"], &told["requestId"]), (&json!(NOW), &json!("request-1")), "{}", reply.message);
    }
}
