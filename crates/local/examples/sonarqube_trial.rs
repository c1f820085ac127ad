#[expect(clippy::print_stdout, clippy::expect_used, reason = "trial")]
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let start = std::time::Instant::now();
    let say = |text: &str| println!("{:6.1} {text}", start.elapsed().as_secs_f32());
    let what = std::env::args().nth(1).expect("what");
    match what.as_str() {
        "start" => println!("{}", local::sonarqube::start(&say).await?.describe(jiff::Timestamp::now())),
        "status" => println!("{:?}", local::sonarqube::status().await?.map(|s| s.describe(jiff::Timestamp::now()))),
        "stop" => println!("{:?}", local::sonarqube::stop(&say).await?),
        "home" => println!("{:?}", local::sonarqube::build_home(&say).await?),
        "missing" => println!("{:?}", local::sonarqube::missing()),
        _ => {
            let server = local::sonarqube::acquire(local::sonarqube::Source::Local, &say).await?;
            say(&format!("{server:?}"));
            tokio::time::sleep(std::time::Duration::from_secs(what.parse()?)).await;
            server.release().await?;
            say("released");
        }
    }
    Ok(())
}
