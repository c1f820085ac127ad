//! What stands in the log: for a record that is not ours, or unusable, that is all that happens.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::*;

thread_local! {
    /// What was logged on this thread, as `LEVEL name=value …`, while somebody listens.
    static LINES: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Sets up the log of all tests. Before anything is logged: a place in the code that is reached for the first time while
/// another thread sets up its own log may stay switched off in both.
pub(super) fn set_up() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Log).unwrap());
}

struct Log;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        LINES.with_borrow_mut(|lines| {
            if let Some(lines) = lines.as_mut().filter(|_| event.metadata().target().starts_with("finding_handler")) {
                let mut line = Line(event.metadata().level().to_string());
                event.record(&mut line);
                lines.push(line.0);
            }
        });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The lines that a batch leaves in the log.
async fn logged(bodies: &[String]) -> Vec<String> {
    let world = World::new().await;
    LINES.set(Some(Vec::new()));
    assert!(world.handle(bodies).await.is_empty());
    assert_eq!(world.slack.take(), NOTHING);
    LINES.take().unwrap()
}

#[tokio::test]
async fn a_finding_that_is_ignored_leaves_a_line_with_its_id_and_the_reason() {
    for (name, reason) in [("sample", "Ignored(Sample)"), ("archived", "Ignored(Archived)")] {
        let lines = logged(&[event(name)]).await;
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        let finding = finding(name);
        assert!(line.starts_with("INFO") && line.contains("message=handled"), "{line}");
        assert!(line.contains(&finding.id) && line.contains(reason), "{line}");
        assert!(!line.contains("acme-uploads"), "names of buckets and keys may be personal data: {line}");
    }
}

#[tokio::test]
async fn a_record_that_is_not_ours_leaves_a_line_with_its_message_and_nothing_of_its_text() {
    let stranger = json!({"source": "aws.s3", "detail-type": "Macie Finding", "detail": {"id": "mallory"}});
    for body in ["mallory: not JSON".to_owned(), stranger.to_string(), json!({"closeDigest": "mallory"}).to_string()] {
        let lines = logged(&[body]).await;
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        assert!(line.starts_with("WARN") && line.contains("message=dropped an unusable record"), "{line}");
        assert!(line.contains("message.id=") && line.contains("error="), "{line}");
        assert!(!line.contains("mallory"), "{line}");
    }
}
