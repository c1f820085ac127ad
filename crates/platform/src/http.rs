//! The HTTP client for everything that is not AWS: Slack and SonarQube.
//!
//! Made of the parts that the AWS SDK is made of (hyper, rustls, the machine's trusted certificates), so that a function
//! carries one HTTP and one TLS implementation.

use std::sync::OnceLock;
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

pub use bytes::Bytes;
pub use http::{Error as InvalidRequest, Request, StatusCode, header};

const CONNECT_TIME: Duration = Duration::from_secs(2);

/// An HTTP client that is built at its first use, because reading the trusted certificates takes milliseconds that a
/// start must not pay.
///
/// It follows no redirect, since a token must not follow one, and keeps no idle connection, since that is dead after
/// the sandbox was frozen.
#[derive(Debug, Default)]
pub struct LazyClient(OnceLock<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>);

/// What one exchange may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the first packet to the last byte of the answer.
    pub time: Duration,
    /// Of the answer's body, in bytes.
    pub size: usize,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why there is no answer. None of them shows the address, which may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("no trusted certificate could be read")]
    Certificates(#[source] std::io::Error),
    #[error("the connection failed")]
    Connection(#[source] hyper_util::client::legacy::Error),
    #[error("the answer broke off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no whole answer came within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

impl HttpError {
    /// Whether the same request may be answered later.
    #[must_use]
    pub fn may_heal(&self) -> bool {
        match self {
            Self::Connection(_) | Self::Body(_) | Self::TimedOut(_) => true,
            Self::Certificates(_) | Self::TooLarge(_) => false,
        }
    }
}

impl LazyClient {
    /// Sends one request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// [`HttpError`]
    pub async fn send(&self, request: Request<Bytes>, limits: Limits) -> Result<Answer, HttpError> {
        let mut request = request.map(Full::new);
        let agent = HeaderValue::from_static(concat!("security-chatops/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        let client = self.client()?;
        let exchange = async {
            let answer = client.request(request).await.map_err(HttpError::Connection)?;
            let (parts, body) = Response::into_parts(answer);
            let body = Limited::new(body, limits.size).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() { HttpError::TooLarge(limits.size) } else { HttpError::Body(error) }
            })?;
            Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes() })
        };
        // Boxed: a TLS handshake's state is large, and so is that of the callers.
        tokio::time::timeout(limits.time, Box::pin(exchange)).await.unwrap_or(Err(HttpError::TimedOut(limits.time)))
    }

    fn client(&self) -> Result<&Client<HttpsConnector<HttpConnector>, Full<Bytes>>, HttpError> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIME));
        connector.enforce_http(false); // the addresses may be https
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(HttpError::Certificates)?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(self.0.get_or_init(|| client))
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;

    use super::*;

    async fn serving(body: &'static str) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/agent", get(|headers: HeaderMap| async move { headers[USER_AGENT].to_str().unwrap().to_owned() }))
            .route("/never", get(std::future::pending::<()>))
            .route("/", get(move || async move { body }));
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}")
    }

    async fn ask(address: &str, limits: Limits) -> Result<Answer, HttpError> {
        LazyClient::default().send(Request::get(address).body(Bytes::new()).unwrap(), limits).await
    }

    const LIMITS: Limits = Limits { time: Duration::from_secs(10), size: 100 };

    #[tokio::test]
    async fn a_whole_answer_comes_back_and_the_server_learns_who_asks() {
        let address = serving("hello").await;
        let answer = ask(&address, LIMITS).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"hello"[..]));
        let answer = ask(&format!("{address}/agent"), LIMITS).await.unwrap();
        assert!(answer.body.starts_with(b"security-chatops/"));
    }

    #[tokio::test]
    async fn an_answer_that_is_too_large_or_too_late_is_an_error() {
        let address = serving("hello").await;
        let error = ask(&address, Limits { size: 4, ..LIMITS }).await.unwrap_err();
        assert!(matches!(error, HttpError::TooLarge(4)), "{error:?}");
        let time = Duration::from_millis(50);
        let error = ask(&format!("{address}/never"), Limits { time, ..LIMITS }).await.unwrap_err();
        assert!(matches!(error, HttpError::TimedOut(_)), "{error:?}");
    }
}
