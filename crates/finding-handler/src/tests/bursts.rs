//! More findings than a channel can read, and more automatic remediations than a deployment allows.

use std::collections::{BTreeSet, VecDeque};

use domain::digest::{Closed, Count, DigestId, Kind, Progress};
use domain::finding::Severity;
use domain::remediation::Step;

use super::*;

/// A finding of its own about an object of its own.
fn numbered(name: &str, number: usize, score: i64) -> String {
    let mut event: Value = serde_json::from_str(&event(name)).unwrap();
    event["detail"]["id"] = format!("{number:032x}").into();
    event["detail"]["severity"] = json!({"score": score});
    event["detail"]["resourcesAffected"]["s3Object"]["key"] = format!("hr/record-{number}.txt").into();
    event.to_string()
}

/// Lambda's record of a request that ended.
fn ended_request(event: &str, condition: &str, decision: &Value) -> String {
    let event: Value = serde_json::from_str(event).unwrap();
    json!({
        "requestContext": {"condition": condition},
        "requestPayload": {"task": {"quarantine": {"finding": event["detail"]}}, "decision": decision},
        "responsePayload": {"errorType": "QuarantineCopyFailed"},
    })
    .to_string()
}

fn read(event: &str) -> Finding {
    let event: Value = serde_json::from_str(event).unwrap();
    serde_json::from_value(event["detail"].clone()).unwrap()
}

impl World {
    /// The remediator ends an automatic remediation so; the answer is Lambda's record of it.
    fn remediated(&self, event: &str, outcome: Outcome) -> String {
        let (key, manifest) = ended(&read(event), outcome, NOW);
        self.file(&key, &manifest);
        ended_request(event, "Success", &json!({"by": "policy"}))
    }

    async fn with(individual_messages: u16, auto_remediation_limit: u16) -> Self {
        let mut world = Self::new().await;
        world.handler.config.individual_messages = individual_messages;
        world.handler.config.auto_remediation_limit = auto_remediation_limit;
        world
    }

    fn progress(&self) -> Progress {
        let files = self.files.lock().unwrap();
        let digest = DigestId::try_from("20261120T1010Z".to_owned()).unwrap();
        Progress::of(&digest, files.keys().map(String::as_str))
    }

    /// The ids of all findings that are part of the digest.
    fn noted(&self) -> BTreeSet<String> {
        let files = self.files.lock().unwrap();
        let noted = files.keys().filter(|key| key.contains("/noted/"));
        noted.map(|key| key.rsplit('/').next().unwrap().trim_end_matches(".json").to_owned()).collect()
    }
}

#[tokio::test]
async fn the_first_few_and_the_worst_are_shown_and_the_others_are_one_digest() {
    let world = World::with(2, 100).await;
    let findings: Vec<String> =
        (0..20).zip([1, 2, 3].into_iter().cycle()).map(|(number, score)| numbered("personal", number, score)).collect();
    assert!(world.handle(&findings).await.is_empty());
    let told: Vec<String> =
        world.slack.take().into_iter().map(|post| post.split(" in ").next().unwrap().into()).collect();
    assert_eq!(
        told,
        [
            "/services/T1/B1/x: Low severity: personal information",
            "/services/T1/B1/x: Medium severity: personal information",
            "/services/T1/B1/x: High severity: personal information",
            "/services/T1/B1/x: 1 more finding since <!date^1795169400^{date_short_pretty} {time}|2026-11-20 10:10 UTC>",
            "/services/T1/B1/x: High severity: personal information",
        ]
    );
    assert_eq!(world.progress().total(), 16);
    // The window ends at 10:20; it is 10:15:02.
    let close = json!({"closeDigest": "20261120T1010Z"}).to_string();
    assert_eq!(*world.queued.lock().unwrap(), [(4 * 60 + 58 + 15, close.clone())]);
    let expected = sums([("FindingsHandled", 20), ("FindingsShown", 4), ("FindingsDigested", 16)]);
    let measured = world.metrics.sums();
    assert!(expected.iter().all(|(name, sum)| measured[name] == *sum), "{measured:?}");

    // SQS may deliver the message that closes the digest twice.
    assert!(world.handle(&[close.clone(), close]).await.is_empty());
    let told = world.slack.take();
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("/services/T1/B1/x: 16 more findings since "), "{told:?}");
    let closed = world.files.lock().unwrap()["digests/20261120T1010Z/closed.json"].clone();
    assert_eq!(serde_json::from_slice::<Closed>(&closed).unwrap().counts, world.progress().counts());
}

#[tokio::test]
async fn a_digest_that_slack_did_not_take_is_closed_by_the_next_try() {
    let world = World::with(0, 100).await;
    world.slack.answer([503, 503]);
    assert!(world.handle(&[numbered("personal", 1, 2)]).await.is_empty());
    let close = json!({"closeDigest": "20261120T1010Z"}).to_string();
    assert_eq!(world.handle(std::slice::from_ref(&close)).await, [0]);
    assert!(world.handle(&[close]).await.is_empty());
    assert_eq!(world.slack.take().len(), 3);
}

#[tokio::test]
async fn the_news_of_automatic_remediations_is_part_of_the_digest() {
    let world = World::with(1, 100).await;
    let findings: Vec<String> = (0..6).map(|number| numbered("financial-high", number, 3)).collect();
    let records: Vec<String> = findings.iter().map(|finding| world.remediated(finding, quarantined())).collect();
    assert!(world.handle(&records).await.is_empty());
    let told = world.slack.take();
    assert_eq!(told.len(), 3, "one, one more that is HIGH, and the digest: {told:?}");
    assert!(told[0].starts_with("/services/T1/B1/x: Quarantined `acme-uploads/hr/record-0.txt`"), "{told:?}");
    assert_eq!(world.noted().len(), 4);
    let moved = Count {
        kind: Kind::Quarantined,
        severity: Some(Severity::High),
        finding_type: FindingType::Financial,
        count: 4,
    };
    assert_eq!(world.progress().counts(), [moved]);

    // Delivered twice, told once.
    assert!(world.handle(&records).await.is_empty());
    assert_eq!((world.slack.take(), world.noted().len()), (NOTHING, 4));
}

#[tokio::test]
async fn an_automatic_remediation_that_moved_nothing_has_a_message_of_its_own_however_many_came() {
    let world = World::with(0, 100).await;
    let outcomes = [
        Outcome::AlreadyGone,
        Outcome::ChangedSinceScan { copied: false },
        Outcome::Locked { until: None, legal_hold: true, copied: false },
        Outcome::AccessDenied { step: Step::Delete, copied: true },
        Outcome::KeyUnusable { copied: false },
        Outcome::Archived { storage_class: "GLACIER".into(), copied: false },
        Outcome::OtherRegion,
    ];
    let findings: Vec<String> = (0..9).map(|number| numbered("financial-high", number, 1)).collect();
    let mut records: Vec<String> =
        findings.iter().zip(outcomes.clone()).map(|(finding, outcome)| world.remediated(finding, outcome)).collect();
    records.push(world.remediated(&findings[7], quarantined()));
    records.push(ended_request(&findings[8], "RetriesExhausted", &json!({"by": "policy"})));
    assert!(world.handle(&records).await.is_empty());
    let told = world.slack.take().join("\n");
    for (number, outcome) in outcomes.iter().enumerate() {
        assert!(told.contains(&format!("record-{number}.txt")), "{outcome:?} is hidden: {told}");
    }
    assert!(told.contains("Quarantine failed: `acme-uploads/hr/record-8.txt`"), "{told}");
    assert_eq!(told.lines().count(), 9, "eight, and the digest for what was moved: {told}");
    assert_eq!(world.noted(), [format!("{:032x}", 7)].into());
    assert_eq!(world.metrics.sums()["RemediationsFailed"], 1);
}

#[tokio::test]
async fn what_was_dismissed_before_its_run_began_is_not_told_as_a_failure() {
    let world = World::with(1, 100).await;
    let event = numbered("financial-high", 1, 3);
    let finding = read(&event);
    let claim = json!({"findingId": finding.id, "findingType": finding.kind, "dismissed": "test-data",
        "decision": {"by": "policy"}, "at": "2026-11-20T10:15:02Z"});
    world.file(&claim_key(&finding.case_id().unwrap()), &claim);
    assert!(world.handle(&[ended_request(&event, "Success", &json!({"by": "policy"}))]).await.is_empty());
    assert_eq!(world.slack.take(), NOTHING);
    // What the request had come to before the dismissal is told.
    let record = world.remediated(&event, Outcome::KeyUnusable { copied: true });
    assert!(world.handle(&[record]).await.is_empty());
    assert_eq!(world.slack.take().len(), 1);
}

#[tokio::test]
async fn what_was_told_elsewhere_is_not_told_again() {
    let world = World::with(1, 100).await;
    let (clicked, restored) = (numbered("financial-high", 1, 3), numbered("financial-high", 2, 3));
    // Whoever clicked was told by the remediator.
    let click = json!({"by": "person", "userId": "U1", "channelId": "C1", "decidedAt": "2026-11-20T10:15:02Z"});
    world.remediated(&clicked, quarantined());
    // Opened in the digest and put back before the record about the quarantine came.
    let record = world.remediated(&restored, quarantined());
    let (key, mut manifest) = ended(&read(&restored), quarantined(), NOW);
    manifest.restoration = serde_json::from_value(json!({"decision": click, "startedAt": "2026-11-20T10:15:02Z",
        "state": {"state": "ended", "outcome": "restored", "copy": "deleted", "at": "2026-11-20T10:15:03Z", "told": true}}))
    .unwrap();
    world.file(&key, &manifest);
    assert!(world.handle(&[ended_request(&clicked, "Success", &click), record]).await.is_empty());
    assert_eq!((world.slack.take(), world.noted().len()), (NOTHING, 0));
}

#[tokio::test]
async fn a_second_finding_about_a_version_in_quarantine_says_who_was_first() {
    let world = World::with(1, 100).await;
    let first = numbered("financial-high", 1, 3);
    world.remediated(&first, quarantined());
    let mut second: Value = serde_json::from_str(&first).unwrap();
    second["detail"]["id"] = "f2".into();
    let record = ended_request(&second.to_string(), "Success", &json!({"by": "policy"}));
    assert!(world.handle(&[record]).await.is_empty());
    let told = world.slack.take();
    assert!(told[0].contains("is in quarantine already"), "{told:?}");
}

#[tokio::test]
async fn above_the_limit_of_the_hour_people_decide_and_are_told_once() {
    let world = World::with(100, 2).await;
    let findings: Vec<String> = (0..5).map(|number| numbered("financial-high", number, 3)).collect();
    assert!(world.handle(&findings).await.is_empty());
    assert_eq!(world.invoked().len(), 2);
    let told = world.slack.take();
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(told[0], "/services/T1/B1/x: Automatic quarantine is paused until the next hour");
    assert!(told[1..].iter().all(|told| told.contains("Review needed")), "{told:?}");
    assert_eq!(world.metrics.sums()["AutoRemediationsHeld"], 3);
    // What was begun may be tried again, and what was shown is not shown again.
    assert!(world.handle(&findings).await.is_empty());
    assert_eq!((world.invoked().len(), world.slack.take()), (2, NOTHING));
}

#[tokio::test]
async fn with_a_limit_of_none_nothing_is_automatic_and_nothing_is_paused() {
    let world = World::with(100, 0).await;
    assert!(world.handle(&[event("financial-high")]).await.is_empty());
    assert!(world.invoked().is_empty());
    assert!(world.slack.take()[0].contains("Review needed"));
}

#[tokio::test]
async fn a_slack_that_does_not_hear_of_the_pause_is_told_with_the_next_finding() {
    let world = World::with(100, 1).await;
    let findings: Vec<String> = (0..3).map(|number| numbered("financial-high", number, 3)).collect();
    assert!(world.handle(&findings[..1]).await.is_empty());
    world.slack.answer([503]);
    assert!(world.handle(&findings[1..]).await.is_empty());
    let paused = world.slack.take().into_iter().filter(|told| told.contains("paused")).count();
    assert_eq!(paused, 2, "once in vain");
}

#[tokio::test]
async fn what_cannot_be_read_waits_in_the_queue_when_the_channel_was_told_enough() {
    let world = World::with(1, 100).await;
    let unreadable = json!({"source": "aws.macie", "detail-type": "Macie Finding", "detail": {}}).to_string();
    assert_eq!(world.handle(&[unreadable.clone(), unreadable]).await, [1]);
    assert_eq!(world.slack.take().len(), 1);
}

/// Kills the function after each change that it makes to the world, and lets SQS deliver again what was not handled.
#[tokio::test]
async fn a_crash_after_any_step_drops_no_finding() {
    let findings: Vec<String> = (0..4).map(|number| numbered("personal", number, 2)).collect();
    for steps in 0..40 {
        let mut world = World::with(1, 100).await;
        *world.left.lock().unwrap() = Some(steps);
        let lost = world.handle(&findings).await;
        let died = *world.denied.lock().unwrap();
        *world.left.lock().unwrap() = None;
        *world.denied.lock().unwrap() = false;
        // A new process remembers nothing.
        world.handler.remembered = Remembered::default();
        let again: Vec<String> = lost.iter().map(|index| findings[*index].clone()).collect();
        assert!(world.handle(&again).await.is_empty());

        let told = world.slack.take().concat();
        let noted = world.noted();
        for number in 0..4 {
            let shown = told.contains(&format!("record-{number}.txt"));
            assert!(shown || noted.contains(&format!("{number:032x}")), "finding {number}, {steps} steps: {told}");
        }
        assert!(noted.is_empty() || !world.queued.lock().unwrap().is_empty(), "nothing will close the digest");
        if !died {
            assert!(steps > 10, "it died {steps} times");
            return;
        }
    }
    panic!("40 steps were not enough");
}

/// Moves the paused clock on by a little whenever nothing is left to do at this moment of it. The runtime itself would
/// skip to its next timer, and an answer that is on its way would be late.
async fn careful_clock() {
    loop {
        // Each time the tasks that can go on have done so, and the sockets were looked at.
        for _ in 0..LOOKS {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(Duration::from_millis(50)).await;
    }
}

/// So often it is looked before nothing is left to do: a request and its answer go through the kernel and four tasks.
const LOOKS: usize = 25;

/// A discovery job over a data lake: two functions take the records batch by batch, and Slack asks to wait in between. The
/// number of messages does not grow, and they keep Slack's pace by the clock.
#[tokio::test(start_paused = true)]
async fn ten_thousand_records_at_once_lose_none_and_post_little_and_slowly() {
    const FINDINGS: usize = 10_000;
    tokio::spawn(careful_clock());
    let world = World::with(5, 100).await;
    world.slack.answer([429, 200, 429, 429, 200, 503]);
    world.slack.ask_to_wait(1);
    let queue: VecDeque<usize> = (0..FINDINGS).collect();
    let queue = Arc::new(Mutex::new(queue));
    let body = |number: usize| numbered("personal", number, if number.is_multiple_of(97) { 3 } else { 2 });
    let worker = |mut handler: FindingHandler| {
        handler.pace = Pace::new(crate::handler::BETWEEN_MESSAGES);
        let queue = Arc::clone(&queue);
        tokio::spawn(async move {
            loop {
                let batch: Vec<usize> = {
                    let mut queue = queue.lock().unwrap();
                    let most = queue.len().min(10);
                    queue.drain(..most).collect()
                };
                if batch.is_empty() {
                    return;
                }
                let bodies: Vec<String> = batch.iter().map(|number| body(*number)).collect();
                let back = deliver(&handler, Duration::from_mins(1), &bodies).await;
                // The queue hands it over again, to whoever asks.
                queue.lock().unwrap().extend(back.into_iter().map(|index| batch[index]));
            }
        })
    };
    let workers = [worker(world.another()), worker(world.another())];
    for worker in workers {
        worker.await.unwrap();
    }
    let posts = world.slack.take_posts();
    let told: Vec<String> = posts.iter().map(testing::slack::Post::text).collect();
    let shown: BTreeSet<&String> = told.iter().filter(|told| told.contains("Review needed")).collect();
    let begun = told.iter().filter(|told| told.contains("more finding")).count();
    // Five, five more that are HIGH and the digest; what Slack did not take is posted again.
    assert!((10..=11).contains(&shown.len()) && begun <= 2 && told.len() <= 11 + 4 + 1, "{told:?}");
    // Two processes, each with two seconds between what Slack takes, and one before what it refused is posted again. Of
    // any three posts two are of the same process.
    let check = |posts: Vec<tokio::time::Instant>, least: u64| {
        let distances: Vec<Duration> = posts.windows(3).map(|three| three[2].duration_since(three[0])).collect();
        assert!(distances.iter().all(|distance| *distance >= Duration::from_secs(least)), "{distances:?}");
    };
    check(posts.iter().filter(|post| post.taken).map(|post| post.at).collect(), 2);
    check(posts.iter().map(|post| post.at).collect(), 1);
    let noted = world.noted();
    for number in 0..FINDINGS {
        let is_shown = || shown.iter().any(|told| told.contains(&format!("record-{number}.txt")));
        assert!(noted.contains(&format!("{number:032x}")) || is_shown(), "{number} is lost");
    }
    assert!((1..=2).contains(&world.queued.lock().unwrap().len()), "what closes the digest");
}
