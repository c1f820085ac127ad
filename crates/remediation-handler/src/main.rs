//! Wires [`RemediationHandler::serve`] to Lambda; nothing is decided here.

use lambda_runtime::{Error, run, service_fn};
use remediation_handler::{Config, RemediationHandler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    platform::init_logging();

    let config = Config::from_env(&|name| std::env::var(name).ok()).map_err(platform::start_up)?;
    let handler = &RemediationHandler::new(config, &platform::aws_config().await);

    run(service_fn(move |event| handler.serve(event))).await
}
