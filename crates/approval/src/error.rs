use aws_sdk_sesv2::{
    error::{ProvideErrorMetadata as _, SdkError},
    operation::send_email::SendEmailError,
};
use domain::scan::ScanId;
use lambda_runtime::Diagnostic;
use platform::{execution::ExecutionError, records::RecordError, task::TaskError};

/// Why a press had no effect, or not all of it. Amazon Q shows it in the thread; the next press goes on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A record could not be read or written.
    #[error("could not keep the records of the scan")]
    Record(#[source] RecordError),
    /// The report or the decision under the scan's id is about another scan or version.
    #[error("the records of the scan `{scan_id}` are about another scan or upload")]
    RecordForeign {
        /// Which scan.
        scan_id: ScanId,
    },
    /// Step Functions did not describe the execution, so nobody knows whether anything can follow from a decision.
    #[error("could not ask Step Functions whether the scan still waits; press the button again")]
    ExecutionUnreadable(#[source] ExecutionError),
    /// The mail was not sent.
    #[error("could not send the mail")]
    Mail(#[source] MailError),
    /// The notification could not be published.
    #[error("could not publish the notification")]
    Notification(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The waiting execution could not be told.
    #[error("could not end the wait of the state machine; press the button again")]
    Task(#[source] TaskError),
}

/// Why SES did not take a mail. Its own words are left out: they name addresses, which belong neither in a log nor in
/// the channel.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// SES said no.
    #[error("SES answered `{code}`")]
    Refused {
        /// The error's name.
        code: String,
    },
    /// SES said nothing.
    #[error("SES did not answer")]
    NoAnswer(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<SdkError<SendEmailError>> for MailError {
    fn from(error: SdkError<SendEmailError>) -> Self {
        match error.as_service_error() {
            Some(service) => Self::Refused { code: service.code().unwrap_or("an error without a name").to_owned() },
            None => Self::NoAnswer(Box::new(error)),
        }
    }
}

impl MailError {
    /// Why, and what to change, in words for the channel.
    pub(crate) fn advice(&self) -> String {
        self.hint().map_or_else(|| self.to_string(), |hint| format!("{self}: {hint}"))
    }

    /// What a person has to change before SES will send the mail; `None` if another try may help. Error names: SES API
    /// v2, `SendEmail` (facts 8).
    fn hint(&self) -> Option<&'static str> {
        let Self::Refused { code } = self else { return None };
        let hint = match code.as_str() {
            "MessageRejected" => {
                "verify the sender in SES, and the receiver too while the account is in the SES sandbox"
            }
            "MailFromDomainNotVerifiedException" => "finish the set-up of the MAIL FROM domain in SES",
            "AccountSuspendedException" => "SES has suspended the account, so ask AWS Support",
            "SendingPausedException" => "sending is paused in SES, so resume it",
            "LimitExceededException" => "a quota of SES is used up, so have it raised",
            "NotFoundException" => "the stack's SESConfigurationSet does not exist, so correct it",
            "BadRequestException" => "SES takes the stack's mail addresses for invalid, so correct them",
            "AccessDeniedException" | "AccessDenied" => {
                "the function may not send as SESEmail, so check the stack's SESIdentity"
            }
            _ => return None,
        };
        Some(hint)
    }
}

impl Error {
    /// The name that the state machine and the alarms know.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Record(_) => "RecordFailed",
            Self::RecordForeign { .. } => "RecordForeign",
            Self::ExecutionUnreadable(_) => "ExecutionUnreadable",
            Self::Mail(_) => "MailFailed",
            Self::Notification(_) => "NotificationFailed",
            Self::Task(_) => "TaskFailed",
        }
    }

    /// Logs the whole chain of causes, once, and hands the error on.
    #[must_use]
    pub fn logged(self) -> Self {
        tracing::error!(error_type = self.error_type(), error = platform::chain(&self), "the decision was not handled");
        self
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        platform::diagnostic(error.error_type(), &error)
    }
}
