//! The build gets nothing of the upload but its name, and everything that its specification asks for.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{between, read, sources, template};

fn arguments() -> Value {
    let machine: Value = serde_json::from_str(&read("statemachine/code-scan.asl.json")).unwrap();
    machine["States"]["Scan"]["Arguments"].clone()
}

/// `CodeBuild` unpacks a source before any command of ours could look at it.
#[test]
fn codebuild_never_unpacks_an_upload() {
    let project = &template("app-security.yml")["Resources"]["ScanProject"]["Properties"];
    assert_eq!(project["Source"]["Type"].as_str(), Some("NO_SOURCE"));
    assert!(project["Source"]["Location"].is_badvalue() && project["SecondarySources"].is_badvalue());
    let given: BTreeSet<_> = arguments().as_object().unwrap().keys().cloned().collect();
    assert_eq!(given, ["EnvironmentVariablesOverride", "IdempotencyToken", "ProjectName"].map(str::to_owned).into());
}

/// What the buildspec asks for by name is set by the template or for each upload, and nothing else is.
#[test]
fn the_build_is_told_all_that_it_asks_for() {
    let project = &template("app-security.yml")["Resources"]["ScanProject"]["Properties"];
    let of_deployment = project["Environment"]["EnvironmentVariables"].as_vec().unwrap().iter();
    let of_upload = arguments()["EnvironmentVariablesOverride"].as_array().unwrap().clone();
    let told: BTreeSet<_> = of_deployment
        .map(|variable| variable["Name"].as_str().unwrap().to_owned())
        .chain(of_upload.iter().map(|variable| variable["Name"].as_str().unwrap().to_owned()))
        .collect();
    let buildspec = read("buildspec/sonar-scan.yml");
    let needed = between(&buildspec, "for name in SCAN_ID", ';').next().unwrap().replace('\\', " ");
    let needed = needed.split_whitespace().map(str::to_owned);
    // These have a default.
    let optional = ["SONAR_FILE_DIRECTORY", "SONAR_FILE_NAME", "SCANNER_HEAP_MIB"].map(str::to_owned);
    assert_eq!(told, needed.chain(optional).chain(["SCAN_ID".to_owned()]).collect());
}

/// A variable of the project takes the place of the buildspec's
/// (<https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html>).
#[test]
fn the_scanner_has_the_memory_that_the_template_says() {
    let template = template("app-security.yml");
    let variables = &template["Resources"]["ScanProject"]["Properties"]["Environment"]["EnvironmentVariables"];
    let mut variables = variables.as_vec().unwrap().iter();
    let heap = variables.find(|variable| variable["Name"].as_str() == Some("SCANNER_HEAP_MIB")).unwrap();
    assert_eq!(heap["Value"].as_str(), Some("ScannerHeapMiB"));
    let default = template["Parameters"]["ScannerHeapMiB"]["Default"].as_i64().unwrap();
    let buildspec = read("buildspec/sonar-scan.yml");
    assert!(buildspec.contains(&format!("\n    SCANNER_HEAP_MIB: \"{default}\"\n")), "the defaults differ");
    assert!(buildspec.contains("heap=\"$SCANNER_HEAP_MIB\"") && buildspec.contains("\"-Xmx${heap}m\""));
}

/// What nobody reads would be one more thing that a build tells the outside.
#[test]
fn every_variable_that_the_build_exports_is_read() {
    let buildspec = read("buildspec/sonar-scan.yml");
    let list = buildspec.split("exported-variables:\n").nth(1).unwrap();
    let names: Vec<_> = list.lines().map_while(|line| line.trim().strip_prefix("- ")).collect();
    let code: String = sources("domain").into_iter().map(|(_, code)| code).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for name in names {
        let read = ["exported", "told"].iter().any(|call| code.contains(&format!("{call}(\"{name}\")")));
        assert!(read, "nobody reads {name}");
    }
}
