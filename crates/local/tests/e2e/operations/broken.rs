//! Things that break in a deployment, each with what the doctor says about it.

use std::{pin::Pin, time::Duration};

use anyhow::Context as _;
use aws_sdk_lambda::types::LastUpdateStatus;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use local::{until::until, world::World};

type Mending<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + 'a>>;
type Breaking<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Mending<'a>>> + 'a>>;

/// One thing that breaks.
pub(crate) struct Broken {
    pub(crate) what: &'static str,
    /// Breaks it, and returns what mends it.
    pub(crate) break_it: for<'a> fn(&'a World) -> Breaking<'a>,
    /// What the doctor says.
    pub(crate) found: &'static [&'static str],
}

pub(crate) const BROKEN: &[Broken] = &[
    Broken {
        what: "somebody overwrites the signing secret with a placeholder",
        break_it: |world| Box::pin(secret(world, "SlackSigningSecretSecret", "UPDATE-THIS-SIGNING-SECRET")),
        found: &["FAILS  secret SlackSigningSecretSecret", "is still a placeholder"],
    },
    Broken {
        what: "somebody turns Macie off",
        break_it: |world| Box::pin(macie(world)),
        found: &["FAILS  Amazon Macie: it is not enabled", "aws macie2 enable-macie"],
    },
    Broken {
        what: "somebody replaces the policy of the quarantine bucket",
        break_it: |world| Box::pin(policy(world)),
        found: &["FAILS  bucket QuarantineBucket", "its policy lacks", "LetNobodyElseReadWhatIsQuarantined"],
    },
    Broken {
        what: "somebody stops the versioning of the evidence bucket",
        break_it: |world| Box::pin(versioning(world)),
        found: &["FAILS  bucket EvidenceBucket", "versioning is off"],
    },
    Broken {
        what: "somebody disables the rule that takes findings",
        break_it: |world| Box::pin(rule(world)),
        found: &["FAILS  rule FindingRule: it is disabled"],
    },
    Broken {
        what: "a finding could not be handled",
        break_it: |world| Box::pin(dead_letter(world)),
        found: &["FAILS  dead letters FindingDeadLetterQueue: 1 message"],
    },
    Broken {
        what: "somebody deploys other code by hand",
        break_it: |world| Box::pin(code(world)),
        found: &["FAILS  function ApprovalFunction: it runs other code than the release's"],
    },
];

async fn secret<'a>(world: &'a World, logical_id: &'static str, value: &'static str) -> anyhow::Result<Mending<'a>> {
    let client = aws_sdk_secretsmanager::Client::new(&world.aws);
    let id = physical(world, "macie-remediation", logical_id).await?;
    let before = client.get_secret_value().secret_id(&id).send().await?.secret_string;
    client.put_secret_value().secret_id(&id).secret_string(value).send().await?;
    Ok(Box::pin(async move {
        client.put_secret_value().secret_id(&id).set_secret_string(before).send().await?;
        Ok(())
    }))
}

async fn macie(world: &World) -> anyhow::Result<Mending<'_>> {
    world.macie.disable_macie().send().await?;
    Ok(Box::pin(async {
        world.macie.enable_macie().send().await?;
        Ok(())
    }))
}

async fn policy(world: &World) -> anyhow::Result<Mending<'_>> {
    let bucket = world.deployment.output("QuarantineBucket")?;
    let before = world.s3.get_bucket_policy().bucket(bucket).send().await?.policy;
    let open = r#"{"Version":"2012-10-17","Statement":[]}"#;
    world.s3.put_bucket_policy().bucket(bucket).policy(open).send().await?;
    Ok(Box::pin(async move {
        world.s3.put_bucket_policy().bucket(bucket).set_policy(before).send().await?;
        Ok(())
    }))
}

async fn versioning(world: &World) -> anyhow::Result<Mending<'_>> {
    set_versioning(world, BucketVersioningStatus::Suspended).await?;
    Ok(Box::pin(set_versioning(world, BucketVersioningStatus::Enabled)))
}

async fn set_versioning(world: &World, status: BucketVersioningStatus) -> anyhow::Result<()> {
    let bucket = world.deployment.output("EvidenceBucket")?;
    let configuration = VersioningConfiguration::builder().status(status).build();
    world.s3.put_bucket_versioning().bucket(bucket).versioning_configuration(configuration).send().await?;
    Ok(())
}

async fn rule(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_eventbridge::Client::new(&world.aws);
    let id = physical(world, "macie-remediation", "FindingRule").await?;
    client.disable_rule().name(&id).send().await?;
    Ok(Box::pin(async move {
        client.enable_rule().name(&id).send().await?;
        Ok(())
    }))
}

async fn dead_letter(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_sqs::Client::new(&world.aws);
    let queue = world.deployment.output("FindingDeadLetterQueueUrl")?;
    client.send_message().queue_url(queue).message_body("a finding").send().await?;
    Ok(Box::pin(async move {
        client.purge_queue().queue_url(queue).send().await?;
        Ok(())
    }))
}

async fn code(world: &World) -> anyhow::Result<Mending<'_>> {
    let client = aws_sdk_lambda::Client::new(&world.aws);
    let function = world.deployment.output("ApprovalFunction")?;
    let bucket = world.deployment.output("S3LambdaBucket")?;
    let release = world.deployment.release();
    let set = move |zip: &'static str, client: aws_sdk_lambda::Client| async move {
        let key = format!("{release}/{zip}");
        client.update_function_code().function_name(function).s3_bucket(bucket).s3_key(key).send().await?;
        until(Duration::from_secs(30), "the function's update", async || {
            let function = client.get_function_configuration().function_name(function).send().await?;
            Ok((function.last_update_status() == Some(&LastUpdateStatus::Successful)).then_some(()))
        })
        .await
    };
    set("finding-handler.zip", client.clone()).await?;
    Ok(Box::pin(set("approval.zip", client)))
}

/// The physical id of a resource.
async fn physical(world: &World, stack: &str, logical_id: &str) -> anyhow::Result<String> {
    let client = aws_sdk_cloudformation::Client::new(&world.aws);
    let stack = format!("{}-{stack}", world.deployment.name);
    let answer = client.describe_stack_resource().stack_name(stack).logical_resource_id(logical_id).send().await?;
    let id = answer.stack_resource_detail.and_then(|resource| resource.physical_resource_id);
    id.with_context(|| format!("{logical_id} has no physical id"))
}
