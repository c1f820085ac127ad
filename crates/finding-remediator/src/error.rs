use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use domain::remediation::Outcome;
use lambda_runtime::Diagnostic;
use platform::records::RecordError;
use platform::secret::SecretError;
use platform::slack::SlackError;

pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

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
    #[error("there is no case `{case_id}`")]
    UnknownCase { case_id: String },
    #[error("the finding `{finding_id}` names no bucket")]
    NoBucket { finding_id: String },
    #[error("could not read the case")]
    ReadRecord(#[source] RecordError),
    #[error("could not write the case")]
    WriteRecord(#[source] RecordError),
    #[error("another run works on the case `{case_id}`")]
    UnderWay { case_id: String },
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
    #[error("could not put the object back")]
    Restore(#[source] Cause),
    #[error("could not read the restored object")]
    InspectRestored(#[source] Cause),
    #[error("the restored object differs from the original, so its copy in quarantine was kept")]
    RestoredDiffers,
    #[error("could not delete the copy in quarantine")]
    DeleteCopy(#[source] Cause),
    #[error("the copy in quarantine is still there after it was deleted")]
    CopyStillThere,
    #[error("could not list the versions of the key")]
    ListVersions(#[source] Cause),
    #[error("could not move {count} of the other versions")]
    VersionsLeft {
        count: usize,
        #[source]
        source: Box<Error>,
    },
    #[error("could not read the settings of the bucket")]
    ReadSettings(#[source] Cause),
    #[error("could not change the settings of the bucket")]
    ChangeSettings(#[source] Cause),
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
            Self::UnknownCase { .. } => "CaseUnknown",
            Self::NoBucket { .. } => "FindingWithoutBucket",
            Self::ReadRecord(_) => "RecordReadFailed",
            Self::WriteRecord(_) => "RecordWriteFailed",
            Self::UnderWay { .. } => "CaseUnderWay",
            Self::RecordChanged { .. } => "RecordChanged",
            Self::Inspect(_) => "ObjectReadFailed",
            Self::Copy(_) => "QuarantineCopyFailed",
            Self::InspectCopy(_) => "QuarantineReadFailed",
            Self::CopyDiffers => "QuarantineCopyDiffers",
            Self::Delete(_) => "OriginalDeleteFailed",
            Self::StillThere => "OriginalStillThere",
            Self::Restore(_) => "RestoreCopyFailed",
            Self::InspectRestored(_) => "RestoredReadFailed",
            Self::RestoredDiffers => "RestoredObjectDiffers",
            Self::DeleteCopy(_) => "QuarantineDeleteFailed",
            Self::CopyStillThere => "QuarantineCopyStillThere",
            Self::ListVersions(_) => "VersionsListFailed",
            Self::VersionsLeft { .. } => "VersionsNotMoved",
            Self::ReadSettings(_) => "BucketReadFailed",
            Self::ChangeSettings(_) => "BucketChangeFailed",
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

/// Why a step goes no further: the task has ended in the way `O` says, or the step failed.
#[derive(Debug)]
pub(crate) enum Stop<O = Outcome> {
    Ended(O),
    Failed(Error),
}

impl<O> From<Error> for Stop<O> {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A call of S3 that failed: what it answered, as far as that decides, and the whole cause.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The HTTP status; 0 when no answer came.
    pub(crate) status: u16,
    /// S3's name for the error; empty after `HEAD`, whose answer has no body.
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) cause: Cause,
}

impl<E> From<SdkError<E, HttpResponse>> for Refusal
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        Self {
            status: error.raw_response().map_or(0, |response| response.status().as_u16()),
            code: error.code().unwrap_or_default().to_owned(),
            message: error.message().unwrap_or_default().to_owned(),
            cause: error.into(),
        }
    }
}

impl Refusal {
    /// A failure that is not S3's.
    pub(crate) fn other(cause: impl Into<Cause>) -> Self {
        Self { status: 0, code: String::new(), message: String::new(), cause: cause.into() }
    }

    /// The message as far as S3 itself says something: behind it, it may name the resource, and so a key of anybody's
    /// choice.
    fn what(&self) -> &str {
        self.message.split(" on resource").next().unwrap_or_default()
    }

    /// The object's key is disabled, gone, or not ours to use. S3 says so in the text of an `AccessDenied`, in KMS's own
    /// names, or, for a key that only the owner of the object has (SSE-C), in an `InvalidRequest`.
    pub(crate) fn is_about_the_key(&self) -> bool {
        self.code.starts_with("KMS.")
            || (self.code == "AccessDenied" && self.what().contains("kms:"))
            || (self.code == "InvalidRequest" && self.message.contains("Server Side Encryption"))
    }

    /// Object Lock or a legal hold is what refuses a deletion.
    pub(crate) fn is_about_a_lock(&self) -> bool {
        let message = self.what().to_ascii_lowercase();
        self.status == 403
            && ["object lock", "retention", "legal hold", "worm"].iter().any(|word| message.contains(word))
    }
}
