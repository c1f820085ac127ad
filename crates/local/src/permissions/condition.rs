//! The condition operators that the templates use, and their neighbours.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    pattern::{matches, matches_arn},
    policy::{Statement, Values},
};

/// Deserialized by its name in a policy; one that is not here is an error.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
pub enum Operator {
    Bool,
    Null,
    StringEquals,
    StringNotEquals,
    StringLike,
    StringNotLike,
    ArnEquals,
    ArnLike,
    ArnNotEquals,
    ArnNotLike,
}

/// Condition keys and their values. A key's case does not count.
pub type Context = BTreeMap<String, String>;

/// Whether every condition of a statement holds.
#[must_use]
pub fn holds(statement: &Statement, context: &Context) -> bool {
    statement.condition.iter().all(|(operator, keys)| {
        keys.iter().all(|(key, values)| {
            let given =
                context.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str());
            one_holds(*operator, given, values)
        })
    })
}

fn one_holds(operator: Operator, given: Option<&str>, Values(wanted): &Values) -> bool {
    let any = |test: fn(&str, &str) -> bool| given.map(|given| wanted.iter().any(|wanted| test(wanted, given)));
    match operator {
        Operator::Null => wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case("true") == given.is_none()),
        Operator::Bool => any(str::eq_ignore_ascii_case).unwrap_or(false),
        Operator::StringEquals => any(|wanted, given| wanted == given).unwrap_or(false),
        Operator::StringLike => any(matches).unwrap_or(false),
        // AWS documents both as the same.
        Operator::ArnEquals | Operator::ArnLike => any(matches_arn).unwrap_or(false),
        // A negated operator holds for a key that is not there.
        Operator::StringNotEquals => !any(|wanted, given| wanted == given).unwrap_or(false),
        Operator::StringNotLike => !any(matches).unwrap_or(false),
        Operator::ArnNotEquals | Operator::ArnNotLike => !any(matches_arn).unwrap_or(false),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(values: &[&str]) -> Values {
        Values(values.iter().map(|&value| value.to_owned()).collect())
    }

    #[test]
    fn a_missing_key_fails_what_is_asked_and_passes_what_is_excluded() {
        use Operator::*;
        for operator in [Bool, StringEquals, StringLike, ArnEquals, ArnLike] {
            assert!(!one_holds(operator, None, &values(&["*"])), "{operator:?}");
        }
        for operator in [StringNotEquals, StringNotLike, ArnNotEquals, ArnNotLike] {
            assert!(one_holds(operator, None, &values(&["*"])), "{operator:?}");
        }
        assert!(one_holds(Null, None, &values(&["true"])) && !one_holds(Null, Some("x"), &values(&["true"])));
        assert!(one_holds(Null, Some(""), &values(&["false"])) && !one_holds(Null, None, &values(&["false"])));
    }

    #[test]
    fn equals_knows_no_wildcards_and_like_does() {
        assert!(!one_holds(Operator::StringEquals, Some("ab"), &values(&["a*"])));
        assert!(one_holds(Operator::StringLike, Some("ab"), &values(&["x", "a*"])));
        assert!(one_holds(Operator::Bool, Some("TRUE"), &values(&["true"])));
    }

    proptest! {
        #[test]
        fn a_negated_operator_is_the_opposite(given in "[a-c]{0,2}", wanted in proptest::collection::vec("[a-c*]{0,2}", 1..4)) {
            let wanted = Values(wanted);
            for (one, other) in [
                (Operator::StringEquals, Operator::StringNotEquals),
                (Operator::StringLike, Operator::StringNotLike),
                (Operator::ArnLike, Operator::ArnNotLike),
            ] {
                prop_assert_ne!(one_holds(one, Some(&given), &wanted), one_holds(other, Some(&given), &wanted));
            }
        }
    }
}
