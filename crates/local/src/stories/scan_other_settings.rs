use anyhow::ensure;

use super::scan::{Put, Scan, verify::MAY_GO_ON};
use crate::{
    archive::{Entry, zip_entries},
    narrator::Narrator,
    samples,
    world::World,
};

const SETTINGS: &str = "sonar.sourceEncoding=UTF-8\nsonar.host.url=http://127.0.0.1:9\n";

/// One folder of a zip is scanned, with the settings file of that name; the rest of the zip has an issue. Other keys start
/// nothing.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let place = world
        .another_code_scan(
            narrator,
            "narrow",
            [
                ("SourceCodeZip", "releases/*.zip"),
                ("SonarFileDirectory", "service/api"),
                ("SonarFileName", "scan.properties"),
                ("NotifyPassed", "true"),
            ],
        )
        .await?;
    let Entry::File(_, clean) = samples::code_file("clean", samples::LEDGER)? else { unreachable!("it is a file") };
    let zip = zip_entries(&[
        Entry::File("service/api/ledger.py".to_owned(), clean),
        Entry::File("service/api/scan.properties".to_owned(), SETTINGS.into()),
        samples::code_file("vulnerable", samples::LEDGER)?,
    ])?;
    let elsewhere = Put::new(world, narrator, &place, "drafts/scan-narrow.zip", zip.clone()).await?;
    let scan = Scan::upload_to(world, narrator, &place, "releases/scan-narrow.zip", zip).await?;
    scan.notification(world, narrator, "Application has passed the code security scan").await?;
    scan.ends(world, narrator, "SUCCEEDED PASSED").await?;
    let log = scan.log(world).await?;
    let used = |line: &str| log.iter().any(|logged| logged == line);
    ensure!(used("Setting used: sonar.sourceEncoding=UTF-8"), "the settings file was not used");
    ensure!(used("Settings not used: 'sonar.host.url'"), "the host of the settings file is not reported");
    scan.verify(world, narrator, MAY_GO_ON, "PASSED").await?;
    ensure!(elsewhere.executions(world).await?.is_empty(), "{} was scanned", elsewhere.key);
    narrator.fact("only the zip in releases/ was scanned, and only its folder service/api");
    Ok(())
}
