//! The command text of a custom action: its variables, and the one command that we know how to run.
//!
//! There is no shell behind it. Variables are replaced as plain text, so a value with a quote in it would change the
//! command; the API takes 100 characters of text before the replacement.

use std::collections::BTreeMap;

use serde_json::Value;

/// `CreateCustomAction` of the API refuses longer texts; CloudFormation's own schema would let 5,000 pass.
const TEXT: usize = 100;

/// `lambda invoke`, with what its flags say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoke {
    pub function: String,
    pub region: Option<String>,
    /// Sent as it is written, as the real one does.
    pub payload: Option<String>,
    /// `--invocation-type Event`: nobody waits for the result.
    pub asynchronous: bool,
}

/// The text before any replacement must fit the API.
pub fn check_length(text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if length > TEXT { Err(format!("the command text has {length} characters, the API takes {TEXT}")) } else { Ok(()) }
}

/// Puts the variables' values in the place of `$name`. Fails with the name of a variable that has no value: the real one
/// would open a form and ask for it.
pub fn substitute(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(after.len());
        let (name, behind) = after.split_at(end);
        match variables.get(name) {
            Some(value) => result.push_str(value),
            None => return Err(format!("the variable `${name}` has no value: a form would ask for it")),
        }
        rest = behind;
    }
    result.push_str(rest);
    Ok(result)
}

/// Reads the text of a command as the chat would run it.
pub fn parse(text: &str) -> Result<Invoke, String> {
    let Some(mut rest) = text.strip_prefix("lambda invoke ") else {
        return Err(format!("only `lambda invoke` is known here (without a leading `aws`), not `{text}`"));
    };
    let mut flags: BTreeMap<&str, String> = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let (flag, after) = rest.split_once(' ').unwrap_or((rest, ""));
        if !matches!(flag, "--function-name" | "--region" | "--payload" | "--invocation-type") {
            return Err(format!("`{flag}` is no flag of `lambda invoke` that is known here"));
        }
        let (value, behind) = value_of(flag, after.trim_start())?;
        if flags.insert(flag, value).is_some() {
            return Err(format!("`{flag}` is given twice"));
        }
        rest = behind;
    }
    let function = flags.remove("--function-name").ok_or("--function-name is missing")?;
    let asynchronous = match flags.remove("--invocation-type").as_deref() {
        None | Some("RequestResponse") => false,
        Some("Event") => true,
        Some(other) => return Err(format!("`{other}` is no invocation type")),
    };
    Ok(Invoke { function, region: flags.remove("--region"), payload: flags.remove("--payload"), asynchronous })
}

/// The value of a flag and what follows it. A payload is JSON and ends where the JSON does, spaces or not.
fn value_of<'a>(flag: &str, text: &'a str) -> Result<(String, &'a str), String> {
    if text.is_empty() || text.starts_with("--") {
        return Err(format!("`{flag}` has no value: it would be read as a question to the assistant"));
    }
    if flag != "--payload" {
        let (value, behind) = text.split_once(' ').unwrap_or((text, ""));
        return Ok((value.to_owned(), behind));
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    match values.next() {
        Some(Ok(_)) => {
            let (value, behind) = text.split_at(values.byte_offset());
            if behind.is_empty() || behind.starts_with(' ') {
                Ok((value.to_owned(), behind))
            } else {
                Err(format!("the payload is followed by `{behind}`"))
            }
        }
        Some(Err(error)) => Err(format!("the payload is not JSON: {error}")),
        None => Err("the payload is empty".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPROVE: &str =
        r#"lambda invoke --function-name scan-0a1b2c3d --region us-gov-east-1 --payload {"approve":"$scanId"}"#;

    fn variables(value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("scanId".to_owned(), value.to_owned())])
    }

    #[test]
    fn replaces_variables_as_plain_text() {
        assert_eq!(substitute("say $scanId, $scanId!", &variables("x-1")).unwrap(), "say x-1, x-1!");
        assert_eq!(
            substitute("say $scanIds", &variables("x")).unwrap_err(),
            "the variable `$scanIds` has no value: a form would ask for it"
        );
    }

    #[test]
    fn reads_the_command_of_a_button() {
        let text = substitute(APPROVE, &variables("x-1")).unwrap();
        assert_eq!(
            parse(&text).unwrap(),
            Invoke {
                function: "scan-0a1b2c3d".to_owned(),
                region: Some("us-gov-east-1".to_owned()),
                payload: Some(r#"{"approve":"x-1"}"#.to_owned()),
                asynchronous: false,
            }
        );
    }

    #[test]
    fn a_payload_may_have_spaces_and_stand_anywhere() {
        let command =
            parse(r#"lambda invoke --payload {"a": "b c"} --function-name f --invocation-type Event"#).unwrap();
        assert_eq!(command.payload.as_deref(), Some(r#"{"a": "b c"}"#));
        assert!(command.asynchronous);
    }

    #[test]
    fn a_quote_in_a_value_breaks_the_command() {
        let text = substitute(APPROVE, &variables(r#"x","approve":"y"#)).unwrap();
        assert_eq!(parse(&text).unwrap().payload.unwrap(), r#"{"approve":"x","approve":"y"}"#);
        let text = substitute(APPROVE, &variables(r#"x" --dry"#)).unwrap();
        assert!(parse(&text).unwrap_err().contains("not JSON"));
    }

    #[test]
    fn refuses_other_commands_and_flags() {
        for text in [
            "aws lambda invoke --function-name f",
            "s3 ls",
            "lambda invoke --function-name f --qualifier x",
            "lambda invoke --function-name f --function-name g",
            "lambda invoke --function-name --region x",
            "lambda invoke --region x",
            "lambda invoke --function-name f --payload",
            r#"lambda invoke --function-name f --payload {"a":1}x"#,
            "lambda invoke --function-name f --invocation-type DryRun",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_api_takes_a_hundred_characters() {
        assert_eq!(check_length(&"x".repeat(100)), Ok(()));
        assert!(check_length(&"x".repeat(101)).is_err());
    }
}
