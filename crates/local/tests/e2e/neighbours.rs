//! Several deployments in one account.

use std::collections::BTreeMap;

use anyhow::ensure;
use local::{
    deployment::{self, By, Deployment, SonarAccess},
    narrator::Narrator,
    world::World,
};

pub(crate) async fn two_deployments_live_side_by_side(world: &World, _: &Narrator) -> anyhow::Result<()> {
    let token = "0".repeat(44);
    let types = ["CredentialsAction", "CustomIdentifierAction", "FinancialAction", "MultipleAction", "PersonalAction"];
    let settings = deployment::Settings {
        name: "neighbour".to_owned(),
        sonar: SonarAccess { url: "http://127.0.0.1:9".to_owned(), token: token.clone(), reader_token: token },
        allowed: Vec::new(),
        scan_parameters: BTreeMap::new(),
        // Both hear of every finding; this one leaves them to the other.
        finding_parameters: types.map(|name| (name.to_owned(), "IGNORE".to_owned())).into(),
        by: By::Library,
    };
    let release = tokio::task::spawn_blocking(deployment::release).await??;
    let other = Deployment::create(&world.aws, &world.cloud_url, &world.slack, &release, &settings).await?;
    ensure!(other.remediation_url != world.deployment.remediation_url, "they share an API");
    for output in ["UploadBucket", "EvidenceBucket", "StateMachineArn", "QuarantineBucket", "ApprovalFunction"] {
        ensure!(other.output(output)? != world.deployment.output(output)?, "they share {output}");
    }
    Ok(())
}
