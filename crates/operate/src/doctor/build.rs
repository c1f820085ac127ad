//! The CodeBuild project: whoever can change what it runs, and as whom, can pass any code.

use aws_sdk_codebuild::{
    Client,
    types::{EnvironmentVariableType, Project, ProjectEnvironment},
};
use serde_json::{Value, json};

use super::{BY_HAND, GONE, Patient, compare};
use crate::check::{Check, chain};

/// Looks at a project of the stack.
pub(super) async fn check(patient: &Patient<'_>, name: &str, id: &str) -> anyhow::Result<Check> {
    let what = format!("build project {name}");
    let wanted = patient.template.properties(name)?;
    let answer = match Client::new(&patient.account.aws).batch_get_projects().names(id).send().await {
        Ok(answer) => answer,
        Err(error) => {
            return Ok(Check::fails(what, chain(&error), "allow codebuild:BatchGetProjects to your identity"));
        }
    };
    let Some(project) = answer.projects().first() else {
        return Ok(Check::fails(what, "it is gone, so nothing can be scanned", GONE));
    };
    let found = described(project);
    let wrong = [
        ("its image", &["Environment", "Image"] as &[&str]),
        ("its machine", &["Environment", "Type"]),
        ("its size", &["Environment", "ComputeType"]),
        ("its privileged mode", &["Environment", "PrivilegedMode"]),
        ("its environment", &["Environment", "EnvironmentVariables"]),
        ("its role", &["ServiceRole"]),
        ("its buildspec", &["Source", "BuildSpec"]),
        ("its key", &["EncryptionKey"]),
        ("its time limit", &["TimeoutInMinutes"]),
    ]
    .into_iter()
    .filter_map(|(words, path)| compare::value(words, compare::at(&wanted, path), compare::at(&found, path)));
    Ok(Check::that(&what, wrong, BY_HAND))
}

/// In the words of the template.
fn described(project: &Project) -> Value {
    let environment = project.environment();
    let variables: Vec<Value> = environment
        .map(ProjectEnvironment::environment_variables)
        .unwrap_or_default()
        .iter()
        .map(|variable| {
            // What has no type is plain text.
            let kind = variable.r#type().map_or("PLAINTEXT", EnvironmentVariableType::as_str);
            json!({"Name": variable.name(), "Type": kind, "Value": variable.value()})
        })
        .collect();
    json!({
        "Environment": {
            "Image": environment.map(ProjectEnvironment::image),
            "Type": environment.map(|one| one.r#type().as_str()),
            "ComputeType": environment.map(|one| one.compute_type().as_str()),
            "PrivilegedMode": environment.and_then(ProjectEnvironment::privileged_mode),
            "EnvironmentVariables": variables,
        },
        "ServiceRole": project.service_role(),
        "Source": {"BuildSpec": project.source().and_then(|source| source.buildspec())},
        "EncryptionKey": project.encryption_key(),
        "TimeoutInMinutes": project.timeout_in_minutes(),
    })
}
