use aws_sdk_macie2::error::SdkError;
use aws_sdk_macie2::operation::get_findings::GetFindingsError;
use lambda_runtime::Diagnostic;
use platform::invoke::InvokeError;
use platform::records::RecordError;
use platform::secret::SecretError;
use platform::slack::SlackError;

/// Why a genuine click could not be acted on. The gateway answers 500 without any of this text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("could not read Slack's signing secret")]
    SigningSecret(#[source] SecretError),
    #[error("could not read the key that signs buttons")]
    ButtonKey(#[source] SecretError),
    #[error("could not get the finding `{finding_id}` from Macie")]
    GetFinding {
        finding_id: String,
        #[source]
        source: Box<SdkError<GetFindingsError>>,
    },
    #[error("could not record that the request came")]
    Press(#[source] RecordError),
    #[error("could not claim the case `{case_id}`")]
    Claim {
        case_id: String,
        #[source]
        source: RecordError,
    },
    #[error("could not read or write the digest")]
    Digest(#[source] RecordError),
    #[error("could not list the findings in Slack")]
    Tell(#[source] SlackError),
    #[error("acting on a click took longer than Slack waits")]
    TooSlow,
    #[error("could not start the remediator")]
    Invoke(#[source] InvokeError),
}

impl Error {
    /// The name under which alarms know it.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::SigningSecret(_) => "SigningSecretUnusable",
            Self::ButtonKey(_) => "ButtonKeyUnusable",
            Self::GetFinding { .. } => "GetFindingFailed",
            Self::Press(_) => "PressRecordFailed",
            Self::Claim { .. } => "ClaimFailed",
            Self::Digest(_) => "DigestFailed",
            Self::Tell(_) => "SlackNotTold",
            Self::TooSlow => "ClickTooSlow",
            Self::Invoke(_) => "RemediatorInvokeFailed",
        }
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        platform::diagnostic(error.error_type(), &error)
    }
}
