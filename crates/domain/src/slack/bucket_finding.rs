use super::blocks::{Button, Confirm, Element, Message, actions, context, fields, header, section};
use super::button::Signer;
use super::facts;
use super::review_request::Approvals;
use super::tags::tags;
use crate::bucket::BucketAct;
use crate::finding::{Finding, FindingType};
use crate::policy::BucketReach;
use crate::text::plain;

const QUARANTINE: &str = "*This is the quarantine bucket of this deployment:* everything in it was put there because it is \
     sensitive. No button changes it.\n*Next:* run `scripts/doctor`, which says what differs from the template. Have whoever \
     changed it set it right, then look into its access log for who has read what meanwhile.";

/// Shows a finding about the settings of a bucket: what it means, who changed what, and what can be done. Where the bucket
/// may be changed, what can be turned on without harm has a button, which so many people have to press. About the
/// quarantine bucket nothing can be decided here, nor dismissed.
#[must_use]
pub fn bucket_finding(finding: &Finding, reach: BucketReach, approvals: Approvals<'_>, signer: &Signer<'_>) -> Message {
    let title = format!("Bucket at risk: {}", finding.kind.subject());
    let bucket = facts::object(finding);
    let (means, next) = explain(&finding.kind);
    let act = act(finding, signer).filter(|_| reach == BucketReach::Changeable);
    let next = match (&act, BucketAct::of(&finding.kind)) {
        _ if reach == BucketReach::Quarantine => QUARANTINE.to_owned(),
        (Some((_, effect)), _) => effect.clone(),
        (None, Some(_)) => {
            "*Next:* this deployment may not change the bucket. Set it right in the S3 console.".to_owned()
        }
        (None, None) => format!("*Next:* {next}"),
    };
    let mut blocks =
        vec![header(&title), section(&format!("*Bucket*\n{bucket}")), section(&means), fields(details(finding))];
    blocks.extend(tags(finding));
    blocks.extend(changed_by(finding).map(|text| section(&text)));
    blocks.push(section(&next));
    let needs_two = approvals != Approvals::One && act.is_some();
    blocks.extend(
        needs_two
            .then(|| section("*Two people* have to press the button, because the severity is High. One can dismiss.")),
    );
    let elements = [
        act.map(|(button, _)| Element::from(button)),
        facts::dismiss_menu(finding, signer).filter(|_| reach != BucketReach::Quarantine).map(Element::from),
        facts::open_button(finding).map(Element::from),
    ];
    blocks.extend(actions(elements.into_iter().flatten()));
    let mut small_print = vec![format!("Finding {}", facts::name(&finding.id))];
    small_print.extend(finding.description.as_deref().map(|text| plain(text, 300)));
    blocks.push(context(small_print));
    Message::new(&format!("{} severity: {title}: {bucket}", facts::severity(finding)), blocks)
}

/// What it means, and what to look at where there is no button.
fn explain(kind: &FindingType) -> (String, &'static str) {
    let (means, next) = match kind {
        FindingType::BucketPublic => (
            "Anybody on the internet can read the bucket, or write to it: an ACL or the bucket's policy says so.",
            "look at the bucket's policy and ACL.",
        ),
        FindingType::BlockPublicAccessDisabled => (
            "Nothing stops the next ACL or policy from making the bucket public: its Block Public Access is turned off.",
            "turn Block Public Access on.",
        ),
        FindingType::BucketEncryptionDisabled => (
            "The bucket has no default encryption any more: new objects are encrypted only as S3 does by itself.",
            "turn default encryption on.",
        ),
        FindingType::BucketSharedExternally => (
            "An account outside of your organization may use the bucket: its ACL or policy says so.",
            "look for the account in the bucket's policy (Principal) and ACL. Ask the owner whether it is a partner; if \
             not, remove it there.",
        ),
        FindingType::BucketReplicatedExternally => (
            "The bucket's objects are copied to a bucket of an account outside of your organization.",
            "look at the bucket's replication rules (Management), and at who set them up. Copies that were made stay \
             there: ask for their deletion.",
        ),
        FindingType::BucketSharedWithCloudFront => (
            "A CloudFront distribution may read the bucket, and shows it to whoever may use the distribution.",
            "look at the distribution in the bucket's policy, and at what it serves to whom.",
        ),
        _ => ("The bucket's settings changed in a way that Macie reports.", "open the finding in Macie."),
    };
    (means.to_owned(), next)
}

/// The red button that turns something on without harm, and what it does.
pub(super) fn act(finding: &Finding, signer: &Signer<'_>) -> Option<(Button, String)> {
    let act = BucketAct::of(&finding.kind)?;
    let bucket = finding.bucket()?;
    let value = signer.value(act.action(), &finding.id)?;
    let (label, question, effect) = match act {
        BucketAct::BlockPublicAccess => (
            "Block public access",
            format!(
                "Turn on all four settings of Block Public Access for {bucket}? Public links to it, such as a website, \
                 stop working at once."
            ),
            "*Block public access* turns on all four settings of Block Public Access for this bucket: whatever ACLs and \
             policies say, it is not public any more. A website that is served from it stops working. Policies and ACLs \
             themselves stay. It can be undone: the message afterwards has the command.",
        ),
        BucketAct::EncryptByDefault => (
            "Encrypt by default",
            format!("Turn on default encryption with keys that S3 manages (SSE-S3) for {bucket}?"),
            "*Encrypt by default* turns on default encryption with keys that S3 manages (SSE-S3). It costs nothing and \
             changes nothing for readers. Objects that are there stay as they are. It can be undone: the message \
             afterwards has the command.",
        ),
    };
    let confirm = Confirm::new("Change this bucket?", &question, "Change it", "Cancel");
    let effect = format!("{effect}\n*Dismiss* changes nothing, and records why.");
    Some((Button::danger(label, act.action().action_id(), value, confirm), effect))
}

fn details(finding: &Finding) -> Vec<(&'static str, String)> {
    let bucket = finding.resources_affected.as_ref().and_then(|resources| resources.s3_bucket.as_ref());
    let access = bucket.and_then(|bucket| bucket.public_access.as_ref());
    let public = match access.and_then(|access| access.effective_permission.as_deref()) {
        Some("PUBLIC") => "*Yes*",
        Some("NOT_PUBLIC") => "No",
        _ => "Unknown",
    };
    let encryption = bucket.and_then(|bucket| bucket.default_server_side_encryption.as_ref());
    [
        ("Severity", Some(facts::severity(finding))),
        ("Seen", finding.changed_at().map(facts::time)),
        ("Times", finding.count.map(|count| count.to_string())),
        ("Public", Some(public.to_owned())),
        ("Default encryption", encryption.and_then(facts::encryption)),
        ("Account", finding.account_id.as_deref().map(facts::name)),
        ("Region", finding.region.as_deref().map(facts::name)),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| (name, value)))
    .collect()
}

fn changed_by(finding: &Finding) -> Option<String> {
    let details = finding.policy_details.as_ref()?;
    let caller = details.caller().map(|arn| format!("by {}", facts::name(arn)));
    let call = details.call();
    let api = call.and_then(|call| call.api.as_deref()).map(facts::name);
    let at = call.and_then(|call| call.last_seen).map(facts::time);
    let parts: Vec<String> = [api, caller, at].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("*Changed*\n{}", parts.join(", ")))
}
