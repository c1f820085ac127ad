use std::error::Error;

use lambda_runtime::Diagnostic;

/// The error and its causes in one line: `could not read the report: service error: access denied`.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some SDK errors repeat their cause in their own text.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// What Lambda reports for a failed invocation: a stable `error_type`, which the state machine and the alarms know by
/// name, and the whole chain of causes.
#[must_use]
pub fn diagnostic(error_type: &str, error: &(dyn Error + 'static)) -> Diagnostic {
    Diagnostic { error_type: error_type.to_owned(), error_message: chain(error) }
}

/// Logs why a function could not start and hands the error on: what `main` returns is printed in a form for
/// programmers only.
pub fn start_up<E: Error + Send + Sync + 'static>(error: E) -> lambda_runtime::Error {
    tracing::error!(error = chain(&error), "the function could not start");
    Box::new(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("could not read the report")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn a_diagnostic_has_the_given_name_and_every_cause() {
        let cause = "x".parse::<u8>().unwrap_err();
        let diagnostic = diagnostic("ReportUnreadable", &Outer(cause));
        assert_eq!(diagnostic.error_type, "ReportUnreadable");
        assert_eq!(diagnostic.error_message, "could not read the report: invalid digit found in string");
    }
}
