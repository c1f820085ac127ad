//! The stand-in's HTTP: Slack's own endpoints, Amazon Q's, and the page.

use std::sync::Weak;

use axum::{
    Form, Router,
    body::Bytes,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::net::TcpListener;

use super::{Answer, Inner, Slack, page};
use crate::mail;

/// Serves until the workspace is gone: the server holds it only weakly.
pub(super) async fn serve(listener: TcpListener, workspace: Weak<Inner>) {
    let router = Router::new()
        .route("/", get(show))
        .route("/revision", get(revision))
        .route("/mails", get(mails))
        .route("/press", post(press))
        .route("/services/{*path}", post(webhook))
        .route("/actions/{*token}", post(respond))
        .route("/chatbot/sns", post(notification))
        .layer(middleware::from_fn(only_this_machine))
        .with_state(workspace);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the Slack stand-in ended");
    }
}

/// A name that points here, on a page from elsewhere, must not reach the workspace (DNS rebinding).
async fn only_this_machine(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if host.starts_with("127.0.0.1:") { next.run(request).await } else { StatusCode::FORBIDDEN.into_response() }
}

async fn webhook(State(inner): State<Weak<Inner>>, Path(path): Path<String>, body: Bytes) -> Response {
    answer(&inner, |slack| slack.workspace().webhook(&path, &body, Timestamp::now()))
}

async fn respond(State(inner): State<Weak<Inner>>, Path(token): Path<String>, body: Bytes) -> Response {
    answer(&inner, |slack| slack.workspace().respond(&token, &body, Timestamp::now()))
}

async fn notification(State(inner): State<Weak<Inner>>, body: Bytes) -> Response {
    let Some(slack) = open(&inner) else { return gone() };
    slack.receive(&body).await;
    // SNS learns nothing of what became of it, as with the real one.
    StatusCode::OK.into_response()
}

#[derive(Deserialize)]
struct Reader {
    #[serde(rename = "as")]
    person: Option<String>,
}

async fn show(State(inner): State<Weak<Inner>>, Query(reader): Query<Reader>) -> Response {
    let Some(slack) = open(&inner) else { return gone() };
    let workspace = slack.workspace();
    let person = reader.person.or_else(|| workspace.people.first().map(|person| person.id.clone()));
    Html(page::render(&workspace, person.as_deref().unwrap_or_default())).into_response()
}

/// A number that changes with what is to be seen.
async fn revision(State(inner): State<Weak<Inner>>) -> Response {
    let Some(slack) = open(&inner) else { return gone() };
    page::revision(&slack.workspace()).into_response()
}

/// What SES would have sent.
async fn mails(State(inner): State<Weak<Inner>>) -> Response {
    let Some(slack) = open(&inner) else { return gone() };
    let Some(cloud) = slack.0.cloud.get() else { return gone() };
    match mail::outbox(&cloud.url).await {
        Ok(mails) => Html(page::mails(&mails)).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

#[derive(Deserialize)]
struct Press {
    /// Of the message.
    ts: String,
    /// Position of the button in the message.
    button: usize,
    #[serde(rename = "as")]
    person: String,
}

async fn press(State(inner): State<Weak<Inner>>, headers: HeaderMap, Form(press): Form<Press>) -> Response {
    let Some(slack) = open(&inner) else { return gone() };
    // Another page in the same browser must not press our buttons.
    if headers.get(header::ORIGIN).is_some_and(|origin| origin != slack.url()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let person = slack.workspace().people.iter().find(|person| person.id == press.person).cloned();
    let (Some(message), Some(person)) = (slack.message(&press.ts), person) else {
        return (StatusCode::NOT_FOUND, "that message or person is gone").into_response();
    };
    let result = if let Some(offer) = message.offers.get(press.button) {
        slack.run(&message, offer, &person).await.map(|_| ())
    } else if let Some(button) = message.buttons().get(press.button) {
        slack.click(&message, button, &person).await.map(|_| ())
    } else {
        return (StatusCode::NOT_FOUND, "that button is gone").into_response();
    };
    match result {
        Ok(()) => Redirect::to(&format!("/?as={}#{}", person.id, message.ts)).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

fn answer(inner: &Weak<Inner>, ask: impl FnOnce(&Slack) -> Answer) -> Response {
    let Some(slack) = open(inner) else { return gone() };
    let answer = ask(&slack);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match answer.retry_after {
        Some(seconds) => (status, [(header::RETRY_AFTER, seconds.to_string())], answer.body).into_response(),
        None => (status, answer.body).into_response(),
    }
}

fn open(inner: &Weak<Inner>) -> Option<Slack> {
    inner.upgrade().map(Slack)
}

fn gone() -> Response {
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}
