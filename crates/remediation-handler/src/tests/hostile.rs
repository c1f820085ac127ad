//! Requests that are not Slack's, or not whole.

use domain::slack::button::Action;
use http::Request;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{FINDING, NOW, SECRET, World, form, request, signed, value};

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

/// What is wrong about a click that Slack signed.
#[derive(Debug, Clone)]
struct Wrong {
    /// Where, and what stands there instead.
    changes: Vec<(&'static str, Value)>,
}

/// At least one of team, app, channel, person and button is another than it should be, or missing.
fn wrong() -> impl Strategy<Value = Wrong> {
    let id = || prop_oneof![3 => "[A-Z0-9]{0,12}", 1 => ".{0,20}"].prop_map(Value::from);
    let other = move |pointer: &'static str, is: &'static [&'static str]| {
        let not_right = move |value: &Value| !is.iter().any(|right| value == right);
        prop_oneof![5 => id(), 1 => Just(Value::Null)]
            .prop_filter("what is right is no mistake", not_right)
            .prop_map(move |value| (pointer, value))
    };
    let genuine = value(Action::Remediate, FINDING);
    let length = genuine.len();
    let button = prop_oneof![
        // One character is another.
        (0..length, "[a-zA-Z0-9._-]").prop_map(move |(index, character)| {
            let mut value = genuine.clone();
            value.replace_range(index..=index, &character);
            value
        }),
        "[a-z-]{0,20}\\.[0-9a-f]{0,10}\\.[0-9a-zA-Z_-]{0,40}\\.[0-9a-f]{0,40}",
        ".{0,60}",
    ];
    let button = button
        .prop_filter("what is right is no mistake", |changed| *changed != value(Action::Remediate, FINDING))
        .prop_map(|value| ("/actions/0/value", Value::from(value)));
    let places: [BoxedStrategy<(&'static str, Value)>; 5] = [
        other("/team/id", &["T01ACME"]).boxed(),
        other("/api_app_id", &["A01REMEDIATE"]).boxed(),
        other("/channel/id", &["C01SECURITY"]).boxed(),
        other("/user/id", &["U02ANN", "U03BOB"]).boxed(),
        button.boxed(),
    ];
    proptest::sample::subsequence(places.to_vec(), 1..=5)
        .prop_flat_map(|changes| changes)
        .prop_map(|changes| Wrong { changes })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn a_click_that_slack_signed_has_no_effect_with_anything_wrong_about_it(wrong in wrong()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let mut click = world.click();
            for (pointer, value) in &wrong.changes {
                *click.pointer_mut(pointer).unwrap() = value.clone();
            }
            // An id that is none is malformed; all else is refused, and whoever clicked is told.
            let (status, _) = world.send(signed(&form(&click.to_string()), SECRET, NOW)).await.unwrap();
            assert!([200, 400].contains(&status), "{status}: {wrong:?}");
            world.assert_untouched(&format!("{wrong:?}"));
            let told = world.slack.take_messages();
            assert_eq!(told.len(), usize::from(status == 200), "{wrong:?}: {told:?}");
            assert!(told.iter().all(|message| message["response_type"] == "ephemeral"), "{wrong:?}: {told:?}");
        });
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
