//! The chapter Costs of the README: its numbers of things are those of the templates, and its sums are sums.

use std::collections::BTreeSet;

use crate::{TEMPLATES, between, read, template};

/// The chapter's rows, as their cells.
fn rows() -> Vec<Vec<String>> {
    let readme = read("README.md");
    let chapter = readme.split("\n## ").find(|chapter| chapter.starts_with("Costs\n")).unwrap();
    let rows = chapter.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn number(text: &str) -> f64 {
    text.replace(',', "").parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn is_about(one: f64, other: f64, tolerance: f64) -> bool {
    (one - other).abs() <= tolerance
}

#[test]
fn what_is_always_there_is_counted_and_summed_up() {
    let resources = |kind: &str| -> usize {
        let count = |name| {
            let template = template(name);
            let resources = template["Resources"].as_hash().unwrap().values();
            resources.filter(|resource| resource["Type"].as_str() == Some(kind)).count()
        };
        TEMPLATES.into_iter().map(count).sum()
    };
    let metrics = read("crates/platform/src/metrics.rs");
    let names = between(&metrics, "pub fn name(self)", '}').next().unwrap().matches("=> \"").count();
    let rows = rows();
    let mut total = 0.0;
    for (beginning, count) in [
        ("encryption keys", resources("AWS::KMS::Key")),
        ("secrets", resources("AWS::SecretsManager::Secret")),
        ("alarms", resources("AWS::CloudWatch::Alarm")),
        ("dashboards", resources("AWS::CloudWatch::Dashboard")),
        ("metrics", names),
        ("polling", 1),
    ] {
        let row = rows.iter().find(|row| row[0].starts_with(beginning)).unwrap_or_else(|| panic!("no row {beginning}"));
        assert_eq!(row[1], count.to_string(), "README, Costs: the number of {beginning}, and with it the sums");
        assert!(is_about(number(&row[1]) * number(&row[2]), number(&row[3]), 0.001), "{row:?}");
        total += number(&row[3]);
    }
    assert!(read("README.md").contains(&format!("That is {total:.2};")), "README, Costs: together {total:.2}");
    for row in rows.iter().filter(|row| row.len() == 6 && row[1] != "fixed") {
        assert!(is_about(number(&row[1]), total, 0.001), "README, Costs: fixed is {total:.2}: {row:?}");
    }
}

#[test]
fn the_examples_are_added_up() {
    let examples: Vec<_> = rows().into_iter().filter(|row| row.len() == 6 && row[1] != "fixed").collect();
    assert_eq!(examples.len(), 3);
    for row in examples {
        let mut sum = number(&row[1]) + number(&row[3]);
        for product in [&row[2], &row[4]] {
            let (factors, result) = product.split_once(" = ").unwrap();
            let (one, other) = factors.split_once(" × ").unwrap();
            let exact = number(one.trim_end_matches(" GB")) * number(other);
            assert!(is_about(exact, number(result), 0.006), "{product}");
            sum += exact;
        }
        assert!(is_about(sum, number(&row[5]), 0.51), "{row:?} makes {sum:.2}");
    }
}

/// `(4 × 0.01)` is 0.04, `(0.0005)` is itself.
fn amount(text: &str) -> f64 {
    let factors = text.split(" × ").map(number);
    factors.product()
}

#[test]
fn what_one_of_each_costs_is_the_sum_of_its_parts() {
    let mut seen = 0;
    for row in rows().into_iter().filter(|row| row.len() == 3 && (row[0] == "scan" || row[0] == "finding")) {
        // What stands last in each pair of brackets: before a comma there may be an amount of another kind.
        let parts = between(&row[1], "(", ')').map(|part| part.rsplit(", ").next().unwrap());
        let sum: f64 = parts.map(amount).sum();
        let cost = number(&row[2]);
        // As exact as it is written: half of the last digit, and a finding is rounded up so as not to look free.
        assert!(sum <= cost + 0.0005 && sum >= cost * 0.7, "README, Costs: {} costs {sum}, not {cost}", row[0]);
        seen += 1;
    }
    assert_eq!(seen, 2);
}

/// The longest way on which all goes well: somebody has to decide, approves, and the developers are told.
#[test]
fn a_scan_takes_as_many_steps_as_the_state_machine_has_on_its_way() {
    let definition: serde_json::Value = serde_json::from_str(&read("statemachine/code-scan.asl.json")).unwrap();
    let start = definition["StartAt"].as_str().unwrap();
    // The first state is a step as well.
    let steps = 1 + distance(&definition, start, "Tell") + distance(&definition, "Tell", "Approved");
    let rows = rows();
    let scan = &rows.iter().find(|row| row[0] == "scan").unwrap()[1];
    let words = format!("{steps} steps of the state machine ({steps} × ");
    assert!(scan.contains(&words), "README, Costs: a scan takes {words}…");
}

/// How many states are entered from one state until another, without what happens only after an error.
fn distance(definition: &serde_json::Value, from: &str, to: &str) -> usize {
    let mut last = BTreeSet::from([from]);
    let mut steps = 0;
    while !last.contains(to) {
        let after = |name: &&str| {
            let state = &definition["States"][name];
            let choices = state["Choices"].as_array().into_iter().flatten().map(|choice| &choice["Next"]);
            choices.chain([&state["Next"], &state["Default"]]).filter_map(serde_json::Value::as_str).collect::<Vec<_>>()
        };
        last = last.iter().flat_map(after).collect();
        steps += 1;
        assert!(steps < 50, "no way leads from {from} to {to}");
    }
    steps
}

#[test]
fn the_examples_use_the_prices_above_and_keep_a_years_data() {
    let rows = rows();
    let price = |what: &str| number(&rows.iter().find(|row| row[0].starts_with(what)).unwrap()[2]);
    let megabytes = {
        let row = &rows.iter().find(|row| row[0].starts_with("GB kept")).unwrap()[1];
        number(row.split(" MB").next().unwrap().rsplit(' ').next().unwrap())
    };
    let mut seen = 0;
    for row in rows.iter().filter(|row| row.len() == 6 && row[1] != "fixed") {
        // "small: 50 scans, 100 findings, 1 GB into quarantine"
        let numbers: Vec<f64> = row[0]
            .split(|character: char| !(character.is_ascii_digit() || character == ',' || character == '.'))
            .map(|part| part.trim_matches(','))
            .filter(|part| part.chars().any(|character| character.is_ascii_digit()))
            .map(number)
            .collect();
        let [scans, findings, quarantine] = numbers.as_slice() else { panic!("{row:?}") };
        assert!(row[2].starts_with(&format!("{} × {} = ", grouped(*scans), price("scan"))), "{row:?}");
        assert!(is_about(findings * price("finding"), number(&row[3]), 0.006), "{row:?}");
        let kept = 12.0 * (scans * megabytes / 1000.0 + quarantine);
        assert!(is_about(kept, number(row[4].split(" GB").next().unwrap()), 0.06), "{row:?}: {kept} GB");
        assert!(row[4].contains(&format!(" × {} = ", price("GB kept"))), "{row:?}");
        seen += 1;
    }
    assert_eq!(seen, 3);
}

fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    match digits.len().checked_sub(3) {
        None | Some(0) => digits,
        Some(at) => format!("{},{}", &digits[..at], &digits[at..]),
    }
}

/// "That is 14.16; an account with nothing else in it has 3 dashboards, 10 alarms, … free, and pays 3.90."
#[test]
fn what_is_free_is_taken_off() {
    let readme = read("README.md");
    let sentence =
        readme.lines().find(|line| line.starts_with("That is ") && line.contains(" free, and pays ")).unwrap();
    let rows = rows();
    let mut pays = number(between(sentence, "That is ", ';').next().unwrap());
    for (what, each_row) in [("dashboards", "dashboards"), ("alarms", "alarms"), ("metrics", "metrics")] {
        let free = number(sentence.split(&format!(" {what}")).next().unwrap().rsplit(' ').next().unwrap());
        let row = rows.iter().find(|row| row[0].starts_with(each_row)).unwrap();
        pays -= free.min(number(&row[1])) * number(&row[2]);
    }
    assert!(sentence.contains("a million requests to SQS free"), "{sentence}");
    pays -= number(&rows.iter().find(|row| row[0].starts_with("polling")).unwrap()[3]);
    assert!(sentence.ends_with(&format!("and pays {pays:.2}.")), "README, Costs: pays {pays:.2}");
}
