//! A template as CloudFormation fills it in for one stack, so that what is deployed can be held against it.

mod yaml;

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

use self::yaml::Node;

/// What a stack fills its template in with.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// `aws`, `aws-cn`, …
    pub partition: String,
    pub region: String,
    /// 12 digits.
    pub account: String,
    pub stack_id: String,
    pub stack_name: String,
    /// The stack's parameters; those that are not there have the template's default.
    pub parameters: BTreeMap<String, String>,
    /// Type and physical id by logical id.
    pub resources: BTreeMap<String, (String, String)>,
}

/// A template and the values of one stack.
#[derive(Debug)]
pub struct Template {
    root: Node,
    facts: Facts,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// It is no YAML, or no template.
    pub fn read(text: &str, facts: Facts) -> anyhow::Result<Self> {
        let root = yaml::parse(text)?;
        root.get("Resources").context("the template has no resources")?;
        Ok(Self { root, facts })
    }

    /// The properties of a resource, filled in. All scalars are texts: `"true"`, `"300"`. What is not set is not there.
    ///
    /// # Errors
    /// There is no such resource, or it uses a function that is not known here.
    pub fn properties(&self, logical_id: &str) -> anyhow::Result<Value> {
        let resource = self.root.get("Resources").and_then(|resources| resources.get(logical_id));
        let resource = resource.with_context(|| format!("the template has no resource {logical_id}"))?;
        let Some(properties) = resource.get("Properties") else { return Ok(Value::Object(Map::new())) };
        let value = self.fill(properties).with_context(|| format!("fill in {logical_id}"))?;
        Ok(value.unwrap_or(Value::Null))
    }

    /// The logical ids of the resources of a type that this stack has: those whose condition holds.
    ///
    /// # Errors
    /// A condition uses a function that is not known here.
    pub fn of_type(&self, kind: &str) -> anyhow::Result<Vec<String>> {
        let resources = self.root.get("Resources").map(Node::entries).unwrap_or_default();
        let mut found = Vec::new();
        for (name, resource) in resources {
            let wanted = match resource.get("Condition").and_then(Node::text) {
                Some(condition) => self.holds(condition)?,
                None => true,
            };
            if wanted && resource.get("Type").and_then(Node::text) == Some(kind) {
                found.push(name.clone());
            }
        }
        Ok(found)
    }

    /// None stands for `AWS::NoValue`.
    fn fill(&self, node: &Node) -> anyhow::Result<Option<Value>> {
        Ok(Some(match node {
            Node::Text(text) => Value::String(text.clone()),
            Node::List(items) => {
                let mut filled = Vec::new();
                for item in items {
                    filled.extend(self.fill(item)?);
                }
                Value::Array(filled)
            }
            Node::Map(entries) => {
                let mut filled = Map::new();
                for (key, node) in entries {
                    if let Some(value) = self.fill(node)? {
                        filled.insert(key.clone(), value);
                    }
                }
                Value::Object(filled)
            }
            Node::Call(name, argument) => return self.call(name, argument),
        }))
    }

    fn call(&self, name: &str, argument: &Node) -> anyhow::Result<Option<Value>> {
        let items = match argument {
            Node::List(items) => items.as_slice(),
            _ => &[],
        };
        let value = match (name, argument, items) {
            ("Ref", Node::Text(name), _) if name == "AWS::NoValue" => return Ok(None),
            ("Ref", Node::Text(name), _) => self.reference(name)?,
            ("GetAtt", Node::Text(path), _) => {
                let (resource, attribute) = path.split_once('.').context("GetAtt names no attribute")?;
                Value::String(self.attribute(resource, attribute)?)
            }
            ("Sub", Node::Text(text), _) => Value::String(self.substitute(text, &[])?),
            ("Sub", _, [Node::Text(text), Node::Map(more)]) => Value::String(self.substitute(text, more)?),
            ("If", _, [Node::Text(condition), then, otherwise]) => {
                return self.fill(if self.holds(condition)? { then } else { otherwise });
            }
            ("Select", _, [index, list]) => {
                let index: usize = self.text(index)?.parse().context("Select takes a number")?;
                let list = self.fill(list)?.unwrap_or_default();
                list.get(index).cloned().context("Select goes beyond the end of its list")?
            }
            ("Split", _, [Node::Text(at), text]) => {
                self.text(text)?.split(at.as_str()).map(|part| Value::String(part.to_owned())).collect()
            }
            ("Join", _, [Node::Text(with), list]) => {
                let list = self.fill(list)?.unwrap_or_default();
                let parts: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                Value::String(parts.join(with))
            }
            _ => bail!("!{name} is not known here"),
        };
        Ok(Some(value))
    }

    fn text(&self, node: &Node) -> anyhow::Result<String> {
        match self.fill(node)? {
            Some(Value::String(text)) => Ok(text),
            other => bail!("a text is needed and not {other:?}"),
        }
    }

    fn reference(&self, name: &str) -> anyhow::Result<Value> {
        let facts = &self.facts;
        let china = facts.partition == "aws-cn";
        let text = match name {
            "AWS::URLSuffix" => return Ok(Value::from(if china { "amazonaws.com.cn" } else { "amazonaws.com" })),
            "AWS::Partition" => &facts.partition,
            "AWS::Region" => &facts.region,
            "AWS::AccountId" => &facts.account,
            "AWS::StackId" => &facts.stack_id,
            "AWS::StackName" => &facts.stack_name,
            _ => {
                if let Some(parameter) = self.root.get("Parameters").and_then(|parameters| parameters.get(name)) {
                    return self.parameter(name, parameter);
                }
                return Ok(Value::String(self.resource(name)?.1.clone()));
            }
        };
        Ok(Value::String(text.clone()))
    }

    fn parameter(&self, name: &str, parameter: &Node) -> anyhow::Result<Value> {
        let default = || parameter.get("Default").and_then(Node::text).map(str::to_owned);
        let text = self.facts.parameters.get(name).cloned().or_else(default);
        let text = text.with_context(|| format!("the stack does not say what its parameter {name} is"))?;
        let kind = parameter.get("Type").and_then(Node::text).unwrap_or_default();
        if kind == "CommaDelimitedList" || kind.starts_with("List<") {
            return Ok(text.split(',').map(|part| Value::String(part.trim().to_owned())).collect());
        }
        Ok(Value::String(text))
    }

    fn resource(&self, name: &str) -> anyhow::Result<&(String, String)> {
        self.facts.resources.get(name).with_context(|| format!("the stack has no {name}"))
    }

    /// The attributes that the templates ask for, from the ids: <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>
    fn attribute(&self, name: &str, attribute: &str) -> anyhow::Result<String> {
        let (kind, id) = self.resource(name)?;
        let Facts { partition, region, account, .. } = &self.facts;
        let last = id.rsplit(['/', '|']).next().unwrap_or(id);
        let here = |service: &str, resource: &str| format!("arn:{partition}:{service}:{region}:{account}:{resource}");
        Ok(match (kind.as_str(), attribute) {
            ("AWS::S3::Bucket", "Arn") => format!("arn:{partition}:s3:::{id}"),
            ("AWS::Lambda::Function", "Arn") => here("lambda", &format!("function:{id}")),
            ("AWS::IAM::Role", "Arn") => format!("arn:{partition}:iam::{account}:role/{id}"),
            ("AWS::Logs::LogGroup", "Arn") => here("logs", &format!("log-group:{id}:*")),
            ("AWS::SQS::Queue", "Arn") => here("sqs", last),
            ("AWS::SQS::Queue", "QueueName") => last.to_owned(),
            ("AWS::KMS::Key", "Arn") => here("kms", &format!("key/{id}")),
            ("AWS::CodeBuild::Project", "Arn") => here("codebuild", &format!("project/{id}")),
            ("AWS::CloudWatch::Alarm", "Arn") => here("cloudwatch", &format!("alarm:{id}")),
            ("AWS::Events::Rule", "Arn") => here("events", &format!("rule/{last}")),
            ("AWS::SecretsManager::Secret", "Id") => id.clone(),
            // These are known by their ARNs.
            ("AWS::SNS::Topic", "TopicName") | ("AWS::StepFunctions::StateMachine", "Name") => {
                id.rsplit(':').next().unwrap_or(id).to_owned()
            }
            _ => bail!("the attribute {attribute} of {name} is not known here"),
        })
    }

    fn substitute(&self, text: &str, more: &[(String, Node)]) -> anyhow::Result<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').context("Sub has no closing brace")?;
            filled.push_str(before);
            rest = after;
            filled.push_str(&self.variable(name, more)?);
        }
        Ok(filled + rest)
    }

    /// What stands for `${name}`.
    fn variable(&self, name: &str, more: &[(String, Node)]) -> anyhow::Result<String> {
        if let Some(literal) = name.strip_prefix('!') {
            return Ok(format!("${{{literal}}}"));
        }
        if let Some((_, node)) = more.iter().find(|(key, _)| key == name) {
            return self.text(node);
        }
        if let Some((resource, attribute)) = name.split_once('.') {
            return self.attribute(resource, attribute);
        }
        match self.reference(name)? {
            Value::String(text) => Ok(text),
            _ => bail!("Sub takes no list: {name}"),
        }
    }

    fn holds(&self, condition: &str) -> anyhow::Result<bool> {
        let node = self.root.get("Conditions").and_then(|conditions| conditions.get(condition));
        self.is_true(node.with_context(|| format!("the template has no condition {condition}"))?)
    }

    fn is_true(&self, node: &Node) -> anyhow::Result<bool> {
        let Node::Call(name, argument) = node else { bail!("{node:?} is no condition") };
        match (name.as_str(), argument.as_ref()) {
            ("Condition", Node::Text(name)) => self.holds(name),
            ("Equals", Node::List(items)) => match items.as_slice() {
                [one, other] => Ok(self.fill(one)? == self.fill(other)?),
                _ => bail!("Equals takes two values"),
            },
            ("Not", Node::List(items)) => match items.as_slice() {
                [one] => Ok(!self.is_true(one)?),
                _ => bail!("Not takes one condition"),
            },
            _ => bail!("!{name} is no condition that is known here"),
        }
    }
}

#[cfg(test)]
mod tests;
