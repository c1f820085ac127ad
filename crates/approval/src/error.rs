use lambda_runtime::Diagnostic;
use platform::{records::RecordError, task::TaskError};

/// Why a press had no effect, or not all of it. Amazon Q shows it in the thread; the next press goes on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A record could not be read or written.
    #[error("could not keep the records of the scan")]
    Record(#[source] RecordError),
    /// The mail was not sent, for a reason that may pass.
    #[error("could not send the mail; press the button again")]
    Mail(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The notification could not be published.
    #[error("could not publish the notification")]
    Notification(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The waiting execution could not be told.
    #[error("could not end the wait of the state machine; press the button again")]
    Task(#[source] TaskError),
}

impl Error {
    /// The name that the state machine and the alarms know.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Record(_) => "RecordFailed",
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
