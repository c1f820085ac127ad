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

/// A row about something that is gone misleads more than one that is missing.
#[test]
fn the_tables_of_the_templates_readme_name_nothing_else() {
    let readme = read("templates/README.md");
    for name in TEMPLATES {
        let template = template(name);
        let begin = readme.lines().position(|line| line.starts_with('#') && line.contains(name)).unwrap();
        let section = readme.lines().skip(begin + 1).take_while(|line| !line.starts_with("## "));
        let mut known = BTreeSet::new();
        let mut rows = 0;
        for line in section {
            if line.starts_with("| Parameter |") {
                known = keys(&template["Parameters"]);
            } else if line.starts_with("| Output |") {
                known = keys(&template["Outputs"]);
            } else if let Some(row) = between(line, "| `", '`').next().filter(|_| line.starts_with("| `")) {
                assert!(known.remove(row), "templates/README.md names {row} of {name}, which it has not, or twice");
                rows += 1;
            }
        }
        assert!(rows > 5, "{name}");
    }
    // Where a parameter of one template comes from: "`A` of x.yml and y.yml | output `B` of z.yml".
    let origins = readme.lines().skip_while(|line| *line != "| Parameter | Comes from |").skip(2);
    for line in origins.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
        for (cell, section) in cells.iter().zip(["Parameters", "Outputs"]) {
            let thing = between(cell, "`", '`').next().unwrap();
            let of = TEMPLATES.into_iter().filter(|name| cell.contains(name));
            let missing: Vec<_> = of.filter(|name| !keys(&template(name)[section]).contains(thing)).collect();
            assert!(missing.is_empty(), "templates/README.md: {thing} is not in {missing:?}");
        }
    }
}

/// One way, so that nobody has to choose: the script, with the secret's variable.
#[test]
fn secrets_are_changed_in_the_one_documented_way() {
    let readme = read("README.md");
    let section = readme.split("### Change a token or secret\n").nth(1).unwrap().split("\n### ").next().unwrap();
    for secret in operate::parameters::SECRETS {
        assert!(section.contains(secret.variable), "README.md does not say how {} is changed", secret.name);
    }
    for document in ["README.md", "SECURITY.md", "docs/code-scan.md", "docs/macie.md", "docs/macie-operation.md"] {
        assert!(!read(document).contains("put-secret-value"), "{document} knows another way");
    }
}

/// CloudFormation makes the resources with the rights of whoever deploys.
#[test]
fn the_operators_policy_covers_every_service_of_the_templates() {
    let policy: serde_json::Value = serde_json::from_str(&read("docs/operator-policy.json")).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let of = |sid: &str| statements.iter().find(|statement| statement["Sid"] == sid).unwrap();
    let mut allowed = BTreeSet::new();
    for sid in ["LetCloudFormationMakeTheResources", "LetCloudFormationMakeTheRoles"] {
        let made = of(sid);
        assert_eq!(made["Condition"]["ForAnyValue:StringEquals"]["aws:CalledVia"], "cloudformation.amazonaws.com");
        let actions = made["Action"].as_array().unwrap().iter().map(|action| action.as_str().unwrap());
        let services = actions.inspect(|action| {
            // Or every role of the account could be passed on, administrators' included.
            assert!(!local::permissions::pattern::matches_action(action, "iam:PassRole"), "{action}");
        });
        allowed.extend(services.map(|action| action.split(':').next().unwrap()));
    }
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    assert!(policy.to_string().len() <= 6_144, "the policy is too long to be attached");
    // How IAM calls a service of CloudFormation's types where that is not the same in lower case.
    let names = [("apigatewayv2", "apigateway"), ("macie", "macie2"), ("stepfunctions", "states")];
    let mut needed = BTreeSet::new();
    let mut assuming = BTreeSet::new();
    for name in TEMPLATES {
        for resource in template(name)["Resources"].as_hash().unwrap().values() {
            let kind = resource["Type"].as_str().unwrap().split("::").nth(1).unwrap().to_ascii_lowercase();
            let known = names.iter().find(|(theirs, _)| *theirs == kind).map(|(_, iam)| (*iam).to_owned());
            needed.insert(known.unwrap_or(kind));
        }
        assuming.extend(between(&read(&format!("templates/{name}")), "Principal: {Service: ", '}').map(str::to_owned));
    }
    assert_eq!(allowed, needed.iter().map(String::as_str).collect());
    // Those that take on a role; the others write to a queue, a topic or a bucket.
    let passed = &of("LetCloudFormationPassTheRoles")["Condition"]["StringEquals"]["iam:PassedToService"];
    let passed: BTreeSet<&str> = passed.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let others = ["cloudwatch.amazonaws.com", "logging.s3.amazonaws.com"];
    assert_eq!(passed, assuming.iter().map(String::as_str).filter(|name| !others.contains(name)).collect());
}

#[test]
fn every_walkthrough_is_a_story_that_the_tests_play() {
    let architecture = read("ARCHITECTURE.md");
    let headings = architecture.lines().filter(|line| line.starts_with("### "));
    let named = headings.map(|line| between(line, "(`", '`').next().unwrap_or_else(|| panic!("{line}: which story?")));
    let walkthroughs: Vec<_> = named.collect();
    assert!(walkthroughs.len() >= 4, "{walkthroughs:?}");
    for name in walkthroughs {
        assert!(stories::find(name).is_some(), "ARCHITECTURE.md tells of {name}, and no story is called so");
    }
}

/// `scripts/demo` decides by the name, before there is a program to ask.
#[test]
fn the_stories_about_code_are_those_with_scan_in_their_name() {
    for story in stories::ALL {
        assert_eq!(story.name.contains("scan"), story.needs_sonarqube, "{}", story.name);
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
    for (name, alarm) in alarms("macie-remediation.yml") {
        assert!(manual.contains(&format!("`{name}`")), "docs/macie-operation.md does not explain {name}");
        if alarm["Namespace"].as_str() == Some("SecurityChatOps") {
            let metric = alarm["MetricName"].as_str().unwrap();
            assert!(metrics.contains(metric), "{name} watches {metric}, which nothing measures");
        }
    }
}

/// Both ways: an alarm in the table that is gone misleads as well.
#[test]
fn every_alarm_of_code_scans_is_explained() {
    let manual = read("docs/code-scan.md");
    let section = manual.split("\n| alarm | ").nth(1).unwrap().split("\n\n").next().unwrap();
    let explained: BTreeSet<_> = between(section, "`", '`').filter(|word| word.ends_with("Alarm")).collect();
    let ours: Vec<_> = ["pre-requisite.yml", "app-security.yml"].into_iter().flat_map(alarms).collect();
    assert_eq!(explained, ours.iter().map(|(name, _)| name.as_str()).collect());
}

/// Whoever reads in the channel that the pipeline failed looks for these words. Both ways, as with the alarms.
#[test]
fn every_headline_of_a_failed_pipeline_has_its_row() {
    let code = read("crates/domain/src/scan/diagnosis.rs");
    let code = code.split("pub fn headline(").nth(1).unwrap().split("pub fn remedy(").next().unwrap();
    let headlines: BTreeSet<_> =
        between(code, "=> \"", '"').map(|line| line.trim_end_matches('.').to_lowercase()).collect();
    assert_eq!(
        code.matches("=>").count(),
        headlines.len() + 1,
        "one arm for the scanner's failures, one headline for each other"
    );
    let manual = read("docs/code-scan.md");
    let rows = manual.split("\n| what happened | ").nth(1).unwrap().lines().skip(2);
    let rows: Vec<_> =
        rows.map_while(|row| row.strip_prefix("| ")?.split(" |").next()).map(str::to_lowercase).collect();
    for headline in &headlines {
        assert!(rows.iter().any(|row| row.contains(headline)), "docs/code-scan.md has no row for: {headline}");
    }
    for row in rows {
        assert!(headlines.iter().any(|headline| row.contains(headline)), "nothing fails in these words: {row}");
    }
}

fn alarms(template_name: &str) -> Vec<(String, yaml_rust2::Yaml)> {
    let template = template(template_name);
    let resources = template["Resources"].as_hash().unwrap().iter();
    let alarms = resources.filter(|(_, resource)| resource["Type"].as_str() == Some("AWS::CloudWatch::Alarm"));
    alarms.map(|(name, alarm)| (name.as_str().unwrap().to_owned(), alarm["Properties"].clone())).collect()
}

#[test]
fn what_happens_to_which_finding_is_documented_with_its_default() {
    let manual = read("docs/macie.md");
    let section = manual.split("## 2. Choose what happens\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let template = template("macie-remediation.yml");
    let actions: Vec<_> = keys(&template["Parameters"]).into_iter().filter(|name| name.ends_with("Action")).collect();
    assert_eq!(actions.len(), 5);
    for parameter in actions.iter().map(String::as_str).chain(["PolicyFindings"]) {
        let default = template["Parameters"][parameter]["Default"].as_str().unwrap();
        let row = format!(" | `{parameter}` | `{default}`");
        assert!(section.contains(&row), "docs/macie.md does not say{row}");
    }
}

#[test]
fn the_slack_app_of_the_manual_is_the_one_that_the_script_prints() {
    let manual = read("docs/slack-app.md");
    let pasted = manual.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let pasted: serde_json::Value = serde_json::from_str(pasted).unwrap();
    assert_eq!(pasted, operate::slack_manifest::manifest("security-chatops", None));
}
