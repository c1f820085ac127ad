//! What breaks in the code scan.

use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_cloudwatchlogs::types::LogGroup;
use aws_sdk_codebuild::types::ProjectEnvironment;
use aws_sdk_eventbridge::types::Target;
use aws_sdk_lambda::types::{Environment, LastUpdateStatus};
use aws_sdk_s3::types::{EventBridgeConfiguration, NotificationConfiguration};
use local::{until::until, world::World};
use operate::chatbot;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{Mending, physical};

const STACK: &str = "app-security";

pub(super) async fn notification(world: &World) -> anyhow::Result<Mending<'_>> {
    set_notification(world, NotificationConfiguration::builder().build()).await?;
    let on = EventBridgeConfiguration::builder().build();
    Ok(Box::pin(set_notification(world, NotificationConfiguration::builder().event_bridge_configuration(on).build())))
}

async fn set_notification(world: &World, configuration: NotificationConfiguration) -> anyhow::Result<()> {
    let put = world.s3.put_bucket_notification_configuration().bucket(world.deployment.output("UploadBucket")?);
    put.notification_configuration(configuration).send().await?;
    Ok(())
}

pub(super) async fn target_removed(world: &World) -> anyhow::Result<Mending<'_>> {
    let (client, rule, before) = target(world).await?;
    client.remove_targets().rule(&rule).ids(before.id()).send().await?;
    Ok(Box::pin(async move {
        client.put_targets().rule(&rule).targets(before).send().await?;
        Ok(())
    }))
}

pub(super) async fn target_changed(world: &World) -> anyhow::Result<Mending<'_>> {
    let (client, rule, before) = target(world).await?;
    let mut careless = before.clone();
    careless.dead_letter_config = None;
    client.put_targets().rule(&rule).targets(careless).send().await?;
    Ok(Box::pin(async move {
        client.put_targets().rule(&rule).targets(before).send().await?;
        Ok(())
    }))
}

async fn target(world: &World) -> anyhow::Result<(aws_sdk_eventbridge::Client, String, Target)> {
    let client = aws_sdk_eventbridge::Client::new(&world.aws);
    let rule = physical(world, STACK, "UploadRule").await?;
    let rule = rule.rsplit('|').next().unwrap_or(&rule).to_owned();
    let targets = client.list_targets_by_rule().rule(&rule).send().await?.targets.unwrap_or_default();
    Ok((client, rule, targets.into_iter().next().context("the rule has no target")?))
}

pub(super) async fn image(world: &World) -> anyhow::Result<Mending<'_>> {
    let change = |build: &mut Build| "example/backdoor:latest".clone_into(&mut build.environment.image);
    Box::pin(project(world, change)).await
}

pub(super) async fn environment(world: &World) -> anyhow::Result<Mending<'_>> {
    let change = |build: &mut Build| {
        "arn:aws:iam::000000000000:role/Admin".clone_into(&mut build.role);
        let variables = build.environment.environment_variables.iter_mut().flatten();
        for variable in variables.filter(|variable| variable.name == "SONAR_HOST_URL") {
            "https://sonarqube.example.net".clone_into(&mut variable.value);
        }
    };
    Box::pin(project(world, change)).await
}

/// Where a build runs, and as whom.
#[derive(Clone)]
struct Build {
    environment: ProjectEnvironment,
    role: String,
}

async fn project(world: &World, change: fn(&mut Build)) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_codebuild::Client::new(&world.aws);
    let name = physical(world, STACK, "ScanProject").await?;
    let found = client.batch_get_projects().names(&name).send().await?.projects.unwrap_or_default();
    let found = found.into_iter().next().context("there is no project")?;
    let before = Build {
        environment: found.environment.context("the project has no environment")?,
        role: found.service_role.context("the project has no role")?,
    };
    let set = async move |build: Build| -> anyhow::Result<()> {
        let update = client.update_project().name(&name).environment(build.environment).service_role(build.role);
        update.send().await?;
        Ok(())
    };
    let mut changed = before.clone();
    change(&mut changed);
    set(changed).await?;
    Ok(Box::pin(async move { set(before).await }))
}

pub(super) async fn definition(world: &World) -> anyhow::Result<Mending<'_>> {
    let machine = world.deployment.output("StateMachineArn")?;
    let before = world.sfn.describe_state_machine().state_machine_arn(machine).send().await?.definition;
    let mut changed: Value = serde_json::from_str(&before)?;
    changed["StartAt"] = json!("Passed");
    changed["States"]["Passed"] = json!({"Type": "Succeed"});
    let set = async move |definition: String| -> anyhow::Result<()> {
        world.sfn.update_state_machine().state_machine_arn(machine).definition(definition).send().await?;
        Ok(())
    };
    set(changed.to_string()).await?;
    Ok(Box::pin(async move { set(before).await }))
}

pub(super) async fn guardrail(world: &World) -> anyhow::Result<Mending<'_>> {
    let everything = json!({"GuardrailPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]});
    channel(world, everything).await
}

pub(super) async fn channel_topic(world: &World) -> anyhow::Result<Mending<'_>> {
    channel(world, json!({"SnsTopicArns": []})).await
}

async fn channel(world: &World, change: Value) -> anyhow::Result<Mending<'_>> {
    let account = world.deployment.account();
    let arn = physical(world, STACK, "SlackChannel").await?;
    let asked = json!({"ChatConfigurationArn": arn});
    let answer = chatbot::call(account, "describe-slack-channel-configurations", &asked).await?;
    let mut before = json!({"ChatConfigurationArn": arn});
    let mut changed = before.clone();
    for (name, value) in change.as_object().into_iter().flatten() {
        before[name] = answer["SlackChannelConfigurations"][0][name].clone();
        changed[name] = value.clone();
    }
    chatbot::call(account, "update-slack-channel-configuration", &changed).await?;
    Ok(Box::pin(async move {
        chatbot::call(account, "update-slack-channel-configuration", &before).await?;
        Ok(())
    }))
}

pub(super) async fn topic_policy(world: &World) -> anyhow::Result<Mending<'_>> {
    let topic = world.deployment.output("NotificationTopicArn")?;
    let attributes = world.sns.get_topic_attributes().topic_arn(topic).send().await?.attributes.unwrap_or_default();
    let before = attributes.get("Policy").context("the topic has no policy")?.clone();
    let mut changed: Value = serde_json::from_str(&before)?;
    let everybody = json!({"Sid": "Everybody", "Effect": "Allow", "Principal": "*", "Action": "sns:Publish",
        "Resource": topic});
    changed["Statement"].as_array_mut().context("the policy has no statements")?.push(everybody);
    let set = async move |policy: String| -> anyhow::Result<()> {
        let set = world.sns.set_topic_attributes().topic_arn(topic).attribute_name("Policy");
        set.attribute_value(policy).send().await?;
        Ok(())
    };
    set(changed.to_string()).await?;
    Ok(Box::pin(async move { set(before).await }))
}

pub(super) async fn policy_removed(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_iam::Client::new(&world.aws);
    let (role, policy) = (physical(world, STACK, "CheckBuildStatusRole").await?, "FunctionsSeeExecutions");
    let before = client.get_role_policy().role_name(&role).policy_name(policy).send().await?.policy_document;
    client.delete_role_policy().role_name(&role).policy_name(policy).send().await?;
    let before = percent_decode_str(&before).decode_utf8()?.into_owned();
    Ok(Box::pin(async move {
        client.put_role_policy().role_name(&role).policy_name(policy).policy_document(before).send().await?;
        Ok(())
    }))
}

pub(super) async fn administrator(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_iam::Client::new(&world.aws);
    let role = physical(world, STACK, "ApprovalRole").await?;
    let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
    client.attach_role_policy().role_name(&role).policy_arn(arn).send().await?;
    Ok(Box::pin(async move {
        client.detach_role_policy().role_name(&role).policy_arn(arn).send().await?;
        Ok(())
    }))
}

pub(super) async fn trust(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_iam::Client::new(&world.aws);
    let role = physical(world, STACK, "ApprovalRole").await?;
    let found = client.get_role().role_name(&role).send().await?.role.context("there is no role")?;
    let before = found.assume_role_policy_document.context("nobody may take the role")?;
    let before = percent_decode_str(&before).decode_utf8()?.into_owned();
    let mut changed: Value = serde_json::from_str(&before)?;
    let friends = json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "sts:AssumeRole"});
    changed["Statement"].as_array_mut().context("there are no statements")?.push(friends);
    let set = async move |document: String| -> anyhow::Result<()> {
        client.update_assume_role_policy().role_name(&role).policy_document(document).send().await?;
        Ok(())
    };
    set(changed.to_string()).await?;
    Ok(Box::pin(async move { set(before).await }))
}

pub(super) async fn code(world: &World) -> anyhow::Result<Mending<'_>> {
    set_code(world, "finding-handler.zip").await?;
    Ok(Box::pin(set_code(world, "approval.zip")))
}

async fn set_code(world: &World, zip: &str) -> anyhow::Result<()> {
    let client = aws_sdk_lambda::Client::new(&world.aws);
    let key = format!("{}/{zip}", world.deployment.release());
    let update = client.update_function_code().function_name(world.deployment.output("ApprovalFunction")?);
    update.s3_bucket(world.deployment.output("S3LambdaBucket")?).s3_key(key).send().await?;
    updated(world).await
}

pub(super) async fn variable(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_lambda::Client::new(&world.aws);
    let function = world.deployment.output("ApprovalFunction")?;
    let found = client.get_function_configuration().function_name(function).send().await?;
    let before = found.environment.and_then(|environment| environment.variables).context("there are no variables")?;
    let set = async move |variables| -> anyhow::Result<()> {
        let environment = Environment::builder().set_variables(Some(variables)).build();
        client.update_function_configuration().function_name(function).environment(environment).send().await?;
        updated(world).await
    };
    let mut changed = before.clone();
    changed.insert("SHARED_INBOX_MAIL".to_owned(), "somebody@example.net".to_owned());
    set(changed).await?;
    Ok(Box::pin(async move { set(before).await }))
}

async fn updated(world: &World) -> anyhow::Result<()> {
    let client = aws_sdk_lambda::Client::new(&world.aws);
    let function = world.deployment.output("ApprovalFunction")?;
    until(Duration::from_secs(30), "the function's update", async || {
        let function = client.get_function_configuration().function_name(function).send().await?;
        Ok((function.last_update_status() == Some(&LastUpdateStatus::Successful)).then_some(()))
    })
    .await
}

pub(super) async fn log_deleted(world: &World) -> anyhow::Result<Mending<'_>> {
    let (client, group, days) = log(world).await?;
    client.delete_log_group().log_group_name(&group).send().await?;
    Ok(Box::pin(async move {
        client.create_log_group().log_group_name(&group).send().await?;
        client.put_retention_policy().log_group_name(&group).retention_in_days(days).send().await?;
        Ok(())
    }))
}

pub(super) async fn log_shortened(world: &World) -> anyhow::Result<Mending<'_>> {
    let (client, group, days) = log(world).await?;
    client.put_retention_policy().log_group_name(&group).retention_in_days(1).send().await?;
    Ok(Box::pin(async move {
        client.put_retention_policy().log_group_name(&group).retention_in_days(days).send().await?;
        Ok(())
    }))
}

async fn log(world: &World) -> anyhow::Result<(aws_sdk_cloudwatchlogs::Client, String, i32)> {
    let client = aws_sdk_cloudwatchlogs::Client::new(&world.aws);
    let group = physical(world, STACK, "ApprovalLogGroup").await?;
    let found = client.describe_log_groups().log_group_name_prefix(&group).send().await?;
    let days = found.log_groups().first().and_then(LogGroup::retention_in_days);
    Ok((client, group, days.context("the log is kept for ever")?))
}
