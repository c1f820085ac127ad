//! Requests that are not Slack's, or not whole.

use http::Request;
use proptest::prelude::*;
use serde_json::json;

use super::world::{NOW, SECRET, World, form, request, signed};

/// Sends a request that must have no effect.
async fn check(world: &World, request: Request<Vec<u8>>, expected: (u16, &str), what: &str) {
    let (status, body) = world.send(request).await.unwrap();
    assert_eq!((status, body.as_str()), expected, "{what}");
    assert!(world.slack.take().is_empty(), "{what}");
    world.assert_untouched(what);
}

#[tokio::test]
async fn what_slack_did_not_sign_now_is_unauthorized_and_touches_nothing() {
    let world = World::new().await;
    let body = form(&world.click().to_string());
    let unauthorized = (401, "unauthorized");
    let plain = |body: &str| request(body).body(body.into()).unwrap();
    check(&world, plain(&body), unauthorized, "unsigned").await;
    check(&world, plain("\u{0}garbage"), unauthorized, "unsigned garbage").await;
    check(&world, plain(""), unauthorized, "unsigned and empty").await;
    check(&world, signed(&body, "0123456789abcdef0123456789abcdef", NOW), unauthorized, "another secret").await;
    check(&world, signed(&body, "", NOW), unauthorized, "an empty secret").await;
    check(&world, signed(&body, "x", NOW), unauthorized, "a fragment of the secret's text").await;
    check(&world, signed(&body, SECRET, NOW - 301), unauthorized, "stale").await;
    check(&world, signed(&body, SECRET, NOW + 301), unauthorized, "from the future").await;
    check(&world, signed(&body, SECRET, -NOW), unauthorized, "before 1970").await;

    let mut edited = signed(&body, SECRET, NOW);
    *edited.body_mut() = body.replace("U02ANN", "U03BOB").into();
    check(&world, edited, unauthorized, "edited").await;

    let mut newer = signed(&body, SECRET, NOW - 400);
    newer.headers_mut().insert("x-slack-request-timestamp", NOW.into());
    check(&world, newer, unauthorized, "a replay with a new time").await;

    let mut other_version = signed(&body, SECRET, NOW);
    let signature = other_version.headers()["x-slack-signature"].to_str().unwrap().replace("v0=", "v1=");
    other_version.headers_mut().insert("x-slack-signature", signature.parse().unwrap());
    check(&world, other_version, unauthorized, "another version of signatures").await;
}

#[tokio::test]
async fn what_slack_signed_but_never_wrote_is_malformed_and_touches_nothing() {
    let world = World::new().await;
    for body in [
        String::new(),
        "garbage".to_owned(),
        "payload=".to_owned(),
        "other=1".to_owned(),
        form("null"),
        form("[]"),
        form("{"),
        form(&json!({"type": "block_actions"}).to_string()),
        form(&json!({"type": "block_actions", "user": {"id": 7}}).to_string()),
        form(&json!({"type": "block_actions", "user": {"id": "U1"}, "actions": [{}]}).to_string()),
        form(&json!({"type": "block_actions", "user": {"id": "U1"}, "actions": "remediate"}).to_string()),
        format!("payload=%ff%fe{}", "%00".repeat(20)),
        form(&"[".repeat(50_000)),
    ] {
        check(&world, signed(&body, SECRET, NOW), (400, "malformed"), &body[..body.len().min(80)]).await;
    }
}

#[tokio::test]
async fn a_huge_body_is_refused_before_it_is_looked_at() {
    let world = World::new().await;
    let body = "x".repeat(262_145);
    check(&world, signed(&body, SECRET, NOW), (413, "too large"), "huge").await;
}

#[tokio::test]
async fn only_posts_are_taken() {
    let world = World::new().await;
    for method in ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"] {
        let mut request = signed(&form(&world.click().to_string()), SECRET, NOW);
        *request.method_mut() = method.parse().unwrap();
        check(&world, request, (405, "method not allowed"), method).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_unsigned_request_has_an_effect(body in ".{0,200}", timestamp in "[ -~]{0,20}", signature in "[ -~]{0,80}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let request = request(&body)
                .header("x-slack-request-timestamp", timestamp)
                .header("x-slack-signature", signature)
                .body(body.into())
                .unwrap();
            check(&world, request, (401, "unauthorized"), "arbitrary").await;
        });
    }

    #[test]
    fn a_signed_request_that_is_changed_anywhere_has_no_effect(index in 0usize..10_000, flip in 1u8..=127) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let body = form(&world.click().to_string());
            let mut request = signed(&body, SECRET, NOW);
            let mut bytes = body.into_bytes();
            let index = index % bytes.len();
            bytes[index] ^= flip;
            *request.body_mut() = bytes;
            check(&world, request, (401, "unauthorized"), "changed").await;
        });
    }
}
