//! What is deployed, held against what the template says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// What differs between a policy as it is and as the template has it, statement by statement; empty if nothing does.
pub(super) fn policy(wanted: &Value, found: &str) -> Vec<String> {
    let found: Value = serde_json::from_str(found).unwrap_or_default();
    let (wanted, mut found) = (statements(wanted), statements(&found));
    let mut differences = Vec::new();
    let mut lacks = Vec::new();
    for (sid, statement) in wanted {
        match found.remove(&sid) {
            None => lacks.push(sid),
            Some(other) if other == statement => {}
            Some(other) => {
                let parts = different_keys(&statement, &other).join(", ");
                differences.push(format!("the statement {sid} of its policy was changed ({parts})"));
            }
        }
    }
    if !lacks.is_empty() {
        differences.insert(0, format!("its policy lacks {}", lacks.join(", ")));
    }
    differences.extend(found.into_keys().map(|sid| format!("its policy has a statement that is not ours: {sid}")));
    differences
}

/// `name is X instead of Y`, if two values are not the same: the order of lists does not count, nor whether an empty one is
/// there, nor whether a number is written as a text or with a fraction of nothing.
pub(super) fn value(name: &str, wanted: &Value, found: &Value) -> Option<String> {
    let comparable = |value: &Value| match canonical(value) {
        Value::Array(items) if items.is_empty() => Value::Null,
        value => value,
    };
    let (wanted, found) = (comparable(wanted), comparable(found));
    (wanted != found).then(|| match (&wanted, &found) {
        (_, Value::Null) => format!("{name} is not set"),
        (Value::String(wanted), Value::String(found)) => format!("{name} is {found} instead of {wanted}"),
        _ => format!("{name} is not the template's"),
    })
}

/// Every member of `found` that is not as wanted, as [`value`] says it; `of` is whose members they are: `its`. What is
/// wanted beside them is not looked at.
pub(super) fn members(of: &str, wanted: &Value, found: &Value) -> Vec<String> {
    let found = found.as_object().into_iter().flatten();
    found.filter_map(|(name, found)| value(&format!("{of} {name}"), &wanted[name], found)).collect()
}

/// A value at a path of names; null if there is none.
pub(super) fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, name| value.get(name).unwrap_or(&Value::Null))
}

fn statements(policy: &Value) -> BTreeMap<String, Value> {
    let statements = match policy.get("Statement") {
        Some(Value::Array(items)) => items.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let mut found = BTreeMap::new();
    for (number, statement) in statements.iter().enumerate() {
        let sid = statement.get("Sid").and_then(Value::as_str).unwrap_or_default();
        let mut name = if sid.is_empty() { format!("number {}", number + 1) } else { sid.to_owned() };
        // One name for two statements is what somebody would choose to hide the second one.
        while found.contains_key(&name) {
            name.push_str(" (again)");
        }
        found.insert(name, canonical(statement));
    }
    found
}

fn different_keys(one: &Value, other: &Value) -> Vec<String> {
    let keys = |value: &Value| value.as_object().into_iter().flat_map(Map::keys).cloned().collect::<BTreeSet<_>>();
    keys(one).union(&keys(other)).filter(|key| one.get(key) != other.get(key)).cloned().collect()
}

/// AWS and people write the same in many ways: one text or a list of one, numbers or texts, `*` or `{"AWS": "*"}`.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(truth) => Value::String(truth.to_string()),
        Value::Number(number) => Value::String(match number.as_f64() {
            // CloudWatch says 1.0 where a template says 1.
            Some(fraction) if number.is_f64() => fraction.to_string(),
            _ => number.to_string(),
        }),
        Value::String(text) => Value::String(text.clone()),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(canonical).collect();
            items.sort_by_key(ToString::to_string);
            items.dedup();
            match items.as_mut_slice() {
                [one] => one.take(),
                _ => Value::Array(items),
            }
        }
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| {
                let value = canonical(value);
                let everybody = key == "Principal" && value == "*";
                (key.clone(), if everybody { serde_json::json!({"AWS": "*"}) } else { value })
            };
            entries.iter().map(entry).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deny() -> Value {
        json!({"Sid": "Close", "Effect": "Deny", "Principal": "*", "Action": ["s3:Get*", "s3:Put*"], "Resource": "b/*",
            "Condition": {"ArnNotLike": {"aws:PrincipalArn": ["role/a", "role/b"]}}})
    }

    fn against(statements: &Value) -> Vec<String> {
        policy(&json!({"Statement": [deny()]}), &json!({"Statement": statements}).to_string())
    }

    #[test]
    fn the_same_in_other_words_is_the_same() {
        let other = json!({"Effect": "Deny", "Principal": {"AWS": ["*"]}, "Action": ["s3:Put*", "s3:Get*"], "Sid": "Close",
            "Resource": ["b/*"], "Condition": {"ArnNotLike": {"aws:PrincipalArn": ["role/b", "role/a"]}}});
        assert_eq!(against(&json!([other])), Vec::<String>::new());
        assert_eq!(against(&other), Vec::<String>::new());
    }

    #[test]
    fn every_part_of_a_statement_counts() {
        for (path, weak) in [
            ("/Effect", json!("Allow")),
            ("/Principal", json!({"AWS": "arn:aws:iam::1:root"})),
            ("/Action", json!(["s3:Get*"])),
            ("/Resource", json!("b/other/*")),
            ("/Condition/ArnNotLike/aws:PrincipalArn", json!("role/*")),
            ("/Condition", json!({"StringLike": {}})),
        ] {
            let mut weakened = deny();
            *weakened.pointer_mut(path).unwrap() = weak;
            let key = path.split('/').nth(1).unwrap();
            let words = format!("the statement Close of its policy was changed ({key})");
            assert_eq!(against(&json!([weakened])), [words]);
        }
        let mut more = deny();
        more["NotPrincipal"] = json!({"AWS": "role/c"});
        assert_eq!(against(&json!([more])), ["the statement Close of its policy was changed (NotPrincipal)"]);
    }

    #[test]
    fn a_statement_too_many_is_found_whatever_its_name() {
        let open = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "b/*"});
        assert_eq!(against(&json!([deny(), open])), ["its policy has a statement that is not ours: number 2"]);
        let mut same_name = open;
        same_name["Sid"] = json!("Close");
        assert_eq!(
            against(&json!([deny(), same_name])),
            ["its policy has a statement that is not ours: Close (again)"]
        );
    }

    #[test]
    fn no_policy_lacks_everything() {
        assert_eq!(policy(&json!({"Statement": [deny()]}), ""), ["its policy lacks Close"]);
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        assert_eq!(value("x", &json!("50"), &json!(50)), None);
        assert_eq!(value("x", &json!("50"), &json!(50.0)), None);
        assert_eq!(value("x", &json!("0.5"), &json!(0.5)), None);
        assert_eq!(value("x", &json!(1), &json!(1e6)).unwrap(), "x is 1000000 instead of 1");
        assert_eq!(value("x", &json!(["a"]), &json!("a")), None);
        assert_eq!(value("x", &json!("50"), &json!(5)).unwrap(), "x is 5 instead of 50");
        assert_eq!(value("x", &json!("50"), &Value::Null).unwrap(), "x is not set");
    }

    #[test]
    fn an_empty_list_is_none_and_not_one_of_nothing() {
        assert_eq!(value("x", &json!([]), &Value::Null), None);
        assert_eq!(value("x", &Value::Null, &json!([])), None);
        assert_eq!(value("x", &json!(["a"]), &json!([])).unwrap(), "x is not set");
        assert_eq!(value("x", &json!({"a": []}), &json!({"a": null})).unwrap(), "x is not the template's");
    }

    #[test]
    fn every_member_that_differs_is_named() {
        let wanted = json!({"Role": "r", "Timeout": "30", "Description": "not looked at"});
        let found = json!({"Layers": ["more"], "Role": "admin", "Timeout": 3});
        let words =
            ["its Layers is not the template's", "its Role is admin instead of r", "its Timeout is 3 instead of 30"];
        assert_eq!(members("its", &wanted, &found), words);
        assert_eq!(members("its", &wanted, &json!({"Role": "r"})), Vec::<String>::new());
    }
}
