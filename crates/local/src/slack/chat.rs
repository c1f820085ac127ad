//! Amazon Q at work: what SNS delivers becomes messages, what is pressed becomes a command.

use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_lambda::{
    config::{Builder, Credentials, Region},
    primitives::Blob,
    types::InvocationType,
};
use jiff::Timestamp;

use super::{
    Person, Slack, TEAM,
    amazon_q::{self, Deployed, Envelope, command, notification},
    message::{Author, Message, Offer},
};

/// A command from the chat must be over by then.
const COMMAND: Duration = Duration::from_secs(15);

/// Characters of a dropped notification that its report shows.
const SHOWN: usize = 100;

impl Slack {
    /// Presses a custom action's button and waits for what Amazon Q replies in the thread.
    pub async fn run(&self, message: &Message, offer: &Offer, person: &Person) -> anyhow::Result<Message> {
        let (command, result) = match &offer.command {
            Ok(command) => {
                let result = match self.session(message, offer, person).await {
                    Ok(session) => self.execute(command, session).await,
                    Err(error) => Err(format!("{error:#}")),
                };
                (command.clone(), result)
            }
            Err(problem) => (offer.label.clone(), Err(problem.clone())),
        };
        let reply = amazon_q::reply(&person.id, &command, &result);
        let mut workspace = self.workspace();
        let thread = message.thread.clone().unwrap_or_else(|| message.ts.clone());
        let ts = workspace.post(&message.channel, Some(thread), Author::AmazonQ, None, &reply, Timestamp::now());
        workspace.message(&ts).cloned().context("the reply is gone")
    }

    /// The channel's role, which Amazon Q takes on for whoever pressed the button.
    async fn session(&self, message: &Message, offer: &Offer, person: &Person) -> anyhow::Result<Credentials> {
        #[derive(serde::Deserialize)]
        struct Session {
            #[serde(rename = "AWS_ACCESS_KEY_ID")]
            access_key: String,
            #[serde(rename = "AWS_SECRET_ACCESS_KEY")]
            secret: String,
            #[serde(rename = "AWS_SESSION_TOKEN")]
            token: String,
        }
        let cloud = self.0.cloud.get().context("Amazon Q has no account yet")?;
        let channels = self.deployed().await?.channels.into_iter().map(|channel| channel.properties);
        let mut of_message = channels.filter(|channel| channel.slack_channel_id == message.channel);
        let channel = of_message.find(|channel| channel.customization_resource_arns.contains(&offer.action));
        let role = channel.context("the button is of no channel here")?.iam_role_arn;
        let name = format!("chatbot-session-slack-{}", person.id);
        let wanted = serde_json::json!({"role": role, "session": name});
        let answer = self.0.http.post(format!("{}/_local/sessions", cloud.url)).json(&wanted).send().await;
        let answer = answer.context("ask for the channel's role")?.error_for_status().context("take on the role")?;
        let session: Session = answer.json().await.context("read the session")?;
        Ok(Credentials::new(session.access_key, session.secret, Some(session.token), None, "Amazon Q"))
    }

    /// Runs a command text and returns what the chat would show: the function's answer or its error.
    async fn execute(&self, text: &str, session: Credentials) -> Result<String, String> {
        let command = command::parse(text)?;
        let cloud = self.0.cloud.get().ok_or("Amazon Q has no account yet")?;
        let mut request = cloud.lambda.invoke().function_name(&command.function);
        if let Some(payload) = command.payload {
            request = request.payload(Blob::new(payload));
        }
        if command.asynchronous {
            request = request.invocation_type(InvocationType::Event);
        }
        let region = command.region.ok_or("the command names no Region, the chat would ask for it")?;
        let as_the_channel = Builder::new().region(Region::new(region)).credentials_provider(session);
        let request = request.customize().config_override(as_the_channel);
        let answer = tokio::time::timeout(COMMAND, request.send())
            .await
            .map_err(|_| format!("the command took longer than {} s", COMMAND.as_secs()))?
            .map_err(|error| error.into_service_error().to_string())?;
        let words = answer.payload.map(|payload| String::from_utf8_lossy(payload.as_ref()).into_owned());
        let words = words.unwrap_or_default();
        if answer.function_error.is_some() { Err(words) } else { Ok(words) }
    }

    /// What SNS delivers for Amazon Q: one notification for every channel that listens to the topic.
    pub(super) async fn receive(&self, body: &[u8]) {
        let result = match serde_json::from_slice::<Envelope>(body) {
            // The real one confirms its own subscriptions.
            Ok(envelope) if envelope.kind != "Notification" => Ok(()),
            Ok(envelope) => self.notify(&envelope).await,
            Err(error) => Err(format!("Event received is not supported: no SNS envelope: {error}")),
        };
        if let Err(problem) = result {
            self.workspace().problems.push(problem);
        }
    }

    async fn notify(&self, envelope: &Envelope) -> Result<(), String> {
        let begin = || envelope.message.chars().take(SHOWN).collect::<String>();
        let notification =
            notification::parse(&envelope.message).map_err(|dropped| format!("{dropped}\nIt begins: {}", begin()))?;
        let deployed = self.deployed().await.map_err(|error| format!("{error:#}"))?;
        let listening = deployed
            .channels
            .iter()
            .map(|channel| &channel.properties)
            .filter(|channel| channel.sns_topic_arns.contains(&envelope.topic_arn));
        let mut heard = false;
        for configuration in listening {
            let (offers, problems) = amazon_q::offers(&notification, configuration, &deployed.actions);
            let mut workspace = self.workspace();
            workspace.problems.extend(problems);
            if configuration.guardrail_policies.is_empty() {
                let name = &configuration.configuration_name;
                workspace.problems.push(format!("{name}: without guardrail policies everything is allowed"));
            }
            let channel = workspace.channels.iter().find(|channel| channel.id == configuration.slack_channel_id);
            let Some(channel) = channel.filter(|_| configuration.slack_workspace_id == TEAM).cloned() else {
                workspace.problems.push(format!("no channel {} in this workspace", configuration.slack_channel_id));
                continue;
            };
            let body = amazon_q::message(&notification);
            let ts = workspace.post(&channel.id, None, Author::AmazonQ, None, &body, Timestamp::now());
            if let Some(message) = workspace.messages.iter_mut().find(|message| message.ts == ts) {
                message.offers = offers;
            }
            heard = true;
        }
        if heard { Ok(()) } else { Err(format!("no channel listens to {}", envelope.topic_arn)) }
    }

    async fn deployed(&self) -> anyhow::Result<Deployed> {
        let cloud = self.0.cloud.get().context("Amazon Q has no account yet")?;
        let response = self.0.http.get(&cloud.chatbot_url).send().await.context("list the Chatbot resources")?;
        response.json().await.context("read the Chatbot resources")
    }
}
