//! Wires [`FindingHandler::handle`] to Lambda; nothing is decided here.

use finding_handler::{Batch, Config, Error, FindingHandler};
use lambda_runtime::{LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    platform::init_logging();

    let variable = |name: &str| std::env::var(name).ok();
    let config = Config::from_env(&variable).map_err(platform::start_up)?;
    let handler = &FindingHandler::new(config, &platform::aws_config(&variable));

    run(service_fn(move |event: LambdaEvent<Batch>| async move {
        Ok::<_, Error>(handler.handle(event.payload, event.context.deadline()).await)
    }))
    .await
}
