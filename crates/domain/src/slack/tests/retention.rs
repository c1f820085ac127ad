//! Until when a move can be undone, in the messages.

use super::*;

fn keeping(days: &str) -> Signer<'static> {
    let place = Place { team_id: "T01ACME", channel_id: "C01SECURITY" };
    Signer::new("0123456789abcdef0123456789abcdef", place, days.parse().unwrap(), at(60))
}

/// The sentences about undoing in a message, its dialogs included.
fn undoing(message: &Message) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![serde_json::to_value(message).unwrap()];
    while let Some(value) = todo.pop() {
        match value {
            Value::String(text) if ["undone", "*Restore*", "Possible until"].iter().any(|word| text.contains(word)) => {
                found.push(text);
            }
            Value::Array(items) => todo.extend(items),
            Value::Object(fields) => todo.extend(fields.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    found.sort();
    found
}

#[test]
fn a_question_and_a_result_say_until_when_it_can_be_undone() {
    let finding = finding("personal");
    let moved = manifest(&finding, by_ann(), quarantined(Some(0)));
    assert_json_snapshot!(["0", "30", "400"].map(|days| {
        let signer = keeping(days);
        let asked = undoing(&review_request(&finding, QUARANTINE, Approvals::One, &signer));
        (days, asked, undoing(&remediated(&finding, &moved, &signer)))
    }));
}

#[test]
fn what_cannot_be_put_back_has_no_time_for_it() {
    let finding = finding("personal");
    let gone = manifest(&finding, by_ann(), Outcome::AlreadyGone);
    assert_eq!(undoing(&not_remediated(&finding, &gone, &keeping("30"))), Vec::<String>::new());
}
