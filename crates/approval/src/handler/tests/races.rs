//! Presses at the same time as other presses, and as a try of CheckBuildStatus.

use std::{collections::HashSet, sync::Arc};

use serde_json::json;
use tokio::task::JoinSet;

use super::{super::Approval, NOW, config, message, reply, waiting};

const TASK: &str = "evidence/scans/scan-1/task.json";

/// Each call gives way to the other presses before it takes effect, so all of them have read before the first one writes.
#[tokio::test]
async fn fifty_presses_at_once_make_one_decision_and_one_mail() {
    let aws = waiting();
    let function = Arc::new(Approval::new(config(), &aws.config()));
    let mut presses = JoinSet::new();
    for index in 0..50 {
        let function = Arc::clone(&function);
        let payload = if index % 2 == 0 { json!({"approve": "scan-1"}) } else { json!({"reject": "scan-1"}) };
        presses
            .spawn(async move { function.handle(&payload, &format!("request-{index}"), NOW.parse().unwrap()).await });
    }
    let replies: Vec<_> = presses.join_all().await.into_iter().map(|answer| reply(answer.unwrap())).collect();
    let decided = replies.iter().filter(|reply| reply.message.ends_with("Email sent successfully")).count();
    let outcomes: HashSet<_> = replies.iter().map(|reply| format!("{:?}", reply.outcome)).collect();
    assert_eq!((decided, outcomes.len(), replies.len()), (1, 1, 50));
    assert_eq!((aws.mails().len(), aws.completions().len()), (1, 1));
    let recorded = aws.object("evidence/scans/scan-1/decision.json").unwrap();
    assert_eq!(outcomes, HashSet::from([format!("{:?}", replies[0].outcome)]));
    assert!(aws.completions()[0].1["output"].as_str().unwrap().contains(recorded["outcome"].as_str().unwrap()));
}

/// The press has read the token of a try that is over by now; the next try has written its own.
#[tokio::test]
async fn a_press_between_two_tries_ends_the_wait_of_the_later_one() {
    for tries in 1..=3 {
        let aws = waiting();
        for index in 1..=tries {
            aws.before("SendTaskSuccess", move |aws| {
                aws.close_token(&format!("token-{index}"));
                aws.put_object(TASK, &json!({"taskToken": format!("token-{}", index + 1), "expiryKey": "key-1"}));
            });
        }
        assert_eq!(message(&aws, json!({"approve": "scan-1"})).await, "Approval Email sent successfully");
        assert!(aws.all_happened());
        let [(token, completion)] = &aws.completions()[..] else { panic!("{:?}", aws.completions()) };
        assert_eq!(*token, format!("token-{}", tries + 1));
        assert_eq!(completion["output"], "{\"outcome\":\"APPROVED\"}");
    }
}

/// The decision is there before the token is read: a try that begins later finds it (`check-build-status`).
#[tokio::test]
async fn a_press_records_before_it_looks_for_the_token() {
    let aws = waiting();
    aws.before(&format!("GET {TASK}"), |aws| {
        assert_eq!(aws.object("evidence/scans/scan-1/decision.json").unwrap()["outcome"], "APPROVED");
    });
    assert_eq!(message(&aws, json!({"approve": "scan-1"})).await, "Approval Email sent successfully");
    assert!(aws.all_happened());
}

/// A token that is over and stays the same is not tried for ever.
#[tokio::test]
async fn a_press_that_finds_no_token_that_holds_still_sends_the_mail() {
    let aws = waiting();
    aws.close_token("token-1");
    assert_eq!(message(&aws, json!({"reject": "scan-1"})).await, "Rejection Email sent successfully");
    assert_eq!((aws.mails().len(), aws.completions().len()), (1, 0));
}
