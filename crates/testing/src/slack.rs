//! A Slack stand-in: records what is posted, and answers as it is told to.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that cannot listen or read fails")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Json, State};
use axum::http::{StatusCode, Uri};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

type Shared<T> = Arc<Mutex<T>>;

/// What somebody posted.
#[derive(Debug)]
pub struct Post {
    pub path: String,
    pub message: Value,
    /// By the clock of the test's runtime.
    pub at: Instant,
    /// Whether the answer was that it was taken.
    pub taken: bool,
}

impl Post {
    /// `path: fallback text`. Answers to a click that everybody sees are marked.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { path, message, .. } = self;
        let mark = match (message["replace_original"].as_bool(), message["response_type"] == "ephemeral") {
            (Some(true), _) => " (replaces)",
            (Some(false), false) => " (beside)",
            (Some(false), true) | (None, _) => "",
        };
        format!("{path}{mark}: {}", message["text"].as_str().unwrap())
    }
}

#[derive(Debug, Default)]
struct Inner {
    posts: Vec<Post>,
    /// The next answers; then 200.
    answers: VecDeque<StatusCode>,
    /// Seconds that each answer asks to wait.
    retry_after: u64,
}

/// Listens on a free port of loopback for as long as the test's runtime lives.
#[derive(Debug)]
pub struct StandIn {
    pub url: Url,
    /// While true, it answers 503 and takes nothing.
    pub down: Shared<bool>,
    inner: Shared<Inner>,
}

impl StandIn {
    pub async fn start() -> Self {
        let (down, inner) = (Arc::default(), Arc::default());
        let app = Router::new().fallback(take).with_state((Arc::clone(&down), Arc::clone(&inner)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, down, inner }
    }

    /// Answers the next posts so, one after another.
    pub fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        let statuses = statuses.into_iter().map(|status| StatusCode::from_u16(status).unwrap());
        self.inner.lock().unwrap().answers.extend(statuses);
    }

    /// Each post since the last call.
    #[must_use]
    pub fn take_posts(&self) -> Vec<Post> {
        std::mem::take(&mut self.inner.lock().unwrap().posts)
    }

    /// Each message since the last call, as it was posted.
    #[must_use]
    pub fn take_messages(&self) -> Vec<Value> {
        self.take_posts().into_iter().map(|post| post.message).collect()
    }

    /// [`Post::text`] of each post since the last call.
    pub fn take(&self) -> Vec<String> {
        self.take_posts().iter().map(Post::text).collect()
    }

    /// Has every answer ask to wait for so many seconds, not for none.
    pub fn ask_to_wait(&self, seconds: u64) {
        self.inner.lock().unwrap().retry_after = seconds;
    }
}

async fn take(
    State((down, inner)): State<(Shared<bool>, Shared<Inner>)>,
    uri: Uri,
    Json(message): Json<Value>,
) -> (StatusCode, [(&'static str, String); 1]) {
    let mut inner = inner.lock().unwrap();
    let wait = [("retry-after", inner.retry_after.to_string())];
    if *down.lock().unwrap() {
        return (StatusCode::SERVICE_UNAVAILABLE, wait);
    }
    let status = inner.answers.pop_front().unwrap_or(StatusCode::OK);
    let (path, taken) = (uri.path().to_owned(), status.is_success());
    inner.posts.push(Post { path, message, at: Instant::now(), taken });
    (status, wait)
}
