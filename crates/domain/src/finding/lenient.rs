//! How fields of a finding are read: `null`, `""` and whatever has an unexpected form are none. One odd leaf must not cost
//! the finding; only what is no object with an id is no finding.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error};
use serde_json::Value;

use super::FindingType;

pub(super) fn text<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(input)? {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    })
}

pub(super) fn required_text<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    let text = String::deserialize(input)?;
    if text.is_empty() { Err(D::Error::custom("must not be empty")) } else { Ok(text) }
}

pub(super) fn kind<'de, D: Deserializer<'de>>(input: D) -> Result<FindingType, D::Error> {
    Ok(FindingType::from(text(input)?))
}

/// A whole number, also when it is written as `3.0` or `"3"`.
pub(super) fn number<'de, D: Deserializer<'de>, T: DeserializeOwned>(input: D) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(input)?;
    let text = match &value {
        Value::String(text) => text.trim(),
        Value::Number(number) => &number.to_string(),
        _ => return Ok(None),
    };
    let whole =
        text.split_once('.').map_or(text, |(whole, rest)| if rest.bytes().all(|b| b == b'0') { whole } else { "" });
    Ok(serde_json::from_str(whole).ok())
}

/// `true` or `false`, also in quotes.
pub(super) fn truth<'de, D: Deserializer<'de>>(input: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(input)? {
        Value::Bool(truth) => Some(truth),
        Value::String(text) => text.to_ascii_lowercase().parse().ok(),
        _ => None,
    })
}

/// A part with fields of its own.
pub(super) fn part<'de, D: Deserializer<'de>, T: DeserializeOwned>(input: D) -> Result<Option<T>, D::Error> {
    Ok(T::deserialize(Value::deserialize(input)?).ok())
}

/// `{"score": 3, "description": "High"}`, or only the word.
pub(super) fn rating<'de, D: Deserializer<'de>>(input: D) -> Result<Option<super::Rating>, D::Error> {
    Ok(match Value::deserialize(input)? {
        Value::String(word) => Some(super::Rating { score: None, description: Some(word) }),
        value => super::Rating::deserialize(value).ok(),
    })
}

/// The elements that can be read.
pub(super) fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(input: D) -> Result<Vec<T>, D::Error> {
    Ok(match Value::deserialize(input)? {
        Value::Array(items) => items.into_iter().filter_map(|item| T::deserialize(item).ok()).collect(),
        _ => Vec::new(),
    })
}

/// Times are shown, never decided by.
pub(super) fn time<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(text(input)?.and_then(|text| text.parse().ok()))
}
