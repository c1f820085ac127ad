use domain::scan::ScanId;
use lambda_runtime::Diagnostic;
use platform::{execution::ExecutionError, records::RecordError, secret::SecretError, task::TaskError};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a try failed. The state machine tries again, and reports the failure itself if that does not help.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is not one of our state machine's.
    #[error("the request of the state machine is unusable")]
    RequestUnusable(#[source] serde_json::Error),
    /// A record could not be read or written.
    #[error("could not keep the records of the scan")]
    Record(#[source] RecordError),
    /// The report or the decision under the scan's id is about another scan or version.
    #[error("the records of the scan `{scan_id}` are about another scan or upload")]
    RecordForeign {
        /// Which scan.
        scan_id: ScanId,
    },
    /// The request is about another version than its execution, or about an execution that does not run.
    #[error("no execution that scans this version runs as the scan `{scan_id}`")]
    RequestForeign {
        /// Which scan.
        scan_id: ScanId,
    },
    /// Step Functions did not describe an execution.
    #[error("could not ask Step Functions about the execution")]
    ExecutionUnreadable(#[source] ExecutionError),
    /// EventBridge says that an execution has ended, and Step Functions does not yet.
    #[error("Step Functions does not show an end of the execution `{execution_arn}`")]
    ExecutionNotEnded {
        /// Which execution.
        execution_arn: String,
    },
    /// CodeBuild did not describe the build.
    #[error("could not ask CodeBuild about the build `{build_arn}`")]
    BuildUnreadable {
        /// Which build.
        build_arn: String,
        /// What CodeBuild said.
        #[source]
        source: Source,
    },
    /// The log of the build could not be read.
    #[error("could not read the log of the build")]
    LogUnreadable(#[source] Source),
    /// The reader's token is not usable.
    #[error("could not get the token for the SonarQube server")]
    Token(#[source] SecretError),
    /// The notification could not be published.
    #[error("could not publish the notification")]
    Notification(#[source] Source),
    /// The waiting execution could not be told.
    #[error("could not complete the task of the state machine")]
    Task(#[source] TaskError),
}

impl Error {
    /// The name that the state machine and the alarms know.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::RequestUnusable(_) => "RequestUnusable",
            Self::Record(_) => "RecordFailed",
            Self::RecordForeign { .. } => "RecordForeign",
            Self::RequestForeign { .. } => "RequestForeign",
            Self::ExecutionUnreadable(_) => "ExecutionUnreadable",
            Self::ExecutionNotEnded { .. } => "ExecutionNotEnded",
            Self::BuildUnreadable { .. } => "BuildUnreadable",
            Self::LogUnreadable(_) => "LogUnreadable",
            Self::Token(_) => "TokenUnusable",
            Self::Notification(_) => "NotificationFailed",
            Self::Task(_) => "TaskFailed",
        }
    }

    /// Logs the whole chain of causes, once, and hands the error on.
    #[must_use]
    pub fn logged(self) -> Self {
        tracing::error!(error_type = self.error_type(), error = platform::chain(&self), "the scan was not handled");
        self
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        platform::diagnostic(error.error_type(), &error)
    }
}
