//! IAM's patterns: `*` stands for any characters, `?` for one.

/// Whether the whole of `text` is of the pattern. Case counts.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // Where the last star was, and what it has taken so far: only the last one ever has to take more.
    let (mut at, mut position, mut star) = (0, 0, None);
    while position < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(&one) if one == '?' || Some(&one) == text.get(position) => {
                at += 1;
                position += 1;
            }
            _ => match star {
                Some((last, taken)) => {
                    star = Some((last, taken + 1));
                    at = last + 1;
                    position = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|&one| one == '*')
}

/// As [`matches()`], for actions, where case does not count.
#[must_use]
pub fn matches_action(pattern: &str, action: &str) -> bool {
    matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase())
}

/// As [`matches()`] for each of an ARN's six parts, so that a star does not reach over a colon.
#[must_use]
pub fn matches_arn(pattern: &str, arn: &str) -> bool {
    let (patterns, parts): (Vec<_>, Vec<_>) = (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    patterns.len() == 6 && parts.len() == 6 && patterns.iter().zip(&parts).all(|(pattern, part)| matches(pattern, part))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, as slow as it is short.
    fn by_definition(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => (0..=text.len()).any(|taken| by_definition(rest, text.get(taken..).unwrap())),
            (Some(('?', rest)), Some((_, others))) => by_definition(rest, others),
            (Some((one, rest)), Some((other, others))) => one == other && by_definition(rest, others),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn is_what_the_definition_says(pattern in "[ab*?/]{0,8}", text in "[ab/]{0,10}") {
            let (one, other): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text), by_definition(&one, &other));
        }

        #[test]
        fn a_text_is_a_pattern_of_itself_and_of_its_beginning_with_a_star(text in "[^*?]{0,20}", cut in 0_usize..20) {
            prop_assert!(matches(&text, &text));
            let beginning: String = text.chars().take(cut).collect();
            let with_a_star = beginning + "*";
            prop_assert!(matches(&with_a_star, &text));
        }
    }

    #[test]
    fn a_star_crosses_slashes_and_an_arn_s_star_no_colon() {
        assert!(matches("arn:aws:s3:::b/*", "arn:aws:s3:::b/a/b:c"));
        assert!(!matches("arn:aws:s3:::b/*", "arn:aws:s3:::b"));
        assert!(matches_arn("arn:aws:iam::*:role/a-*", "arn:aws:iam::1:role/a-b/c"));
        assert!(!matches_arn("arn:aws:iam:*", "arn:aws:iam::1:role/x"));
        assert!(matches_action("S3:Get*", "s3:GetObject"));
    }
}
