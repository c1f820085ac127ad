//! A Slack stand-in: records what is posted, and answers as it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Json, State};
use axum::http::{StatusCode, Uri};
use serde_json::Value;
use url::Url;

#[derive(Default)]
struct Inner {
    /// Path and message.
    posts: Vec<(String, Value)>,
    /// The next answers, with `Retry-After: 0`; then 200.
    answers: VecDeque<StatusCode>,
    /// Answers 503 and takes nothing.
    down: Arc<Mutex<bool>>,
}

pub(super) struct StandIn {
    pub(super) url: Url,
    pub(super) down: Arc<Mutex<bool>>,
    inner: Arc<Mutex<Inner>>,
}

impl StandIn {
    pub(super) async fn start() -> Self {
        let down = Arc::<Mutex<bool>>::default();
        let inner = Arc::new(Mutex::new(Inner { down: Arc::clone(&down), ..Inner::default() }));
        let app = Router::new().fallback(take).with_state(Arc::clone(&inner));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, down, inner }
    }

    /// Answers the next posts so, one after another.
    pub(super) fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        let statuses = statuses.into_iter().map(|status| StatusCode::from_u16(status).unwrap());
        self.inner.lock().unwrap().answers.extend(statuses);
    }

    /// `path: fallback text` of each post since the last call.
    pub(super) fn take(&self) -> Vec<String> {
        let posts = std::mem::take(&mut self.inner.lock().unwrap().posts);
        posts
            .into_iter()
            .map(|(path, message)| {
                let replaces = if message["replace_original"] == true { " (replaces)" } else { "" };
                format!("{path}{replaces}: {}", message["text"].as_str().unwrap())
            })
            .collect()
    }
}

async fn take(
    State(inner): State<Arc<Mutex<Inner>>>,
    uri: Uri,
    Json(message): Json<Value>,
) -> (StatusCode, [(&'static str, &'static str); 1]) {
    let mut inner = inner.lock().unwrap();
    if *inner.down.lock().unwrap() {
        return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")]);
    }
    inner.posts.push((uri.path().to_owned(), message));
    (inner.answers.pop_front().unwrap_or(StatusCode::OK), [("retry-after", "0")])
}
