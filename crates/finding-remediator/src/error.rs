use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use domain::remediation::Outcome;
use lambda_runtime::Diagnostic;
use platform::records::RecordError;
use platform::secret::SecretError;
use platform::slack::SlackError;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a request failed in a way that may heal: Lambda tries again, then hands it to the on-failure destination.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the request cannot be read")]
    Request(#[source] serde_path_to_error::Error<serde_json::Error>),
    #[error("the finding `{finding_id}` cannot be acted on")]
    Unplannable {
        finding_id: String,
        #[source]
        source: domain::quarantine::Unplannable,
    },
    #[error("the task about `{subject_id}` is not one that this release can do")]
    NotSupported { subject_id: String },
    #[error("could not read the case")]
    ReadRecord(#[source] RecordError),
    #[error("could not write the case")]
    WriteRecord(#[source] RecordError),
    #[error("another run changed the record `{key}`")]
    RecordChanged { key: String },
    #[error("could not look at the object")]
    Inspect(#[source] Cause),
    #[error("could not copy the object")]
    Copy(#[source] Cause),
    #[error("could not read the copy")]
    InspectCopy(#[source] Cause),
    #[error("the copy differs from the original, which was kept")]
    CopyDiffers,
    #[error("could not delete the original")]
    Delete(#[source] Cause),
    #[error("the original is still there after it was deleted")]
    StillThere,
    #[error("could not read the address of the Slack webhook")]
    WebhookSecret(#[source] SecretError),
    #[error("could not read the key that signs buttons")]
    ButtonKey(#[source] SecretError),
    #[error("could not tell Slack")]
    Tell(#[source] SlackError),
}

impl Error {
    /// The name that alarms and the channel's message use.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Request(_) => "RemediationRequestUnreadable",
            Self::Unplannable { .. } => "RemediationRequestUnusable",
            Self::NotSupported { .. } => "TaskNotSupported",
            Self::ReadRecord(_) => "RecordReadFailed",
            Self::WriteRecord(_) => "RecordWriteFailed",
            Self::RecordChanged { .. } => "RecordChanged",
            Self::Inspect(_) => "ObjectReadFailed",
            Self::Copy(_) => "QuarantineCopyFailed",
            Self::InspectCopy(_) => "QuarantineReadFailed",
            Self::CopyDiffers => "QuarantineCopyDiffers",
            Self::Delete(_) => "OriginalDeleteFailed",
            Self::StillThere => "OriginalStillThere",
            Self::WebhookSecret(_) => "WebhookSecretUnusable",
            Self::ButtonKey(_) => "ButtonKeyUnusable",
            Self::Tell(_) => "SlackNotTold",
        }
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        platform::diagnostic(error.error_type(), &error)
    }
}

/// Why a step goes no further: the case has ended, or the step failed.
#[derive(Debug)]
pub(crate) enum Stop {
    Ended(Outcome),
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What S3 answered, as far as it decides.
pub(crate) struct Refusal<'a> {
    /// The HTTP status; 0 when no answer came.
    pub(crate) status: u16,
    /// S3's name for the error; empty after `HEAD`, whose answer has no body.
    pub(crate) code: &'a str,
    pub(crate) message: &'a str,
}

impl<'a> Refusal<'a> {
    pub(crate) fn of<E: ProvideErrorMetadata>(error: &'a SdkError<E, HttpResponse>) -> Self {
        Self {
            status: error.raw_response().map_or(0, |response| response.status().as_u16()),
            code: error.code().unwrap_or_default(),
            message: error.message().unwrap_or_default(),
        }
    }

    /// The object's key is disabled, gone, or not ours to use. S3 says so in the text of an `AccessDenied`, in KMS's own
    /// names, or, for a key that only the owner of the object has (SSE-C), in an `InvalidRequest`.
    pub(crate) fn is_about_the_key(&self) -> bool {
        self.code.starts_with("KMS.")
            || (self.code == "AccessDenied" && self.message.contains("kms:"))
            || (self.code == "InvalidRequest" && self.message.contains("Server Side Encryption"))
    }
}
