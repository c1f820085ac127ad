//! The topics: who listens, and who may publish.

use aws_sdk_sns::{Client, types::Subscription};
use serde_json::Value;

use super::{BY_HAND, GONE, Patient, compare};
use crate::check::{Check, chain};

/// The host that Amazon Q takes notifications at.
const AMAZON_Q: &str = "sns-api.chatbot.amazonaws.com";

/// Looks at a topic of the stack.
pub(super) async fn check(patient: &Patient<'_>, name: &str, arn: &str) -> anyhow::Result<Check> {
    let what = format!("topic {name}");
    let client = Client::new(&patient.account.aws);
    let subscriptions = client.list_subscriptions_by_topic().topic_arn(arn).into_paginator().items().send();
    let subscriptions: Vec<_> = match subscriptions.collect::<Result<_, _>>().await {
        Ok(subscriptions) => subscriptions,
        Err(error) => return Ok(Check::fails(what, chain(&error), GONE)),
    };
    let wanted = patient.template.properties(name)?;
    if let Some((why, remedy)) = unheard(name, &wanted, &subscriptions) {
        return Ok(Check::fails(what, why, remedy));
    }
    let policy = patient.policy_of("AWS::SNS::TopicPolicy", "Topics", arn)?;
    let wrong = match client.get_topic_attributes().topic_arn(arn).send().await {
        Ok(answer) => {
            let found = answer.attributes.unwrap_or_default().remove("Policy").unwrap_or_default();
            compare::policy(&policy, &found)
        }
        Err(error) => vec![chain(&error)],
    };
    Ok(Check::that(&what, wrong, BY_HAND))
}

/// Why nobody hears what is published, and what to do.
fn unheard(name: &str, wanted: &Value, subscriptions: &[Subscription]) -> Option<(&'static str, &'static str)> {
    if name == "NotificationTopic" {
        let of_amazon_q = |one: &Subscription| one.endpoint().is_some_and(|endpoint| endpoint.contains(AMAZON_Q));
        return (!subscriptions.iter().any(of_amazon_q)).then_some((
            "Amazon Q does not listen to it, so the channel hears nothing",
            "open the channel's configuration in the console of Amazon Q Developer in chat applications and save it with \
             this topic; check that the workspace is authorised",
        ));
    }
    // What nobody has confirmed has this word for an ARN.
    let pending = subscriptions.iter().any(|one| one.subscription_arn() == Some("PendingConfirmation"));
    if pending {
        return Some((
            "nobody has confirmed its subscription",
            "open the mail from AWS Notifications at the address AlarmEmail, and follow its link",
        ));
    }
    let mut endpoints = wanted["Subscription"].as_array().into_iter().flatten().map(|one| one["Endpoint"].as_str());
    let is_heard = endpoints.all(|wanted| subscriptions.iter().any(|one| one.endpoint() == wanted));
    (!is_heard).then_some((
        "the address AlarmEmail is not subscribed to it any more, so nobody is mailed when an alarm rings",
        "subscribe it again (`aws sns subscribe --protocol email --topic-arn … --notification-endpoint …`) and follow the \
         link that AWS mails to it; every alarm mail has a link at its foot that ends the subscription",
    ))
}
