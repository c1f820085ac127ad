use super::*;
use crate::scripted::{Asked, account, refused, stack, xml};

const KEY: &str = "TrentService.DescribeKey";

#[tokio::test]
async fn only_a_404_means_that_a_bucket_is_gone() {
    for (status, gone) in [(200, Some(false)), (404, Some(true)), (403, None), (500, None), (301, None)] {
        let (account, _) = account(move |what, _| {
            assert_eq!(what, "HEAD /evidence/");
            (status, String::new())
        });
        let exists = buckets::exists(&aws_sdk_s3::Client::new(&account.aws), "evidence").await;
        assert_eq!(exists.ok(), gone.map(|gone| !gone), "{status}");
    }
}

#[tokio::test]
async fn only_a_key_that_kms_does_not_know_or_already_deletes_is_gone() {
    let metadata = |state| (200, format!(r#"{{"KeyMetadata": {{"KeyId": "k", "KeyState": "{state}"}}}}"#));
    let error = |name| (400, format!(r#"{{"__type": "{name}", "message": "no"}}"#));
    for (answer, gone) in [
        (metadata("Enabled"), Some(false)),
        (metadata("Disabled"), Some(false)),
        (metadata("PendingDeletion"), Some(true)),
        (error("NotFoundException"), Some(true)),
        (error("AccessDeniedException"), None),
        (error("KMSInternalException"), None),
    ] {
        let words = answer.1.clone();
        let (account, _) = account(move |what, _| {
            assert_eq!(what, KEY);
            answer.clone()
        });
        assert_eq!(key_is_there(&account, "k").await.ok(), gone.map(|gone| !gone), "{words}");
    }
}

/// An account with a deployment `demo` that has a bucket for its code, and with one more stack on the second page.
fn shared(user: &'static str, bucket: &'static str) -> (Account, Asked) {
    account(move |what, body| match what {
        "DescribeStacks" if body.contains("NextToken=more") => {
            let others = stack(user, "CREATE_COMPLETE", &[("S3LambdaBucket", bucket)]);
            xml(what, &format!("<Stacks>{others}</Stacks>"))
        }
        "DescribeStacks" if body.contains("StackName=") => {
            let base = body.contains("demo-pre-requisite");
            if !base {
                return refused("ValidationError", "Stack with id x does not exist");
            }
            xml(what, &format!("<Stacks>{}</Stacks>", stack("demo-pre-requisite", "CREATE_COMPLETE", &[])))
        }
        "DescribeStacks" => {
            let own = stack("demo-app-security", "CREATE_COMPLETE", &[("S3LambdaBucket", "code")]);
            xml(what, &format!("<Stacks>{own}</Stacks><NextToken>more</NextToken>"))
        }
        "ListStacks" => {
            let one = "<member><StackName>demo-pre-requisite</StackName><StackId>arn:of:base</StackId><StackStatus>\
                       CREATE_COMPLETE</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime></member>";
            xml(what, &format!("<StackSummaries>{one}</StackSummaries>"))
        }
        "ListStackResources" => {
            let one = "<member><LogicalResourceId>LambdaBucket</LogicalResourceId><PhysicalResourceId>code\
                       </PhysicalResourceId><ResourceType>AWS::S3::Bucket</ResourceType><ResourceStatus>CREATE_COMPLETE\
                       </ResourceStatus><LastUpdatedTimestamp>2026-01-01T00:00:00Z</LastUpdatedTimestamp></member>";
            xml(what, &format!("<StackResourceSummaries>{one}</StackResourceSummaries>"))
        }
        // The bucket is there, and nobody may look into it.
        "HEAD /code/" => (200, String::new()),
        _ => (403, String::new()),
    })
}

#[tokio::test]
async fn a_base_that_another_stack_runs_from_is_not_removed() {
    let (account, asked) = shared("second-app-security", "code");
    let refused = destroy(&account, "demo", Data::GoesForSure, &Console::telling(|_| ())).await.unwrap_err();
    let words = "nothing was removed: the stack second-app-security uses this deployment's bucket, key or secrets; remove \
                 it first";
    assert_eq!(refused.to_string(), words);
    let changes = ["DeleteStack", "DELETE", "ScheduleKeyDeletion", "StopExecution", "DisableRule"];
    let asked = asked.lock().unwrap();
    assert!(!asked.iter().any(|what| changes.iter().any(|change| what.contains(change))), "{asked:?}");
}

#[tokio::test]
async fn a_stack_with_a_bucket_of_its_own_is_in_nobodys_way() {
    let (account, _) = shared("second-app-security", "another-bucket");
    let things = things(&account, "demo").await.unwrap();
    assert_eq!(things.len(), 1, "{things:?}");
    assert_eq!(other_user(&account, "demo", &things).await.unwrap(), None);
}

const LOCKED: &str = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
                      <Mode>GOVERNANCE</Mode><Days>30</Days></DefaultRetention></Rule></ObjectLockConfiguration>";

fn versions(time: &str) -> String {
    format!(
        "<ListVersionsResult><IsTruncated>false</IsTruncated><Version><Key>k</Key><VersionId>v1</VersionId>\
         <LastModified>{time}</LastModified></Version></ListVersionsResult>"
    )
}

#[tokio::test]
async fn a_lock_is_known_before_anything_is_removed() {
    let until = |lock: (u16, &'static str), listing: String| async move {
        let (account, _) = account(move |what, _| match what {
            "GET /quarantine/?object-lock" => (lock.0, lock.1.to_owned()),
            "GET /quarantine/?versions" => (200, listing.clone()),
            other => panic!("{other}"),
        });
        buckets::locked_until(&aws_sdk_s3::Client::new(&account.aws), "quarantine").await
    };
    let locked = until((200, LOCKED), versions("2026-01-01T00:00:00Z")).await.unwrap();
    assert_eq!(locked.map(|time| time.to_string()).as_deref(), Some("2026-01-31T00:00:00Z"));
    let empty = "<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>".to_owned();
    assert_eq!(until((200, LOCKED), empty).await.unwrap(), None);
    let none = "<Error><Code>ObjectLockConfigurationNotFoundError</Code></Error>";
    assert_eq!(until((404, none), String::new()).await.unwrap(), None);
    assert!(until((403, "<Error><Code>AccessDenied</Code></Error>"), String::new()).await.is_err());
}

#[tokio::test]
async fn a_bucket_that_cannot_be_emptied_gets_its_policy_back() {
    for (put, words) in [(204, "is protected again"), (403, "its policy is gone")] {
        let (account, asked) = account(move |what, body| match what {
            "GET /quarantine/?policy" => (200, r#"{"Statement": []}"#.to_owned()),
            "DELETE /quarantine/?policy" => (204, String::new()),
            "GET /quarantine/?versions" => (200, versions("2026-01-01T00:00:00Z")),
            "POST /quarantine/?delete" => {
                let error = "<Error><Key>k</Key><Code>AccessDenied</Code><Message>locked</Message></Error>";
                (200, format!("<DeleteResult>{error}</DeleteResult>"))
            }
            "PUT /quarantine/?policy" => {
                assert_eq!(body, r#"{"Statement": []}"#);
                (put, String::new())
            }
            other => panic!("{other}"),
        });
        let refused = buckets::remove(&aws_sdk_s3::Client::new(&account.aws), "quarantine").await.unwrap_err();
        let told = format!("{refused:#}");
        assert!(told.contains(words) && told.contains("k in quarantine cannot be deleted: locked"), "{told}");
        assert!(!asked.lock().unwrap().iter().any(|what| what == "DELETE /quarantine/"));
    }
}

#[tokio::test]
async fn a_key_that_another_stack_was_given_is_in_use() {
    let (account, _) = account(|what, body| match what {
        "DescribeStacks" if body.contains("StackName=") => refused("ValidationError", "Stack with id x does not exist"),
        "DescribeStacks" => {
            let parameters = [("CKMSKeyArn", "arn:aws:kms:eu-west-1:111122223333:key/1234")];
            xml(what, &format!("<Stacks>{}</Stacks>", stack("borrower", "CREATE_COMPLETE", &parameters)))
        }
        other => panic!("{other}"),
    });
    let key = |id: &str| Thing {
        stack: Stack::PreRequisite,
        logical_id: "CKMSKey".to_owned(),
        kind: Kind::Key,
        id: id.to_owned(),
    };
    assert_eq!(other_user(&account, "demo", &[key("1234")]).await.unwrap().as_deref(), Some("borrower"));
    assert_eq!(other_user(&account, "demo", &[key("5678")]).await.unwrap(), None);
}

#[tokio::test]
async fn a_key_that_xml_cannot_write_is_deleted_alone() {
    let left = std::sync::Mutex::new(2);
    let (account, asked) = account(move |what, _| match what {
        "GET /evidence/?policy" => (404, "<Error><Code>NoSuchBucketPolicy</Code></Error>".to_owned()),
        "GET /evidence/?versions" => {
            let version = |key: &str| format!("<Version><Key>{key}</Key><VersionId>v1</VersionId></Version>");
            let versions = match *left.lock().unwrap() {
                2 => version("logs/&#x1;bell") + &version("plain"),
                _ => String::new(),
            };
            (200, format!("<ListVersionsResult><IsTruncated>false</IsTruncated>{versions}</ListVersionsResult>"))
        }
        "POST /evidence/?delete" => {
            *left.lock().unwrap() = 0;
            (200, "<DeleteResult></DeleteResult>".to_owned())
        }
        _ => (204, String::new()),
    });
    assert_eq!(buckets::remove(&aws_sdk_s3::Client::new(&account.aws), "evidence").await.unwrap(), 2);
    let asked = asked.lock().unwrap();
    let alone: Vec<&String> = asked.iter().filter(|what| what.contains("bell")).collect();
    assert_eq!(alone, ["DELETE /evidence/logs/%01bell?x-id=DeleteObject&versionId=v1"]);
}

#[tokio::test]
async fn the_plan_of_a_stack_goes_too() {
    let gone = std::sync::Mutex::new(false);
    let (account, asked) = account(move |what, body| match what {
        "DescribeStacks" if body.contains("StackName=") => {
            let planned = body.contains("demo-app-security") || body.contains("arn%3Aof%3Ademo-app-security");
            if !planned || *gone.lock().unwrap() {
                return refused("ValidationError", "Stack with id x does not exist");
            }
            xml(what, &format!("<Stacks>{}</Stacks>", stack("demo-app-security", "REVIEW_IN_PROGRESS", &[])))
        }
        "DescribeStacks" => xml(what, "<Stacks></Stacks>"),
        "ListStacks" => xml(what, "<StackSummaries></StackSummaries>"),
        "DescribeStackEvents" => xml(what, "<StackEvents></StackEvents>"),
        "DeleteStack" => {
            *gone.lock().unwrap() = true;
            xml(what, "")
        }
        other => panic!("{other}"),
    });
    destroy(&account, "demo", Data::Stays, &Console::telling(|_| ())).await.unwrap();
    assert!(asked.lock().unwrap().iter().any(|what| what == "DeleteStack"));
}
