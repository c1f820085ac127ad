//! Wires [`approval::Approval`] to Lambda; nothing is decided here.

use approval::{Approval, Config, Error};
use lambda_runtime::{LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    platform::init_logging();
    let variable = |name: &str| std::env::var(name).ok();
    let config = Config::from_env(&variable).map_err(platform::start_up)?;
    let aws = platform::aws_config(&variable);
    let function = &Approval::new(config, &aws);

    run(service_fn(move |event: LambdaEvent<Value>| async move {
        let request_id = event.context.request_id;
        function.handle(&event.payload, &request_id, jiff::Timestamp::now()).await.map_err(Error::logged)
    }))
    .await
}
