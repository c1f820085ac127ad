//! Secrets in the lines of a log.

const MASK: &str = "***";
/// An AWS secret access key, and the digits of a SonarQube token, a SHA-1 digest or a GitHub token.
const SECRET_LENGTH: usize = 40;
const ACCESS_KEY_LENGTH: usize = 20;

/// The line without what looks like a secret: tokens of SonarQube, AWS keys, values of `Authorization`, passwords in
/// addresses, and everything of 40 hexadecimal digits.
pub(super) fn mask(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut after_scheme = false;
    for word in line.split_inclusive(char::is_whitespace) {
        let text = word.trim_end();
        let space = word.get(text.len()..).unwrap_or_default();
        if after_scheme && !text.is_empty() {
            masked.push_str(MASK);
            after_scheme = false;
        } else {
            masked.push_str(&mask_word(&without_password(text)));
            after_scheme |= is_scheme(text);
        }
        masked.push_str(space);
    }
    masked
}

/// RFC 9110, 11.6.2: what follows is the credentials.
fn is_scheme(word: &str) -> bool {
    let name = word.rsplit(|character: char| !character.is_ascii_alphanumeric()).next().unwrap_or_default();
    name.eq_ignore_ascii_case("bearer") || name.eq_ignore_ascii_case("basic")
}

/// `https://user:password@host` without what stands before the host. RFC 3986, 3.2.1.
fn without_password(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rfind('@').and_then(|at| rest.get(at..)) {
        Some(rest) => format!("{scheme}://{MASK}{rest}"),
        None => word.to_owned(),
    }
}

fn mask_word(word: &str) -> String {
    let is_part = |character: char| character.is_ascii_alphanumeric() || "_/+".contains(character);
    let mut masked = String::with_capacity(word.len());
    let mut rest = word;
    while !rest.is_empty() {
        let end = rest.find(|character| !is_part(character)).unwrap_or(rest.len());
        let (part, others) = rest.split_at(end);
        let token = ["sqa_", "sqp_", "squ_"].iter().filter_map(|prefix| part.find(prefix)).min();
        match token {
            Some(start) => {
                masked.push_str(part.get(..start).unwrap_or_default());
                masked.push_str(MASK);
            }
            None if is_secret(part) => masked.push_str(MASK),
            None => masked.push_str(part),
        }
        let end = others.find(is_part).unwrap_or(others.len());
        let (between, others) = others.split_at(end);
        masked.push_str(between);
        rest = others;
    }
    masked
}

fn is_secret(part: &str) -> bool {
    let access_key = part.len() == ACCESS_KEY_LENGTH
        && (part.starts_with("AKIA") || part.starts_with("ASIA"))
        && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let has = |is_kind: fn(&u8) -> bool| part.as_bytes().iter().any(is_kind);
    let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    let hexadecimal = part.bytes().all(|byte| byte.is_ascii_hexdigit());
    access_key || (part.len() == SECRET_LENGTH && (hexadecimal || mixed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_masked() {
        let hex = "0123456789abcdef0123456789abcdef01234567";
        for (line, expected) in [
            (format!("token={hex}, sqp_{hex}/x"), "token=***, ***"),
            ("id AKIAIOSFODNN7EXAMPLE.".to_owned(), "id ***."),
            ("key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(), "key=***"),
            ("Authorization: Bearer a.b-c end".to_owned(), "Authorization: Bearer *** end"),
            ("\"authorization\":\"Basic  dXNlcg==\"".to_owned(), "\"authorization\":\"Basic  ***"),
            ("GET https://me:p@ss@h.example/a?b=c".to_owned(), "GET https://***@h.example/a?b=c"),
        ] {
            assert_eq!(mask(&line), expected);
        }
    }

    #[test]
    fn other_words_stay() {
        for line in [
            "  ERROR https://h.example/a@b  é src/main/java/com/example/Payments2.java:12\t",
            "SHA-256 bb8f709f9cb73352f8d1260a3b3c506c0f41146754bc630762c126d795499d0b, expected 5e1c",
            "aws-java-sdk-2.29.52-and-something-of-40-letters",
            "",
        ] {
            assert_eq!(mask(line), line);
        }
    }
}
