use tracing_subscriber::filter::LevelFilter;

/// Writes log lines as JSON to the standard output, from the level that the template's `LoggingConfig` sets.
///
/// Lambda filters lines by `level` and `timestamp` only if they are JSON with both (Lambda documentation, "Advanced
/// logging controls"). The runtime opens a span with the request id around each invocation, so each line carries it.
pub fn init_logging() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .json()
        .with_target(false)
        .with_current_span(false)
        .with_max_level(level.unwrap_or(LevelFilter::INFO))
        .init();
}
