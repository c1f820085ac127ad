//! Secrets that are replaced while the function runs.

use domain::slack::button::Action;
use jiff::Timestamp;

use super::world::{BUTTON_KEY, FINDING, NOW, PLACE, SECRET, World, form, signed, value_by};

const NEWEST: &str = "3d3d3d3d3d3d3d3d4e4e4e4e4e4e4e4e";

fn replace(world: &World, secret: &str, text: &str) {
    world.secrets.lock().unwrap().get_mut(secret).unwrap().0 = text.to_owned();
}

fn asked(world: &World, secret: &str) -> usize {
    world.secrets.lock().unwrap()[secret].1
}

/// Sends a click that is signed with this secret, and answers with the status.
async fn send(world: &World, secret: &str, at: i64) -> u16 {
    world.send(signed(&form(&world.click().to_string()), secret, at)).await.unwrap().0
}

#[tokio::test]
async fn a_signing_secret_that_was_just_replaced_is_taken_without_a_new_process() {
    let world = World::new().await;
    assert_eq!(send(&world, SECRET, NOW).await, 200);
    replace(&world, "arn:secret", NEWEST);
    assert_eq!(send(&world, NEWEST, NOW).await, 200);
    assert_eq!(asked(&world, "arn:secret"), 2);
    assert_eq!(send(&world, SECRET, NOW).await, 401, "the old one is not kept beside it");
}

#[tokio::test]
async fn forged_signatures_have_the_secret_asked_for_once_a_minute() {
    let mut world = World::new().await;
    for _ in 0..50 {
        assert_eq!(send(&world, "forged-forged-forged-forged-1234", NOW).await, 401);
    }
    assert_eq!(asked(&world, "arn:secret"), 2, "at the start, and for the first that did not fit");
    replace(&world, "arn:secret", NEWEST);
    assert_eq!(send(&world, NEWEST, NOW).await, 401, "within the minute");
    world.handler.clock = || Timestamp::from_second(NOW + 60).unwrap();
    assert_eq!(send(&world, NEWEST, NOW + 60).await, 200);
    assert_eq!(asked(&world, "arn:secret"), 3);
}

#[tokio::test]
async fn what_no_secret_could_make_good_has_none_asked_for() {
    let world = World::new().await;
    assert_eq!(send(&world, SECRET, NOW - 301).await, 401, "too old");
    let unsigned = super::world::request("payload=x").body(b"payload=x".to_vec()).unwrap();
    assert_eq!(world.send(unsigned).await.unwrap().0, 401);
    assert_eq!(asked(&world, "arn:secret"), 1);
}

#[tokio::test]
async fn a_button_key_that_was_just_replaced_is_taken_and_forged_buttons_ask_once_a_minute() {
    let world = World::new().await;
    let key = NEWEST.repeat(2);
    let pressing = |key: &str| {
        let mut click = world.click();
        click["actions"][0]["value"] = value_by(key, PLACE, NOW, Action::Remediate, FINDING).into();
        click
    };
    world.press(&pressing(BUTTON_KEY)).await.unwrap();
    world.invoked();
    world.files.lock().unwrap().clear();
    replace(&world, "arn:button-key", &key);
    world.press(&pressing(&key)).await.unwrap();
    assert_eq!(world.invoked().len(), 1, "signed with the new key");
    world.slack.take();
    for _ in 0..20 {
        world.press(&pressing(SECRET)).await.unwrap();
    }
    assert!(world.slack.take().iter().all(|told| told.contains("was not made by this deployment")));
    assert_eq!(asked(&world, "arn:button-key"), 2);
    assert!(world.invoked().is_empty());
}
