use std::collections::BTreeSet;

use local::stories;

use crate::{TEMPLATES, between, keys, read, template};

#[test]
fn the_tables_of_the_templates_readme_name_every_parameter_with_its_default() {
    let readme = read("templates/README.md");
    for name in TEMPLATES {
        let template = template(name);
        // From this template's first mention to the next heading.
        let begin = readme.lines().position(|line| line.starts_with('#') && line.contains(name));
        let begin = begin.unwrap_or_else(|| panic!("templates/README.md has no heading for {name}"));
        let section: Vec<_> = readme.lines().skip(begin + 1).take_while(|line| !line.starts_with("## ")).collect();
        for parameter in keys(&template["Parameters"]) {
            let row_begins = format!("| `{parameter}` |");
            let row = section.iter().find(|line| line.starts_with(&row_begins));
            let row = row.unwrap_or_else(|| panic!("templates/README.md does not name {parameter} of {name}"));
            let default = &template["Parameters"][parameter.as_str()]["Default"];
            let shown = match default {
                yaml_rust2::Yaml::BadValue => "required".to_owned(),
                yaml_rust2::Yaml::String(text) if text.is_empty() => "empty".to_owned(),
                yaml_rust2::Yaml::String(text) => format!("`{text}`"),
                yaml_rust2::Yaml::Integer(number) => format!("`{number}`"),
                yaml_rust2::Yaml::Real(number) => format!("`{number}`"),
                yaml_rust2::Yaml::Boolean(truth) => format!("`{truth}`"),
                other => panic!("{parameter}: {other:?}"),
            };
            assert!(row.ends_with(&format!("| {shown} |")), "templates/README.md says of {name}: {row}; it is {shown}");
        }
    }
}

#[test]
fn every_walkthrough_is_a_story_that_the_tests_play() {
    let architecture = read("ARCHITECTURE.md");
    let headings = architecture.lines().filter(|line| line.starts_with("### "));
    let walkthroughs: Vec<_> = headings.filter_map(|line| between(line, "(`", '`').next()).collect();
    assert!(walkthroughs.len() >= 4, "{walkthroughs:?}");
    for name in walkthroughs {
        assert!(stories::find(name).is_some(), "ARCHITECTURE.md tells of {name}, and no story is called so");
    }
}

#[test]
fn the_readme_names_the_scripts_that_exist() {
    let documents = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "templates/README.md", "docs/code-scan.md"];
    let documents = documents.map(read).concat();
    let named: BTreeSet<_> = between(&documents, "scripts/", '`')
        .filter_map(|rest| rest.split(|character: char| !(character.is_ascii_lowercase() || character == '-')).next())
        .filter(|name| !name.is_empty())
        .collect();
    for name in &named {
        assert!(crate::root().join("scripts").join(name).is_file(), "scripts/{name} is named and not there");
    }
    for entry in std::fs::read_dir(crate::root().join("scripts")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(named.contains(name.as_str()), "no document names scripts/{name}");
    }
}

#[test]
fn every_metric_and_alarm_of_macie_remediation_is_explained() {
    let manual = read("docs/macie-operation.md");
    let metrics = read("crates/platform/src/metrics.rs");
    let metrics: BTreeSet<_> =
        between(&metrics, "=> \"", '"').filter(|name| *name != "Seconds" && *name != "Count").collect();
    assert!(metrics.len() > 10);
    for name in &metrics {
        assert!(manual.contains(&format!("| `{name}` |")), "docs/macie-operation.md does not explain {name}");
    }
    let template = template("macie-remediation.yml");
    for (name, resource) in template["Resources"].as_hash().unwrap() {
        if resource["Type"].as_str() != Some("AWS::CloudWatch::Alarm") {
            continue;
        }
        let name = name.as_str().unwrap();
        assert!(manual.contains(&format!("`{name}`")), "docs/macie-operation.md does not explain {name}");
        if resource["Properties"]["Namespace"].as_str() == Some("SecurityChatOps") {
            let metric = resource["Properties"]["MetricName"].as_str().unwrap();
            assert!(metrics.contains(metric), "{name} watches {metric}, which nothing measures");
        }
    }
}
