use std::collections::BTreeSet;

use crate::{FUNCTIONS, TEMPLATES, between, keys, read, sources, template};

#[test]
fn every_variable_that_a_function_reads_is_in_its_template_and_the_other_way_round() {
    for (krate, name, logical) in FUNCTIONS {
        let template = template(name);
        let function = &template["Resources"][format!("{logical}Function").as_str()]["Properties"];
        let given = keys(&function["Environment"]["Variables"]);

        let mut asked = BTreeSet::new();
        for (_, code) in sources(krate) {
            // Names of variables are the only texts of this form.
            for text in between(&code, "\"", '"') {
                let capital = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
                let known = given.contains(text) || code.contains("Env::new");
                if known && text.contains('_') && text.bytes().all(capital) {
                    asked.insert(text.to_owned());
                }
            }
        }
        assert!(!asked.is_empty(), "{krate} reads no variable at all");
        assert_eq!(asked, given, "{krate}: what the function asks for, and what {name} gives");
    }
}

#[test]
fn every_parameter_is_used_grouped_and_labelled() {
    for name in TEMPLATES {
        let text = read(&format!("templates/{name}"));
        let template = template(name);
        let interface = &template["Metadata"]["AWS::CloudFormation::Interface"];
        let parameters = keys(&template["Parameters"]);
        let mut grouped = BTreeSet::new();
        for group in interface["ParameterGroups"].as_vec().unwrap() {
            for parameter in group["Parameters"].as_vec().unwrap() {
                assert!(
                    grouped.insert(parameter.as_str().unwrap().to_owned()),
                    "{name}: {parameter:?} is grouped twice"
                );
            }
        }
        assert_eq!(grouped, parameters, "{name}: groups");
        assert_eq!(keys(&interface["ParameterLabels"]), parameters, "{name}: labels");
        for parameter in &parameters {
            let described = &template["Parameters"][parameter.as_str()];
            assert!(described["Description"].as_str().is_some(), "{name}: {parameter} has no description");
            if described["AllowedPattern"].as_str().is_some() {
                assert!(
                    described["ConstraintDescription"].as_str().is_some(),
                    "{name}: {parameter} does not say its rule"
                );
            }
            let used =
                text.matches(&format!("!Ref {parameter}")).count() + text.matches(&format!("${{{parameter}}}")).count();
            assert!(used > 0, "{name}: {parameter} is not used");
        }
    }
}

#[test]
fn data_outlives_its_stack_and_is_closed_to_the_public() {
    for name in TEMPLATES {
        let template = template(name);
        for (logical, resource) in template["Resources"].as_hash().unwrap() {
            let kind = resource["Type"].as_str().unwrap();
            if kind == "AWS::S3::Bucket" || kind == "AWS::KMS::Key" {
                for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
                    assert_eq!(resource[policy].as_str(), Some("Retain"), "{name}: {logical:?}");
                }
            }
            if kind == "AWS::S3::Bucket" {
                let properties = &resource["Properties"];
                let blocks = &properties["PublicAccessBlockConfiguration"];
                assert_eq!(keys(blocks).len(), 4, "{name}: {logical:?}");
                assert!(
                    blocks.as_hash().unwrap().values().all(|value| value.as_bool() == Some(true)),
                    "{name}: {logical:?}"
                );
                assert_eq!(
                    properties["VersioningConfiguration"]["Status"].as_str(),
                    Some("Enabled"),
                    "{name}: {logical:?}"
                );
                assert!(
                    properties["BucketName"].is_badvalue() || name == "pre-requisite.yml",
                    "{name}: {logical:?} is named"
                );
            }
        }
    }
}

/// `CreateCustomAction` takes command texts of 1 to 100 characters (facts 1.2).
#[test]
fn the_commands_of_the_buttons_fit_in_every_region() {
    const LONGEST_REGION: &str = "us-isof-south-1";
    let template = template("app-security.yml");
    for action in ["ApproveAction", "RejectAction"] {
        let command = texts_of(&template["Resources"][action]["Properties"]["Definition"]["CommandText"]);
        let command = command
            .replace("${AWS::Region}", LONGEST_REGION)
            .replace("${ApprovalFunction}", "scan-01234567")
            .replace("${Id}", "01234567");
        assert!(!command.contains("${"), "{command}");
        assert!(command.starts_with("lambda invoke --function-name scan-01234567 "), "{command}");
        assert!(command.chars().count() <= 100, "{} characters: {command}", command.chars().count());
    }
}

fn texts_of(yaml: &yaml_rust2::Yaml) -> String {
    crate::texts(yaml).first().cloned().unwrap_or_else(|| panic!("no text: {yaml:?}"))
}

/// A template in a request may have 51,200 bytes, one in S3 a megabyte:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>. The first stack makes the
/// bucket that the others are read from.
#[test]
fn every_template_is_small_enough_for_the_way_it_is_sent() {
    let size = |name: &str| read(&format!("templates/{name}")).len();
    let sent = read("crates/operate/src/deploy.rs");
    let sent = sent.split("#[cfg(test)]").next().unwrap();
    assert_eq!(sent.matches("Template::Body(").count(), 1, "another template is sent in a request");
    assert!(sent.contains("release.template(Stack::PreRequisite)"), "the first template is not the one in a request");
    assert!(size("pre-requisite.yml") <= 51_200, "pre-requisite.yml does not fit into a request any more");
    for name in TEMPLATES {
        assert!(size(name) <= 1_000_000, "{name} is larger than CloudFormation takes");
    }
}
