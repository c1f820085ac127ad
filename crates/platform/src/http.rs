//! The HTTP client for everything that is not AWS: Slack and SonarQube.

use std::{sync::OnceLock, time::Duration};

/// An HTTP client that is built at its first use, because reading the trusted certificates takes milliseconds that a
/// start must not pay.
#[derive(Debug, Default)]
pub struct LazyClient(OnceLock<reqwest::Client>);

impl LazyClient {
    /// The client: 10 s for a whole request, 2 s to connect, no redirects (a token must not follow one), no idle
    /// connections (they are dead after the sandbox was frozen).
    ///
    /// # Errors
    /// The TLS set-up failed, as it does where no trusted certificate can be read.
    pub fn get(&self) -> Result<&reqwest::Client, reqwest::Error> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .connect_timeout(Duration::from_secs(2))
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .user_agent(concat!("security-chatops/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(self.0.get_or_init(|| client))
    }
}
