//! The chapter Costs of the README: its numbers of things are those of the templates, and its sums are sums.

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
