use super::*;
use crate::scripted::{account, refused, stack, xml};

#[tokio::test]
async fn what_never_ran_is_deleted_before_it_is_created_again() {
    let (account, asked) = account(|what, body| match what {
        // By its name it is there; by its id it is gone as soon as somebody has deleted it.
        "DescribeStacks" if body.contains("StackName=demo") => {
            xml(what, &format!("<Stacks>{}</Stacks>", stack("demo", "ROLLBACK_COMPLETE", &[])))
        }
        "DescribeStacks" => refused("ValidationError", "Stack with id arn:of:demo does not exist"),
        "DescribeStackEvents" => xml(what, "<StackEvents></StackEvents>"),
        "DeleteStack" => xml(what, ""),
        other => panic!("{other}"),
    });
    let client = Client::new(&account.aws);
    let console = Console::telling(|_| ());
    assert_eq!(prepare(&account, &client, "demo", &console).await.unwrap(), ChangeSetType::Create);
    assert!(asked.lock().unwrap().iter().any(|what| what == "DeleteStack"));
}

#[tokio::test]
async fn nobody_changes_a_stack_that_somebody_else_is_changing() {
    for (status, words) in [
        ("UPDATE_IN_PROGRESS", "somebody is changing the stack demo right now"),
        ("UPDATE_ROLLBACK_FAILED", "Continue update rollback"),
    ] {
        let (account, asked) =
            account(move |what, _| xml(what, &format!("<Stacks>{}</Stacks>", stack("demo", status, &[]))));
        let client = Client::new(&account.aws);
        let refused = prepare(&account, &client, "demo", &Console::telling(|_| ())).await.unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
        assert_eq!(*asked.lock().unwrap(), ["DescribeStacks"]);
    }
}

/// What cannot be seen is not gone.
#[tokio::test]
async fn only_the_words_of_cloudformation_mean_that_there_is_no_stack() {
    let (there_is_none, _) = account(|_, _| refused("ValidationError", "Stack with id demo does not exist"));
    assert!(find(&there_is_none, "demo").await.unwrap().is_none());
    for (code, message) in [("AccessDenied", "User is not authorized"), ("ValidationError", "1 validation error")] {
        let (closed, _) = account(move |_, _| refused(code, message));
        assert!(find(&closed, "demo").await.is_err(), "{code}");
    }
}

#[tokio::test]
async fn a_plan_that_nobody_wanted_takes_only_an_empty_stack_with_it() {
    for (status, deleted) in [("REVIEW_IN_PROGRESS", true), ("CREATE_COMPLETE", false), ("CREATE_IN_PROGRESS", false)] {
        let (account, asked) = account(move |what, _| match what {
            "DescribeStacks" => xml(what, &format!("<Stacks>{}</Stacks>", stack("demo", status, &[]))),
            _ => xml(what, ""),
        });
        discard(&Client::new(&account.aws), "arn:of:plan", "arn:of:demo", &ChangeSetType::Create).await.unwrap();
        assert_eq!(asked.lock().unwrap().iter().any(|what| what == "DeleteStack"), deleted, "{status}");
    }
}
