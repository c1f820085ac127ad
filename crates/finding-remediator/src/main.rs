//! Wires [`Remediator::handle`] to Lambda; nothing is decided here.

use finding_remediator::{Config, Error, Invocation, Remediator};
use lambda_runtime::{LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    platform::init_logging();

    let variable = |name: &str| std::env::var(name).ok();
    let config = Config::from_env(&variable).map_err(platform::start_up)?;
    let remediator = &Remediator::new(config, &platform::aws_config(&variable));

    run(service_fn(move |event: LambdaEvent<serde_json::Value>| async move {
        let invocation = Invocation::new(&event.context.request_id, event.context.deadline);
        let handled = remediator.handle(event.payload, &invocation).await?;
        tracing::info!(
            subject.id = handled.subject_id,
            case.id = handled.case_id,
            ended = ?handled.ended,
            "handled the request"
        );
        Ok::<(), Error>(())
    }))
    .await
}
