//! What a verdict does not cover: findings that the code itself switches off, and files that no analyser has judged.
//!
//! The build counts them (`buildspec/sonar-scan.yml`), and people read them beside the verdict, a passed gate's too:
//! whoever uploads chooses what is in the zip.

use serde::{Deserialize, Serialize};

use super::build::Build;
use crate::text::{cut, plain};

/// How many there are of one kind.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Counted {
    /// A word of the buildspec's: `nosonar`, `hidden`.
    pub kind: String,
    /// More than 0.
    pub count: u64,
}

/// What the verdict on one upload does not cover.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Unjudged {
    /// Comments and annotations that keep an analyser silent.
    pub suppressions: Vec<Counted>,
    /// Files that were not analysed, or only in part.
    pub files: Vec<Counted>,
}

/// What people read for the buildspec's words.
const SUPPRESSIONS: [(&str, &str); 4] = [
    ("nosonar", "`NOSONAR`"),
    ("noqa", "`# noqa`"),
    ("suppress-warnings", "`@SuppressWarnings`"),
    ("eslint", "`eslint-disable`"),
];
const FILES: [(&str, &str); 12] = [
    ("git", "of git repositories"),
    ("outside", "outside of the folder that is scanned"),
    ("hidden", "with a leading dot in the path"),
    ("node-modules", "in node_modules"),
    ("minified", "minified"),
    ("too-large", "larger than 20 MB"),
    ("no-analyser", "in a language without an analyser"),
    ("binary", "with binary content"),
    ("encoding", "in an encoding that the analyser reads otherwise than Python"),
    ("unparsed", "that could not be parsed"),
    ("declared-twice", "with a Java class that is declared twice"),
    (PACKED, "packed or compiled"),
];
/// Libraries, in most projects.
const PACKED: &str = "packed";
/// Their analyser knows fewer types then, so some rules are silent.
const WITHOUT_CLASSES: &str = "without-classes";
/// The build has some ten kinds.
const MOST_KINDS: usize = 20;
/// Of one line: each is shown whatever else does not fit into a message.
const LONGEST_LINE: usize = 500;

impl Unjudged {
    /// What the build told in its exported variables; `None` if it did not.
    #[must_use]
    pub fn of(build: &Build) -> Option<Self> {
        let told = |name: &str| build.exported(name).map(read);
        Some(Self { suppressions: told("SUPPRESSIONS")?, files: told("NOT_ANALYSED")? })
    }

    /// Whether somebody should hear of it although the gate is passed. Libraries in a zip, and Java without its classes, are
    /// no surprise.
    #[must_use]
    pub fn is_notable(&self) -> bool {
        !self.suppressions.is_empty()
            || self.files.iter().any(|counted| ![PACKED, WITHOUT_CLASSES].contains(&counted.kind.as_str()))
    }

    /// One line of a message for each sort of it; none if the verdict covers everything.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.suppressions.is_empty() {
            lines.push(format!("*Findings switched off in the code*: {}", listed(&self.suppressions, &SUPPRESSIONS)));
        }
        let (in_part, left_out): (Vec<_>, Vec<_>) =
            self.files.iter().cloned().partition(|counted| counted.kind == WITHOUT_CLASSES);
        if !left_out.is_empty() {
            let sum = sum(&left_out);
            let files = if sum == 1 { "file was" } else { "files were" };
            lines.push(format!("*Not analysed*: {sum} {files} left out: {}", listed(&left_out, &FILES)));
        }
        if !in_part.is_empty() {
            let sum = sum(&in_part);
            lines.push(format!("*Analysed in part*: {sum} of Java, because the zip names no compiled classes"));
        }
        lines.iter().map(|line| cut(line, LONGEST_LINE)).collect()
    }
}

fn sum(counted: &[Counted]) -> u64 {
    counted.iter().fold(0, |sum, counted| sum.saturating_add(counted.count))
}

/// `kind:number kind:number`, or `none`; whatever is not of this form is left out.
fn read(told: &str) -> Vec<Counted> {
    let one = |word: &str| {
        let (kind, count) = word.split_once(':')?;
        let is_kind = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        let count = count.parse().ok().filter(|count| *count > 0)?;
        is_kind.then(|| Counted { kind: kind.to_owned(), count })
    };
    told.split_whitespace().filter_map(one).take(MOST_KINDS).collect()
}

fn listed(counted: &[Counted], words: &[(&str, &str)]) -> String {
    let one = |Counted { kind, count }: &Counted| {
        let word = words.iter().find(|(known, _)| known == kind).map(|(_, word)| (*word).to_owned());
        format!("{count} {}", word.unwrap_or_else(|| plain(kind, 40)))
    };
    counted.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn told(suppressions: &str, files: &str) -> Unjudged {
        let exported = [("SUPPRESSIONS", suppressions), ("NOT_ANALYSED", files)];
        let exported = exported.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Unjudged::of(&Build { exported, ..Build::default() }).unwrap()
    }

    #[test]
    fn every_kind_is_named_and_counted() {
        let all = told("nosonar:3 noqa:1", "git:3 hidden:2 minified:1 packed:4 without-classes:12 new-kind:1");
        assert_eq!(
            all.lines(),
            [
                "*Findings switched off in the code*: 3 `NOSONAR`, 1 `# noqa`",
                "*Not analysed*: 11 files were left out: 3 of git repositories, 2 with a leading dot in the path, 1 minified, \
                 4 packed or compiled, 1 new-kind",
                "*Analysed in part*: 12 of Java, because the zip names no compiled classes",
            ]
        );
        assert_eq!(
            told("none", "hidden:1").lines(),
            ["*Not analysed*: 1 file was left out: 1 with a leading dot in the path"]
        );
        assert_eq!(told("none", "none").lines(), Vec::<String>::new());
    }

    #[test]
    fn every_kind_that_the_build_counts_has_words() {
        let buildspec = include_str!("../../../../buildspec/sonar-scan.yml");
        // In the ways in which it writes them down.
        let mut counted = BTreeSet::new();
        for (before, after) in [
            ("return \"", "\", None"),
            ("unjudged[\"", "\"]"),
            ("counts[\"", "\"]"),
            ("counts = {\"", "\":"),
            ("apart = {\"", "\":"),
            ("len(kept), \"", "\":"),
            ("NOT_ANALYSED:+$NOT_ANALYSED }", ":$"),
        ] {
            let found = buildspec.split(before).skip(1).filter_map(|rest| {
                let kind = rest.get(..rest.find(|character: char| !matches!(character, 'a'..='z' | '-'))?)?;
                rest.get(kind.len()..)?.starts_with(after).then_some(kind)
            });
            counted.extend(found);
        }
        let known = SUPPRESSIONS.iter().chain(&FILES).map(|(kind, _)| *kind).chain([WITHOUT_CLASSES]);
        assert_eq!(counted, known.collect());
    }

    #[test]
    fn libraries_alone_are_not_notable() {
        assert!(!told("none", "packed:3 without-classes:9").is_notable());
        assert!(told("noqa:1", "none").is_notable());
        assert!(told("none", "packed:3 hidden:1").is_notable());
        assert!(told("none", "git:1").is_notable());
        assert_eq!(Unjudged::of(&Build::default()), None);
    }

    proptest! {
        #[test]
        fn nothing_that_the_build_says_is_markup(suppressions in "x\\PC{0,200}", files in "x([a-z-]{0,9}:[0-9]{0,30} |\\PC){0,60}") {
            for line in told(&suppressions, &files).lines() {
                prop_assert!(!line.contains(['<', '>', '@']) || line.contains("@SuppressWarnings"), "{}", line);
            }
        }
    }
}
