use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// Slack's own limit: a request that is older is a replay, one from further ahead was made up.
const GREATEST_AGE_SECONDS: u64 = 300;

/// Why a request is not taken for one of Slack's.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum VerifyError {
    /// `X-Slack-Signature` or `X-Slack-Request-Timestamp` is missing.
    #[error("the request is not signed")]
    Unsigned,
    /// A header is there, but is not what Slack writes: seconds since 1970, and `v0=` with 64 hexadecimal digits.
    #[error("the signature headers are malformed")]
    Malformed,
    /// The timestamp is more than five minutes away from now, in either direction.
    #[error("the request is {age_seconds} s away from now")]
    WrongTime {
        /// How far, in seconds.
        age_seconds: u64,
    },
    /// The signature was not made with any of our secrets over these bytes.
    #[error("the signature does not match")]
    WrongSignature,
}

/// Checks that Slack signed exactly these bytes, and did so now.
///
/// `body` is the raw request body before any parsing, `now` in seconds since 1970. Several `secrets` may be given
/// while one replaces another. The comparison takes constant time. Rule: Slack documentation, "Verifying requests from
/// Slack": HMAC-SHA256 of `v0:<timestamp>:<body>`, five minutes.
///
/// # Errors
/// [`VerifyError`]; the answer to the sender must not say which.
pub fn verify(
    secrets: &[SecretString],
    timestamp: Option<&str>,
    signature: Option<&str>,
    body: &[u8],
    now: i64,
) -> Result<(), VerifyError> {
    let (Some(timestamp), Some(signature)) = (timestamp, signature) else {
        return Err(VerifyError::Unsigned);
    };
    // Only digits: `parse` would also take `+1`, which Slack never writes.
    if timestamp.is_empty() || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(VerifyError::Malformed);
    }
    let sent: i64 = timestamp.parse().map_err(|_| VerifyError::Malformed)?;
    let signature = signature.strip_prefix("v0=").and_then(decode_hex).ok_or(VerifyError::Malformed)?;

    let age_seconds = now.abs_diff(sent);
    if age_seconds > GREATEST_AGE_SECONDS {
        return Err(VerifyError::WrongTime { age_seconds });
    }
    let matches = secrets.iter().any(|secret| {
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).is_ok_and(|mut mac| {
            mac.update(b"v0:");
            mac.update(timestamp.as_bytes());
            mac.update(b":");
            mac.update(body);
            mac.verify_slice(&signature).is_ok()
        })
    });
    if matches { Ok(()) } else { Err(VerifyError::WrongSignature) }
}

fn decode_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const SENT: i64 = 1_531_420_618;
    /// The example of Slack's documentation.
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
        channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https\
        %3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663\
        015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn secrets() -> [SecretString; 1] {
        [SECRET.into()]
    }

    fn check(timestamp: Option<&str>, signature: Option<&str>, now: i64) -> Result<(), VerifyError> {
        verify(&secrets(), timestamp, signature, BODY.as_bytes(), now)
    }

    #[test]
    fn accepts_the_example_of_slacks_documentation_within_five_minutes_either_way() {
        for now in [SENT, SENT + 300, SENT - 300] {
            assert_eq!(check(Some("1531420618"), Some(SIGNATURE), now), Ok(()));
        }
    }

    #[test]
    fn accepts_any_of_several_secrets() {
        let secrets: [SecretString; 2] = ["another-secret-that-is-newer".into(), SECRET.into()];
        assert_eq!(verify(&secrets, Some("1531420618"), Some(SIGNATURE), BODY.as_bytes(), SENT), Ok(()));
        assert_eq!(
            verify(&[], Some("1531420618"), Some(SIGNATURE), BODY.as_bytes(), SENT),
            Err(VerifyError::WrongSignature)
        );
    }

    #[test]
    fn refuses_what_is_unsigned_malformed_stale_or_from_the_future() {
        let t = Some("1531420618");
        let s = Some(SIGNATURE);
        let short = &SIGNATURE[..60];
        let v1 = SIGNATURE.replace("v0=", "v1=");
        let not_hex = SIGNATURE.replace('a', "é");
        let zeros = format!("v0={}", "0".repeat(64));
        for (timestamp, signature, now, expected) in [
            (None, s, SENT, VerifyError::Unsigned),
            (t, None, SENT, VerifyError::Unsigned),
            (t, Some(""), SENT, VerifyError::Malformed),
            (t, Some(short), SENT, VerifyError::Malformed),
            (t, Some(v1.as_str()), SENT, VerifyError::Malformed),
            (t, Some(not_hex.as_str()), SENT, VerifyError::Malformed),
            (Some(""), s, SENT, VerifyError::Malformed),
            (Some("NaN"), s, SENT, VerifyError::Malformed),
            (Some("+1531420618"), s, SENT, VerifyError::Malformed),
            (Some("-1"), s, SENT, VerifyError::Malformed),
            (Some("99999999999999999999"), s, SENT, VerifyError::Malformed),
            (t, s, SENT + 301, VerifyError::WrongTime { age_seconds: 301 }),
            (t, s, SENT - 301, VerifyError::WrongTime { age_seconds: 301 }),
            (Some("9223372036854775807"), s, SENT, VerifyError::WrongTime { age_seconds: 9_223_372_035_323_355_189 }),
            (t, Some(zeros.as_str()), SENT, VerifyError::WrongSignature),
            (Some("1531420619"), s, SENT, VerifyError::WrongSignature),
        ] {
            assert_eq!(check(timestamp, signature, now), Err(expected), "{timestamp:?} {signature:?}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_byte_never_verifies(index in 0..BODY.len(), flip in 1u8..=255) {
            let mut body = BODY.as_bytes().to_vec();
            body[index] ^= flip;
            prop_assert_eq!(
                verify(&secrets(), Some("1531420618"), Some(SIGNATURE), &body, SENT),
                Err(VerifyError::WrongSignature)
            );
        }

        #[test]
        fn arbitrary_headers_never_panic_and_never_verify(timestamp in ".*", signature in ".*", now: i64) {
            prop_assert!(check(Some(&timestamp), Some(&signature), now).is_err());
        }
    }
}
