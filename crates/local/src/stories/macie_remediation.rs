use super::{
    finding::{Upload, discover},
    finding_remediated_after_review::quarantined_after_a_click,
    finding_remediated_automatically::quarantined_at_once,
};
use crate::{narrator::Narrator, samples, world::World};

/// Two data files and one discovery job: one file goes at once, one after a click.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<()> {
    let files = [
        ("customer-payments.txt", samples::data("customer-payments.txt")?),
        ("employee-records.txt", samples::data("employee-records.txt")?),
    ];
    let [financial, personal] = Upload::to_new_bucket(world, narrator, "macie-remediation", files).await?;
    discover(world, narrator, &financial.bucket).await?;
    quarantined_at_once(world, narrator, &financial).await?;
    quarantined_after_a_click(world, narrator, &personal).await
}
