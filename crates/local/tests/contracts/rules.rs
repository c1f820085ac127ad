//! Rules that every resource of the templates keeps, beyond what cfn-lint knows. Exceptions are listed with a reason,
//! and an entry that is no exception any more fails as well.

use std::collections::BTreeSet;

use yaml_rust2::Yaml;

use crate::{FUNCTIONS, TEMPLATES, keys, read, template, texts};

/// Grants on every resource: the role or policy, and the statement.
const EVERY_RESOURCE: [(&str, &str, &str); 6] = [
    ("CodeScanRole", "DeliverItsLog", "log delivery has no resources that a policy could name"),
    ("CheckBuildStatusRole", "LetTheWaitingExecutionGoOn", "a task token says which execution it is"),
    ("ApprovalRole", "LetTheWaitingExecutionGoOn", "a task token says which execution it is"),
    ("RemediationHandlerRole", "LookFindingsUp", "findings are no resources that a policy could name"),
    ("EncryptionKey", "LetTheAccountsPoliciesDecide", "in a key's policy it is the key itself"),
    ("EncryptionKey", "LetAlarmsPublishToEncryptedTopics", "in a key's policy it is the key itself"),
];

/// Names that the outside must know, or that keep two stacks apart.
const NAMED: [(&str, &str, &str); 8] = [
    ("LambdaBucket", "BucketName", "a parameter, for those who want to know it beforehand"),
    ("ApprovalFunction", "FunctionName", "Amazon Q's command text has room for 13 characters"),
    ("CodeScanLogGroup", "LogGroupName", "its prefix keeps it out of the account's one resource policy for logs"),
    ("RemediationApiLogGroup", "LogGroupName", "its prefix keeps it out of the account's one resource policy for logs"),
    ("RemediationApi", "Name", "required; it has the stack's name in it"),
    ("SlackChannel", "ConfigurationName", "required; it is the function's name"),
    ("ApproveAction", "ActionName", "required; it has the function's name in it"),
    ("RejectAction", "ActionName", "required; it has the function's name in it"),
];

/// Topics without a key of ours.
const PLAIN_TOPICS: [(&str, &str, &str); 1] =
    [("macie-remediation.yml", "AlarmTopic", "an alarm names a queue or a function and a number")];

fn resources(name: &str) -> Vec<(String, String, Yaml)> {
    let template = template(name);
    let resources = template["Resources"].as_hash().unwrap();
    let one = |(logical, resource): (&Yaml, &Yaml)| {
        (logical.as_str().unwrap().to_owned(), resource["Type"].as_str().unwrap().to_owned(), resource.clone())
    };
    resources.iter().map(one).collect()
}

fn of_type(name: &str, kind: &str) -> Vec<(String, Yaml)> {
    let found = resources(name).into_iter().filter(|(_, of, _)| of == kind);
    found.map(|(logical, _, resource)| (logical, resource["Properties"].clone())).collect()
}

fn everywhere(kind: &str) -> Vec<(&'static str, String, Yaml)> {
    let with_template = |name: &'static str| {
        let found = of_type(name, kind).into_iter();
        found.map(move |(logical, properties)| (name, logical, properties))
    };
    TEMPLATES.into_iter().flat_map(with_template).collect()
}

/// Every text in a value, however deep.
fn leaves(yaml: &Yaml) -> Vec<String> {
    match yaml {
        Yaml::Array(items) => items.iter().flat_map(leaves).collect(),
        Yaml::Hash(members) => members.values().flat_map(leaves).collect(),
        other => texts(other),
    }
}

/// A list of statements may have one in a condition (`!If [HasX, {…}, …]`).
fn statements(yaml: &Yaml) -> Vec<&Yaml> {
    match yaml {
        Yaml::Array(items) => items.iter().flat_map(statements).collect(),
        Yaml::Hash(_) => vec![yaml],
        _ => Vec::new(),
    }
}

#[test]
fn every_function_has_a_role_and_a_log_group_of_its_own_and_its_limits() {
    let mut roles = BTreeSet::new();
    for (_, name, function) in FUNCTIONS {
        let found = of_type(name, "AWS::Lambda::Function");
        let (_, properties) = found.iter().find(|(logical, _)| *logical == format!("{function}Function")).unwrap();
        assert_eq!(properties["Role"].as_str(), Some(format!("{function}Role.Arn").as_str()), "{function}");
        assert!(roles.insert(properties["Role"].as_str().unwrap().to_owned()), "{function} shares its role");
        assert_eq!(properties["LoggingConfig"]["LogGroup"].as_str(), Some(format!("{function}LogGroup").as_str()));
        assert_eq!(properties["LoggingConfig"]["LogFormat"].as_str(), Some("JSON"), "{function}");
        assert_eq!(properties["Runtime"].as_str(), Some("provided.al2023"), "{function}");
        for limit in ["Timeout", "MemorySize"] {
            assert!(properties[limit].as_i64().is_some(), "{function} leaves {limit} to Lambda");
        }
    }
    assert_eq!(everywhere("AWS::Lambda::Function").len(), FUNCTIONS.len(), "a function is not on the list");
}

#[test]
fn every_log_group_ends_some_day() {
    let groups = everywhere("AWS::Logs::LogGroup");
    assert!(groups.len() >= FUNCTIONS.len() + 2);
    for (name, logical, properties) in groups {
        assert_eq!(properties["RetentionInDays"].as_str(), Some("LogRetentionDays"), "{name}: {logical}");
    }
}

#[test]
fn everything_that_is_stored_is_encrypted() {
    for (name, logical, properties) in everywhere("AWS::S3::Bucket") {
        assert!(!properties["BucketEncryption"].is_badvalue(), "{name}: {logical}");
    }
    for (name, logical, properties) in everywhere("AWS::SQS::Queue") {
        assert_eq!(properties["SqsManagedSseEnabled"].as_bool(), Some(true), "{name}: {logical}");
    }
    let plain: Vec<_> = everywhere("AWS::SNS::Topic")
        .into_iter()
        .filter(|(_, _, properties)| properties["KmsMasterKeyId"].is_badvalue())
        .map(|(name, logical, _)| (name, logical))
        .collect();
    let listed: Vec<_> = PLAIN_TOPICS.iter().map(|(name, logical, _)| (*name, (*logical).to_owned())).collect();
    assert_eq!(plain, listed, "topics without a key of ours");
    for (name, logical, properties) in everywhere("AWS::CodeBuild::Project") {
        assert_eq!(properties["EncryptionKey"].as_str(), Some("CKMSKeyArn"), "{name}: {logical}");
    }
}

/// Each bucket, queue and topic has a policy that refuses connections without TLS.
#[test]
fn nothing_is_reached_in_the_clear() {
    for (kind, policy_kind, reference, action) in [
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket", "s3:*"),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues", "sqs:*"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics", "sns:Publish"),
    ] {
        for (name, logical, _) in everywhere(kind) {
            let policies = of_type(name, policy_kind);
            let mut own = policies.iter().filter(|(_, policy)| texts(&policy[reference]).contains(&logical));
            let (_, policy) = own.next().unwrap_or_else(|| panic!("{name}: {logical} has no policy"));
            let refuses = statements(&policy["PolicyDocument"]["Statement"]).into_iter().any(|statement| {
                statement["Effect"].as_str() == Some("Deny")
                    && statement["Principal"].as_str() == Some("*")
                    && texts(&statement["Action"]) == [action]
                    && texts(&statement["Condition"]["Bool"]["aws:SecureTransport"]) == ["false"]
                    && (kind != "AWS::S3::Bucket" || texts(&statement["Resource"]).len() == 2)
            });
            assert!(refuses, "{name}: {logical} may be reached in the clear");
        }
    }
}

/// Whatever cannot be delivered waits somewhere, and somebody is told.
#[test]
fn every_queue_is_watched_and_what_it_cannot_deliver_is_kept() {
    for (name, logical, properties) in everywhere("AWS::SQS::Queue") {
        let alarms = of_type(name, "AWS::CloudWatch::Alarm");
        let watching = |metric: &str| {
            alarms.iter().any(|(_, alarm)| {
                alarm["MetricName"].as_str() == Some(metric)
                    && leaves(&alarm["Dimensions"]).contains(&format!("{logical}.QueueName"))
            })
        };
        assert_eq!(properties["MessageRetentionPeriod"].as_i64(), Some(1_209_600), "{name}: {logical}");
        if properties["RedrivePolicy"].is_badvalue() {
            assert!(watching("ApproximateNumberOfMessagesVisible"), "{name}: nobody hears of {logical}");
        } else {
            let to = properties["RedrivePolicy"]["deadLetterTargetArn"].as_str().unwrap();
            let queue = to.strip_suffix(".Arn").unwrap();
            assert!(of_type(name, "AWS::SQS::Queue").iter().any(|(other, _)| other == queue), "{name}: {to}");
            assert!(watching("ApproximateAgeOfOldestMessage"), "{name}: nobody hears when {logical} is stuck");
        }
    }
    for (name, logical, properties) in everywhere("AWS::Events::Rule") {
        for target in properties["Targets"].as_vec().unwrap() {
            assert!(!target["DeadLetterConfig"]["Arn"].is_badvalue(), "{name}: {logical} loses events");
        }
    }
}

#[test]
fn every_function_and_state_machine_has_an_alarm_that_says_what_to_do() {
    for (kind, metric) in
        [("AWS::Lambda::Function", "Errors"), ("AWS::StepFunctions::StateMachine", "ExecutionsFailed")]
    {
        for (name, logical, _) in everywhere(kind) {
            let alarms = of_type(name, "AWS::CloudWatch::Alarm");
            let watched = alarms.iter().any(|(_, alarm)| {
                alarm["MetricName"].as_str() == Some(metric) && leaves(&alarm["Dimensions"]).contains(&logical)
            });
            assert!(watched, "{name}: nobody hears of {logical}'s {metric}");
        }
    }
    for (name, logical, alarm) in everywhere("AWS::CloudWatch::Alarm") {
        assert!(alarm["AlarmDescription"].as_str().is_some_and(|words| words.len() > 40), "{name}: {logical}");
        assert!(leaves(&alarm["AlarmActions"]).contains(&"AlarmTopic".to_owned()), "{name}: {logical} tells nobody");
        assert_eq!(alarm["TreatMissingData"].as_str(), Some("notBreaching"), "{name}: {logical}");
    }
}

/// Functions whose throttles are no reason to call somebody: what they have to do waits and comes again.
const MAY_BE_THROTTLED: [(&str, &str); 2] = [
    ("FindingHandlerFunction", "its queue keeps the findings, and has an alarm on their age"),
    ("FindingRemediatorFunction", "it has a concurrency of its own; Lambda tries for hours and then tells the queue"),
];

#[test]
fn what_cannot_be_handed_on_is_noticed() {
    let is_watched = |name: &str, metric: &str, of: &str| {
        of_type(name, "AWS::CloudWatch::Alarm").iter().any(|(_, alarm)| {
            alarm["MetricName"].as_str() == Some(metric) && leaves(&alarm["Dimensions"]).contains(&of.to_owned())
        })
    };
    for (name, rule, _) in everywhere("AWS::Events::Rule") {
        for metric in ["FailedInvocations", "InvocationsFailedToBeSentToDlq"] {
            assert!(is_watched(name, metric, &rule), "{name}: nobody hears of {rule}'s {metric}");
        }
    }
    // An alarm about the topic of the alarms would go the same way.
    for (name, topic, _) in everywhere("AWS::SNS::Topic").into_iter().filter(|(_, topic, _)| topic != "AlarmTopic") {
        let watched = is_watched(name, "NumberOfNotificationsFailed", &format!("{topic}.TopicName"));
        assert!(watched, "{name}: nobody hears of what {topic} cannot deliver");
    }
    let functions = everywhere("AWS::Lambda::Function");
    for (function, why) in MAY_BE_THROTTLED {
        assert!(functions.iter().any(|(_, known, _)| known == function), "{function} is no function ({why})");
    }
    for (name, function, _) in functions {
        let may = MAY_BE_THROTTLED.iter().any(|(known, _)| *known == function);
        assert_ne!(is_watched(name, "Throttles", &function), may, "{name}: {function}'s Throttles");
    }
}

/// The dashboard of a pipeline shows all its alarms and all its functions.
#[test]
fn every_pipeline_has_a_dashboard_with_everything_on_it() {
    for name in ["app-security.yml", "macie-remediation.yml"] {
        let dashboards = of_type(name, "AWS::CloudWatch::Dashboard");
        let [(_, dashboard)] = dashboards.as_slice() else { panic!("{name} has {} dashboards", dashboards.len()) };
        let body = dashboard["DashboardBody"].as_str().unwrap();
        // Placeholders are texts in the JSON.
        let parsed: serde_json::Value = serde_json::from_str(body).unwrap();
        assert!(parsed["widgets"].as_array().unwrap().len() > 4, "{name}");
        for (logical, kind, _) in resources(name) {
            let shown = match kind.as_str() {
                "AWS::CloudWatch::Alarm" => format!("${{{logical}.Arn}}"),
                "AWS::Lambda::Function" => format!("\"FunctionName\", \"${{{logical}}}\""),
                _ => continue,
            };
            assert!(body.contains(&shown), "{name}: the dashboard does not show {logical}");
        }
        let metrics = read("crates/platform/src/metrics.rs");
        for written in crate::between(body, "\"SecurityChatOps\", \"", '"') {
            assert!(metrics.contains(&format!("=> \"{written}\"")), "{name}: no function writes {written}");
        }
    }
}

#[test]
fn a_grant_on_every_resource_is_an_exception_with_a_reason() {
    let mut found = BTreeSet::new();
    for name in TEMPLATES {
        for (logical, _, resource) in resources(name) {
            let properties = &resource["Properties"];
            let inline = properties["Policies"].as_vec().into_iter().flatten().map(|policy| &policy["PolicyDocument"]);
            for document in inline.chain([&properties["PolicyDocument"], &properties["KeyPolicy"]]) {
                for statement in statements(&document["Statement"]) {
                    let sid = statement["Sid"].as_str().unwrap_or_else(|| panic!("{logical}: no Sid: {statement:?}"));
                    let allows = statement["Effect"].as_str() == Some("Allow");
                    if allows && texts(&statement["Resource"]).contains(&"*".to_owned()) {
                        found.insert((logical.clone(), sid.to_owned()));
                    }
                    // Only a key's policy names all its actions: nobody may be locked out of it.
                    let wide = texts(&statement["Action"]).iter().any(|action| action.contains('*'));
                    assert!(
                        !(allows && wide) || logical == "EncryptionKey",
                        "{logical} {sid} grants more than it names"
                    );
                }
            }
        }
    }
    let listed = EVERY_RESOURCE.iter().map(|(owner, sid, _)| ((*owner).to_owned(), (*sid).to_owned()));
    assert_eq!(found, listed.collect());
}

#[test]
fn a_name_of_its_own_is_an_exception_with_a_reason() {
    let properties = [
        "FunctionName",
        "BucketName",
        "QueueName",
        "TopicName",
        "RoleName",
        "ManagedPolicyName",
        "LogGroupName",
        "StateMachineName",
        "AlarmName",
        "DashboardName",
        "ConfigurationName",
        "ActionName",
        "Name",
    ];
    let mut found = BTreeSet::new();
    for name in TEMPLATES {
        for (logical, kind, resource) in resources(name) {
            // Properties of these types that are called so and name another resource.
            let refers = [
                "AWS::Lambda::EventSourceMapping",
                "AWS::Lambda::EventInvokeConfig",
                "AWS::Lambda::Permission",
                "AWS::Macie::FindingsFilter",
            ];
            if refers.contains(&kind.as_str()) {
                continue;
            }
            for property in properties {
                if !resource["Properties"][property].is_badvalue() {
                    found.insert((logical.clone(), property.to_owned()));
                }
            }
        }
    }
    let listed = NAMED.iter().map(|(logical, property, _)| ((*logical).to_owned(), (*property).to_owned()));
    assert_eq!(found, listed.collect());
}

#[test]
fn every_parameter_has_a_rule_and_every_output_is_described() {
    for name in TEMPLATES {
        let template = template(name);
        for parameter in keys(&template["Parameters"]) {
            let described = &template["Parameters"][parameter.as_str()];
            let has = |rule: &str| !described[rule].is_badvalue();
            let bounded = has("AllowedValues") || has("AllowedPattern") || (has("MinValue") && has("MaxValue"));
            assert!(bounded, "{name}: {parameter} takes anything");
            assert!(has("AllowedValues") || has("ConstraintDescription"), "{name}: {parameter} does not say its rule");
            let secret = ["Token", "SigningSecret", "WebHookUrl"].iter().any(|end| parameter.ends_with(end));
            assert_eq!(
                described["NoEcho"].as_bool().unwrap_or(false),
                secret,
                "{name}: {parameter} is shown, or is not"
            );
        }
        let readme = read("templates/README.md");
        let section = readme.split("\n## ").find(|section| section.starts_with(name)).unwrap();
        let outputs = keys(&template["Outputs"]);
        for output in &outputs {
            assert!(template["Outputs"][output.as_str()]["Description"].as_str().is_some(), "{name}: {output}");
            assert!(
                section.contains(&format!("| `{output}` |")),
                "templates/README.md does not name {output} of {name}"
            );
        }
        let listed = section.split("| Output |").nth(1).unwrap();
        for row in crate::between(listed, "\n| `", '`') {
            assert!(outputs.contains(row), "templates/README.md names an output {row} that {name} has not");
        }
    }
}

/// Types that CloudFormation can tag, and those that it cannot. A new type belongs into one of the two.
const TAGGED: [&str; 19] = [
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Chatbot::CustomAction",
    "AWS::Chatbot::SlackChannelConfiguration",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::CodeBuild::Project",
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::Macie::FindingsFilter",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
    "AWS::StepFunctions::StateMachine",
];

const UNTAGGED: [&str; 9] = [
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
];

/// Costs are told apart by the tags, and what belongs to the product is found by them.
#[test]
fn whatever_can_have_a_tag_has_the_products() {
    let mut kinds = BTreeSet::new();
    for name in TEMPLATES {
        let by_environment = keys(&template(name)["Parameters"]).contains("EnvironmentType");
        for (logical, kind, resource) in resources(name) {
            let tags = &resource["Properties"]["Tags"];
            if TAGGED.contains(&kind.as_str()) {
                assert_eq!(tag(tags, "Project").as_deref(), Some("security-chatops"), "{name}: {logical}");
                let environment = by_environment.then_some("EnvironmentType");
                assert_eq!(tag(tags, "Environment").as_deref(), environment, "{name}: {logical}");
            } else {
                assert!(UNTAGGED.contains(&kind.as_str()), "{name}: can {kind} be tagged?");
                assert!(tags.is_badvalue(), "{name}: {logical} has tags after all");
            }
            kinds.insert(kind);
        }
    }
    for kind in TAGGED.iter().chain(&UNTAGGED) {
        assert!(kinds.contains(*kind), "no template has {kind} any more");
    }
}

/// A tag's value, from a list of keys and values or from a map.
fn tag(tags: &Yaml, key: &str) -> Option<String> {
    let listed = tags.as_vec().into_iter().flatten().find(|one| one["Key"].as_str() == Some(key));
    let value = listed.map_or(&tags[key], |one| &one["Value"]);
    value.as_str().map(str::to_owned)
}
