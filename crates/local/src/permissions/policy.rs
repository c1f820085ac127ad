//! Policy documents, read strictly: what the evaluator does not know is an error, never ignored.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::condition::Operator;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Document {
    pub version: Version,
    #[serde(rename = "Id")]
    _id: Option<String>,
    #[serde(deserialize_with = "one_or_many")]
    pub statement: Vec<Statement>,
}

/// The older version of the language has no policy variables and is in no template.
#[derive(Clone, Debug, Deserialize)]
pub enum Version {
    #[serde(rename = "2012-10-17", alias = "2008-10-17")]
    Current,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Statement {
    #[serde(default)]
    pub sid: String,
    pub effect: Effect,
    pub principal: Option<Principal>,
    #[serde(deserialize_with = "one_or_many")]
    pub action: Vec<String>,
    /// Empty in trust policies, which are about the role that they belong to.
    #[serde(default, deserialize_with = "one_or_many")]
    pub resource: Vec<String>,
    #[serde(default)]
    pub condition: BTreeMap<Operator, BTreeMap<String, Values>>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub enum Effect {
    Allow,
    Deny,
}

/// Who a resource's policy is about.
#[derive(Clone, Debug)]
pub enum Principal {
    Everyone,
    /// ARNs, and account ids as ARNs of their root.
    Aws(Vec<String>),
    Service(Vec<String>),
}

/// The values of a condition; booleans and numbers are texts, as IAM takes them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Values(pub Vec<String>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Scalar {
            Text(String),
            Truth(bool),
        }
        let scalars: Vec<Scalar> = one_or_many(deserializer)?;
        let text = |scalar| match scalar {
            Scalar::Text(text) => text,
            Scalar::Truth(truth) => truth.to_string(),
        };
        Ok(Self(scalars.into_iter().map(text).collect()))
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Star(String),
            Kinds(BTreeMap<String, Values>),
        }
        match Written::deserialize(deserializer)? {
            Written::Star(star) if star == "*" => Ok(Self::Everyone),
            Written::Star(other) => Err(D::Error::custom(format!("a principal `{other}` is not known here"))),
            Written::Kinds(kinds) => {
                let mut kinds = kinds.into_iter();
                match (kinds.next(), kinds.next()) {
                    (Some((kind, names)), None) if kind == "AWS" && names.0 == ["*"] => Ok(Self::Everyone),
                    (Some((kind, names)), None) if kind == "AWS" => Ok(Self::Aws(names.0)),
                    (Some((kind, names)), None) if kind == "Service" => Ok(Self::Service(names.0)),
                    (kind, _) => Err(D::Error::custom(format!("principals {kind:?} are not known here"))),
                }
            }
        }
    }
}

fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany<T> {
        Many(Vec<T>),
        One(T),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::Many(many) => many,
        OneOrMany::One(one) => vec![one],
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Document;

    fn read(statement: &Value) -> Result<Document, serde_json::Error> {
        serde_json::from_value(json!({"Version": "2012-10-17", "Statement": statement}))
    }

    #[test]
    fn what_the_evaluator_does_not_know_is_an_error() {
        let known = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"});
        assert!(read(&known).is_ok());
        for (name, value) in [
            ("NotAction", json!("s3:*")),
            ("NotResource", json!("*")),
            ("NotPrincipal", json!("*")),
            ("Principal", json!("someone")),
            ("Principal", json!({"Federated": "idp"})),
            ("Condition", json!({"ForAnyValue:StringEquals": {"aws:TagKeys": "x"}})),
            ("Condition", json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})),
            ("Effect", json!("Maybe")),
        ] {
            let mut statement = known.clone();
            statement[name] = value;
            assert!(read(&statement).is_err(), "{statement}");
        }
    }

    #[test]
    fn lists_may_have_one_member_without_brackets() {
        let document = read(&json!({"Effect": "Deny", "Action": "a:B", "Resource": "*", "Principal": {"AWS": "*"},
            "Condition": {"Bool": {"aws:SecureTransport": false}}}));
        assert_eq!(document.unwrap().statement.len(), 1);
    }
}
