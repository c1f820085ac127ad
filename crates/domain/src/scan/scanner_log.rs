//! What the log of a build says when the scanner died before the server could decide anything.

mod mask;

use mask::mask;
use serde::{Deserialize, Serialize};

use crate::text::cut;

/// Why the scanner gave up. Texts: `sonarqube-facts` 3e; matched anywhere in a line, because prefixes differ between
/// scanner versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScannerFailure {
    /// The server refused the token.
    BadToken,
    /// The token is good, but may not analyse or create this project.
    Forbidden,
    /// No answer from the server.
    ServerUnreachable,
    /// A mandatory setting is missing.
    MissingSetting,
    /// The scanner ran out of memory.
    OutOfMemory,
    /// No Java, or the wrong one.
    Java,
    /// A download was damaged.
    CorruptDownload,
    /// The server did not take the report.
    ReportRefused,
    /// None of the known texts.
    Unknown,
}

/// In this order: an earlier text is the more exact one.
const TEXTS: [(&str, ScannerFailure); 22] = [
    ("HTTP 401", ScannerFailure::BadToken),
    ("status code 401", ScannerFailure::BadToken),
    ("Not authorized. Please check the user token", ScannerFailure::BadToken),
    ("Not authorized. Analyzing this project requires authentication", ScannerFailure::BadToken),
    ("The provided token is invalid", ScannerFailure::BadToken),
    ("You're not authorized to analyze this project", ScannerFailure::Forbidden),
    ("HTTP 403", ScannerFailure::Forbidden),
    ("You must define the following mandatory properties", ScannerFailure::MissingSetting),
    ("OutOfMemoryError", ScannerFailure::OutOfMemory),
    ("GC overhead limit exceeded", ScannerFailure::OutOfMemory),
    ("heap out of memory", ScannerFailure::OutOfMemory),
    ("exit status 137", ScannerFailure::OutOfMemory),
    ("UnsupportedClassVersionError", ScannerFailure::Java),
    ("Could not find 'java' executable", ScannerFailure::Java),
    ("The version of the custom JRE provided", ScannerFailure::Java),
    ("Invalid or corrupt jarfile", ScannerFailure::CorruptDownload),
    ("Checksum mismatch", ScannerFailure::CorruptDownload),
    ("Failed to upload report", ScannerFailure::ReportRefused),
    ("Server failed to process report", ScannerFailure::ReportRefused),
    ("Failed to query server version", ScannerFailure::ServerUnreachable),
    ("can not be reached", ScannerFailure::ServerUnreachable),
    ("Connection refused", ScannerFailure::ServerUnreachable),
];

/// Finds the cause in the log's lines.
#[must_use]
pub fn classify(lines: &[String]) -> ScannerFailure {
    let known = TEXTS.iter().find(|(text, _)| lines.iter().any(|line| line.contains(text)));
    match known {
        Some((_, failure)) => *failure,
        None if lines.iter().any(|line| is_killed(line)) || ended_without_a_word(lines) => ScannerFailure::OutOfMemory,
        None => ScannerFailure::Unknown,
    }
}

/// What a shell writes about a program that the kernel has ended, which it does when memory runs out: the word alone, or
/// behind `…: line 12: 4711`. The word may be in the name of an uploaded file as well.
fn is_killed(line: &str) -> bool {
    let said = line.trim();
    let Some((before, after)) = said.split_once("Killed") else { return false };
    let mut words = before.split_whitespace().rev();
    let of_shell = words.next().is_some_and(is_number)
        && words.next().and_then(|word| word.strip_suffix(':')).is_some_and(is_number)
        && words.next() == Some("line");
    said == "Killed" || (of_shell && after.starts_with([' ', '\t']))
}

/// Where errors come from that are no reason: the JavaScript analyser's note about old data (facts 1), and all that the
/// engine's Java writes to its standard error.
const HARMLESS: [&str; 2] = ["[baseline-browser-mapping]", "[stderr]"];

/// Whether the scanner's engine, its program with the most memory, was ended: the scanner then gives no reason.
fn ended_without_a_word(lines: &[String]) -> bool {
    let Some(start) = lines.iter().rposition(|line| line.contains("Starting SonarScanner Engine")) else {
        return false;
    };
    let is_reason = |line: &str| line.contains("ERROR") && !HARMLESS.iter().any(|from| line.contains(from));
    let mut said = lines.iter().skip(start).filter(|line| is_reason(line) || line.contains("EXECUTION FAILURE"));
    said.next().is_some_and(|line| !is_reason(line))
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// What the preflight of the buildspec writes before it refuses a zip.
const REFUSED: &str = "PREFLIGHT REFUSED:";

/// The sentence with which the preflight refused the zip, if it did.
///
/// CodeBuild logs every command before it runs it, so the marker only counts where it begins the line.
#[must_use]
pub fn refusal(lines: &[String]) -> Option<&str> {
    after(lines, REFUSED)
}

/// What the buildspec writes when it cannot fetch the uploaded version, with what S3 said.
const NOT_FETCHED: &str = "FETCH FAILED:";

/// Why the uploaded version could not be fetched, if it could not. As with a refusal, only where a line begins with it.
#[must_use]
pub fn failed_fetch(lines: &[String]) -> Option<&str> {
    after(lines, NOT_FETCHED)
}

/// The rest of the last line that begins with the marker.
fn after<'a>(lines: &'a [String], marker: &str) -> Option<&'a str> {
    lines.iter().filter_map(|line| line.trim().strip_prefix(marker)).next_back().map(str::trim)
}

/// What the buildspec writes after the scanner has handed its analysis to the server.
const ANALYSIS_TASK: &str = "ANALYSIS TASK:";

/// The last background task that the log names; like the exported variable a hint, which the server has to confirm.
#[must_use]
pub fn analysis_task(lines: &[String]) -> Option<&str> {
    let last = after(lines, ANALYSIS_TASK)?;
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (!last.is_empty() && last.bytes().all(is_id)).then_some(last)
}

/// Of one line, in characters: an event of CloudWatch can have a megabyte, which no record of ours may have.
pub const LONGEST_LINE: usize = 1_000;
/// How far back an error is looked for: before that stands the text of our own commands, which CodeBuild logs too.
const LOOK_BACK: usize = 60;

/// The last lines worth reading: errors if there are any, without CodeBuild's own chatter, at most `count`, secrets
/// masked, each cut to [`LONGEST_LINE`] characters.
#[must_use]
pub fn excerpt(lines: &[String], count: usize) -> Vec<String> {
    let mut in_key = false;
    let said: Vec<_> = lines
        .iter()
        .map(|line| line.trim())
        .filter(|line| !is_of_a_key(line, &mut in_key))
        .filter(|line| !line.is_empty() && !line.starts_with("[Container]"))
        .collect();
    let errors: Vec<_> =
        said.iter().rev().take(LOOK_BACK).rev().copied().filter(|line| line.contains("ERROR")).collect();
    let chosen = if errors.is_empty() { said } else { errors };
    // Masked before: half a secret would no longer look like one.
    chosen.iter().rev().take(count).rev().map(|line| cut(&mask(line), LONGEST_LINE)).collect()
}

/// Whether the line is of a private key in PEM (RFC 7468), from its first to its last line.
fn is_of_a_key(line: &str, in_key: &mut bool) -> bool {
    let of_key = *in_key || (line.contains("-----BEGIN") && line.contains("PRIVATE KEY"));
    *in_key = of_key && !line.contains("-----END");
    of_key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(log: &str) -> Vec<String> {
        log.lines().map(str::to_owned).collect()
    }

    fn check(log: &str, expected: ScannerFailure) {
        assert_eq!(classify(&lines(log)), expected, "{log}");
    }

    #[test]
    fn each_known_text_has_its_cause() {
        check(
            "12:00:00.000 ERROR Failed to query server version: GET http://h/api/v2/analysis/version failed with HTTP 401 \
             Unauthorized. Please check the property sonar.token or the environment variable SONAR_TOKEN.",
            ScannerFailure::BadToken,
        );
        check(
            "ERROR Failed to query server version: Call to URL [http://h/api/v2/analysis/version] failed: null",
            ScannerFailure::ServerUnreachable,
        );
        check("ERROR You're not authorized to analyze this project or the project", ScannerFailure::Forbidden);
        check("java.lang.OutOfMemoryError: Java heap space", ScannerFailure::OutOfMemory);
        check("[Container] Phase context: Reason: exit status 137", ScannerFailure::OutOfMemory);
        check("INFO a\nKilled\n", ScannerFailure::OutOfMemory);
        check(
            "/codebuild/output/tmp/script.sh: line 44:  4711 Killed                  ${as_nobody[@]+\"${as_nobody[@]}\"}",
            ScannerFailure::OutOfMemory,
        );
        let engine = "INFO Starting SonarScanner Engine...\nINFO Java 21.0.9\n";
        check(&format!("{engine}INFO EXECUTION FAILURE"), ScannerFailure::OutOfMemory);
        check(&format!("{engine}ERROR What it was\nINFO EXECUTION FAILURE"), ScannerFailure::Unknown);
        for harmless in ["ERROR [baseline-browser-mapping] The data is old", "ERROR [stderr] WARNING: A Java agent"] {
            check(&format!("{engine}{harmless}\nINFO EXECUTION FAILURE"), ScannerFailure::OutOfMemory);
        }
        check(engine, ScannerFailure::Unknown);
        check("Killed\nERROR Failed to query server version: null", ScannerFailure::ServerUnreachable);
        for name in ["INFO Killed.java", "Killed by tests", "line 7: 12 Killed.java", "src: line 7: x Killed by"] {
            check(name, ScannerFailure::Unknown);
        }
        check("Error: Invalid or corrupt jarfile x.jar", ScannerFailure::CorruptDownload);
        check("ERROR Failed to upload report: timeout", ScannerFailure::ReportRefused);
        check("ERROR [baseline-browser-mapping] The data is old", ScannerFailure::Unknown);
        check("", ScannerFailure::Unknown);
    }

    #[test]
    fn a_refusal_is_found_only_where_it_begins_a_line() {
        let log = "[Container] Running command echo PREFLIGHT REFUSED: no\n PREFLIGHT REFUSED: a link `x`\nlast";
        assert_eq!(refusal(&lines(log)), Some("a link `x`"));
        assert_eq!(refusal(&lines("nothing")), None);
    }

    #[test]
    fn a_failed_fetch_is_found_only_where_it_begins_a_line() {
        let log = "[Container] Running command echo \"FETCH FAILED: $(tail)\"\nFETCH FAILED: An error occurred (404)";
        assert_eq!(failed_fetch(&lines(log)), Some("An error occurred (404)"));
        assert_eq!(failed_fetch(&lines("the FETCH FAILED: x")), None);
    }

    #[test]
    fn the_last_analysis_that_begins_a_line_is_named() {
        let log = "ANALYSIS TASK: forged\n echo \"ANALYSIS TASK: $SONAR_CE_TASK_ID\"\nANALYSIS TASK: AYh-7_x\nINFO b";
        assert_eq!(analysis_task(&lines(log)), Some("AYh-7_x"));
        for log in ["", "ANALYSIS TASK: ", "ANALYSIS TASK: a&id=b", "ANALYSIS TASK: a\nANALYSIS TASK: $(id)"] {
            assert_eq!(analysis_task(&lines(log)), None, "{log}");
        }
    }

    #[test]
    fn an_excerpt_has_the_last_errors_and_no_token() {
        let token = "0123456789abcdef0123456789abcdef01234567";
        let log =
            format!("INFO a\nERROR one sqa_{token} end\n[Container] Entering phase\nERROR two squ_{token}\nINFO b");
        assert_eq!(excerpt(&lines(&log), 5), ["ERROR one *** end", "ERROR two ***"]);
        assert_eq!(excerpt(&lines(&log), 1), ["ERROR two ***"]);
        assert_eq!(excerpt(&lines("a\n\nb\n[Container] c"), 5), ["a", "b"]);
        let key = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb";
        assert_eq!(excerpt(&lines(key), 5), ["a", "b"]);
    }

    #[test]
    fn a_line_of_a_megabyte_is_cut_and_the_cut_is_shown() {
        let token = "sqa_0123456789abcdef0123456789abcdef01234567";
        let long = format!("ERROR {}{token} {}", "é ".repeat(480), "x".repeat(1_048_576));
        let [shown] = &excerpt(&[long], 5)[..] else { panic!("one line") };
        assert_eq!(shown.chars().count(), LONGEST_LINE);
        assert!(shown.starts_with("ERROR é") && shown.ends_with('…') && !shown.contains("sqa_"), "{shown}");
    }
}
