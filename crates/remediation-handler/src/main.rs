//! Wires [`RemediationHandler::serve`] to Lambda; nothing is decided here.

use lambda_runtime::{Error, run, service_fn};
use remediation_handler::{Config, RemediationHandler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    platform::init_logging();

    let variable = |name: &str| std::env::var(name).ok();
    let config = Config::from_env(&variable).map_err(platform::start_up)?;
    let handler = &RemediationHandler::new(config, &platform::aws_config(&variable));

    run(service_fn(move |event| handler.serve(event))).await
}
