use serde_json::json;

use super::*;

const TEMPLATES: [&str; 3] = [
    include_str!("../../../../templates/pre-requisite.yml"),
    include_str!("../../../../templates/app-security.yml"),
    include_str!("../../../../templates/macie-remediation.yml"),
];

fn texts(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn facts() -> Facts {
    Facts {
        partition: "aws".to_owned(),
        region: "eu-west-1".to_owned(),
        account: "111122223333".to_owned(),
        stack_id: "arn:aws:cloudformation:eu-west-1:111122223333:stack/demo/1a2b3c4d-0000".to_owned(),
        stack_name: "demo".to_owned(),
        ..Facts::default()
    }
}

fn filled(template: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Value> {
    let resources = [("B", "AWS::S3::Bucket", "bucket"), ("Q", "AWS::SQS::Queue", "https://sqs/1/queue")];
    let resources = resources.map(|(name, kind, id)| (name.to_owned(), (kind.to_owned(), id.to_owned())));
    let facts = Facts { parameters: texts(parameters), resources: resources.into(), ..facts() };
    Template::read(template, facts)?.properties("R")
}

#[test]
fn fills_in_what_a_template_leaves_open() {
    let template = "\
Parameters:
  Name: {Type: String, Default: ''}
  Keys: {Type: CommaDelimitedList, Default: ''}
Conditions:
  Named: !Not [!Equals [!Ref Name, '']]
  HasKeys: !Not [!Equals [!Join ['', !Ref Keys], '']]
Resources:
  R:
    Properties:
      Arn: !Sub '${B.Arn}/*'
      Queue: !GetAtt Q.Arn
      Short: !Sub
        - scan-${Id}
        - Id: !Select [0, !Split ['-', !Select [2, !Split ['/', !Ref AWS::StackId]]]]
      Named: !If [Named, !Ref Name, !Ref AWS::NoValue]
      List: [!If [HasKeys, !Ref Keys, !Ref AWS::NoValue], last]
      Yes: true
";
    assert_eq!(
        filled(template, &[]).unwrap(),
        json!({
            "Arn": "arn:aws:s3:::bucket/*", "Queue": "arn:aws:sqs:eu-west-1:111122223333:queue",
            "Short": "scan-1a2b3c4d", "List": ["last"], "Yes": "true",
        })
    );
    let named = filled(template, &[("Name", "n"), ("Keys", "a, b")]).unwrap();
    assert_eq!((&named["Named"], &named["List"]), (&json!("n"), &json!([["a", "b"], "last"])));
}

#[test]
fn says_what_it_cannot_fill_in() {
    for (property, why) in [
        ("!Ref Nowhere", "the stack has no Nowhere"),
        ("!GetAtt B.WebsiteURL", "the attribute WebsiteURL of B is not known here"),
        ("!Base64 x", "!Base64 is not known here"),
        ("!If [Nothing, 1, 2]", "the template has no condition Nothing"),
    ] {
        let template = format!("Resources:\n  R:\n    Properties:\n      P: {property}\n");
        let error = filled(&template, &[]).unwrap_err();
        assert!(format!("{error:#}").contains(why), "{error:#}");
    }
}

/// A resource that could not be filled in would be one that the doctor cannot look at.
#[test]
fn every_resource_of_our_templates_can_be_filled_in() {
    for text in TEMPLATES {
        let root = yaml::parse(text).unwrap();
        let mut facts = facts();
        for (name, _) in root.get("Parameters").unwrap().entries() {
            facts.parameters.insert(name.clone(), "1".to_owned());
        }
        let resources = root.get("Resources").unwrap().entries();
        for (name, resource) in resources {
            let kind = resource.get("Type").and_then(Node::text).unwrap();
            facts.resources.insert(name.clone(), (kind.to_owned(), format!("id-of-{name}")));
        }
        let template = Template::read(text, facts).unwrap();
        assert!(resources.len() > 4);
        for (name, _) in resources {
            let properties = template.properties(name).unwrap();
            assert!(properties.as_object().is_some_and(|properties| !properties.is_empty()), "{name}: {properties}");
        }
    }
}
