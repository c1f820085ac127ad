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
    /// The next answers; then 200.
    answers: VecDeque<StatusCode>,
}

pub(super) struct StandIn {
    pub(super) url: Url,
    inner: Arc<Mutex<Inner>>,
}

impl StandIn {
    pub(super) async fn start() -> Self {
        let inner = Arc::new(Mutex::new(Inner::default()));
        let app = Router::new().fallback(take).with_state(Arc::clone(&inner));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, inner }
    }

    /// Answers the next posts so, one after another.
    pub(super) fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        let statuses = statuses.into_iter().map(|status| StatusCode::from_u16(status).unwrap());
        self.inner.lock().unwrap().answers.extend(statuses);
    }

    /// Each answer since the last call, as it was posted.
    pub(super) fn take_messages(&self) -> Vec<Value> {
        let posts = std::mem::take(&mut self.inner.lock().unwrap().posts);
        posts.into_iter().map(|(_, message)| message).collect()
    }

    /// `path: text` of each answer since the last call, those for the channel marked.
    pub(super) fn take(&self) -> Vec<String> {
        let posts = std::mem::take(&mut self.inner.lock().unwrap().posts);
        posts
            .into_iter()
            .map(|(path, message)| {
                let private = message["response_type"] == "ephemeral" && message["replace_original"] == false;
                let mark = match (private, message["replace_original"].as_bool().unwrap()) {
                    (true, _) => "",
                    (false, true) => " (replaces)",
                    (false, false) => " (beside)",
                };
                format!("{path}{mark}: {}", message["text"].as_str().unwrap())
            })
            .collect()
    }
}

async fn take(State(inner): State<Arc<Mutex<Inner>>>, uri: Uri, Json(message): Json<Value>) -> StatusCode {
    let mut inner = inner.lock().unwrap();
    inner.posts.push((uri.path().to_owned(), message));
    inner.answers.pop_front().unwrap_or(StatusCode::OK)
}
