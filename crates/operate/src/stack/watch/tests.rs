use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::scripted::{account, stack, xml};

fn event(id: usize, kind: &str, status: &str, reason: &str) -> String {
    format!(
        "<member><EventId>{id}</EventId><StackId>i</StackId><StackName>demo</StackName><Timestamp>2026-01-01T00:00:00Z\
         </Timestamp><LogicalResourceId>R{id}</LogicalResourceId><ResourceType>{kind}</ResourceType><ResourceStatus>\
         {status}</ResourceStatus><ResourceStatusReason>{reason}</ResourceStatusReason></member>"
    )
}

/// What the stack says at each look, oldest first; the last one stays. Events are those so far.
fn cloud(looks: Vec<(&'static str, usize)>, events: Vec<String>) -> Account {
    let number = AtomicUsize::new(0);
    let (account, _) = account(move |what, _| match what {
        "DescribeStacks" => {
            let (status, _) = looks[number.fetch_add(1, Ordering::SeqCst).min(looks.len() - 1)];
            xml(what, &format!("<Stacks>{}</Stacks>", stack("demo", status, &[])))
        }
        "DescribeStackEvents" => {
            let look = number.load(Ordering::SeqCst).saturating_sub(1).min(looks.len() - 1);
            let so_far: String = events[..looks[look].1].iter().rev().map(String::as_str).collect();
            xml(what, &format!("<StackEvents>{so_far}</StackEvents>"))
        }
        other => panic!("{other}"),
    });
    account
}

fn events() -> Vec<String> {
    vec![
        event(0, "AWS::CloudFormation::Stack", "UPDATE_COMPLETE", ""),
        event(1, "AWS::CloudFormation::Stack", "UPDATE_IN_PROGRESS", ""),
        event(2, "AWS::SNS::Topic", "UPDATE_FAILED", "no such key"),
        event(3, "AWS::CloudFormation::Stack", "UPDATE_ROLLBACK_COMPLETE", ""),
    ]
}

async fn watched(looks: Vec<(&'static str, usize)>) -> anyhow::Result<()> {
    let account = cloud(looks, events());
    let client = Client::new(&account.aws);
    let console = Console::telling(|_| ());
    Watch::begin(&account, &client, ("demo", "demo"), &console).await?.until_settled().await
}

/// CloudFormation may still show the end of the last update while the new one has not begun.
#[tokio::test]
async fn the_end_of_an_earlier_update_is_not_the_end_of_this_one() {
    let failed = watched(vec![
        ("UPDATE_COMPLETE", 1),
        ("UPDATE_COMPLETE", 1),
        ("UPDATE_IN_PROGRESS", 2),
        ("UPDATE_ROLLBACK_COMPLETE", 4),
    ])
    .await;
    let words = failed.unwrap_err().to_string();
    assert_eq!(words, "the stack demo is UPDATE_ROLLBACK_COMPLETE:\n  R2: no such key");
}

#[tokio::test]
async fn an_earlier_failure_is_not_this_updates() {
    watched(vec![("UPDATE_ROLLBACK_COMPLETE", 1), ("UPDATE_IN_PROGRESS", 2), ("UPDATE_COMPLETE", 3)]).await.unwrap();
}

#[tokio::test]
async fn a_stack_that_vanishes_during_an_update_is_no_success() {
    let (account, _) = account(|what, _| match what {
        "DescribeStackEvents" => xml(what, "<StackEvents></StackEvents>"),
        _ => crate::scripted::refused("ValidationError", "Stack with id demo does not exist"),
    });
    let client = Client::new(&account.aws);
    let console = Console::telling(|_| ());
    let watch = Watch::begin(&account, &client, ("demo", "demo"), &console).await.unwrap();
    assert_eq!(watch.until_settled().await.unwrap_err().to_string(), "the stack demo is gone");
}
