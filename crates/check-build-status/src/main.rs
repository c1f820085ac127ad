//! Wires [`check_build_status::CheckBuildStatus`] to Lambda; nothing is decided here.

use check_build_status::{CheckBuildStatus, Config, Error};
use lambda_runtime::{LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    platform::init_logging();
    let variable = |name: &str| std::env::var(name).ok();
    let config = Config::from_env(&variable).map_err(platform::start_up)?;
    let aws = platform::aws_config(&variable);
    let function = &CheckBuildStatus::new(config, &aws);

    run(service_fn(move |event: LambdaEvent<Value>| async move {
        function.handle(&event.payload, jiff::Timestamp::now()).await.map_err(Error::logged)
    }))
    .await
}
