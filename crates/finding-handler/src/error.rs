use platform::invoke::InvokeError;
use platform::records::RecordError;
use platform::secret::SecretError;
use platform::slack::SlackError;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a record goes back to the queue.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("could not read the case")]
    ReadCase(#[source] RecordError),
    #[error("could not write the case")]
    WriteCase(#[source] RecordError),
    #[error("could not start the remediator")]
    Invoke(#[source] InvokeError),
    #[error("could not read the address of the Slack webhook")]
    WebhookSecret(#[source] SecretError),
    #[error("could not read the key that signs buttons")]
    ButtonKey(#[source] SecretError),
    #[error("could not tell Slack")]
    Tell(#[source] SlackError),
    #[error("could not send a message to the queue")]
    Queue(#[source] Cause),
    #[error("the channel was told as much as it can read for now")]
    NoMessageLeft,
    #[error("another run of the remediator works on the object")]
    UnderWay,
    #[error("no time is left for this record")]
    NoTimeLeft,
}

impl Error {
    /// The name under which alarms know it.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::ReadCase(_) => "CaseReadFailed",
            Self::WriteCase(_) => "CaseWriteFailed",
            Self::Invoke(_) => "RemediatorInvokeFailed",
            Self::WebhookSecret(_) => "WebhookSecretUnusable",
            Self::ButtonKey(_) => "ButtonKeyUnusable",
            Self::Tell(_) => "SlackNotTold",
            Self::Queue(_) => "QueueSendFailed",
            Self::NoMessageLeft => "NoMessageLeft",
            Self::UnderWay => "CaseUnderWay",
            Self::NoTimeLeft => "NoTimeLeft",
        }
    }
}

impl From<Error> for lambda_runtime::Diagnostic {
    fn from(error: Error) -> Self {
        platform::diagnostic(error.error_type(), &error)
    }
}
