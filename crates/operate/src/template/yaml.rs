//! A template's YAML with CloudFormation's short tags kept: `!Ref X` is a call of `Ref` with `X`.

use anyhow::{Context as _, bail};
use yaml_rust2::parser::{Event, EventReceiver, Parser, Tag};

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Text(String),
    List(Vec<Node>),
    /// In the order of the file.
    Map(Vec<(String, Node)>),
    /// A function of CloudFormation, without `!` and `Fn::`.
    Call(String, Box<Node>),
}

impl Node {
    /// The entry of a map; none if there is none, or this is no map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// The entries of a map; none of anything else.
    pub(super) fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads one document. Anchors are refused: our templates have none.
pub(super) fn parse(text: &str) -> anyhow::Result<Node> {
    let mut builder = Builder::default();
    Parser::new_from_str(text).load(&mut builder, false).context("the template is no YAML")?;
    if builder.aliases {
        bail!("the template has aliases");
    }
    builder.root.context("the template is empty")
}

/// What is open while the parser walks through the document.
enum Open {
    List(Vec<Node>, Option<Tag>),
    Map(Vec<(String, Node)>, Option<String>, Option<Tag>),
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    aliases: bool,
}

impl Builder {
    fn put(&mut self, node: Node, tag: Option<Tag>) {
        let node = match tag {
            Some(tag) if tag.handle == "!" => Node::Call(tag.suffix, Box::new(node)),
            _ => node,
        };
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(items, _)) => items.push(node),
            Some(Open::Map(entries, key, _)) => match (key.take(), node) {
                (None, Node::Text(text)) => *key = Some(text),
                // A key is a text in every template; anything else would be lost, and is missed by whoever looks for it.
                (None, _) => {}
                (Some(key), node) => entries.push((key, node)),
            },
        }
    }
}

impl EventReceiver for Builder {
    fn on_event(&mut self, event: Event) {
        match event {
            Event::Scalar(text, _, _, tag) => self.put(Node::Text(text), tag),
            Event::SequenceStart(_, tag) => self.open.push(Open::List(Vec::new(), tag)),
            Event::MappingStart(_, tag) => self.open.push(Open::Map(Vec::new(), None, tag)),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(items, tag)) => self.put(Node::List(items), tag),
                Some(Open::Map(entries, _, tag)) => self.put(long_form(entries), tag),
                None => {}
            },
            Event::Alias(_) => self.aliases = true,
            _ => {}
        }
    }
}

/// `{"Fn::Sub": …}`, `{Ref: …}` and `{Condition: …}` are the same as their short tags.
fn long_form(mut entries: Vec<(String, Node)>) -> Node {
    if let [(key, _)] = entries.as_slice() {
        let name = if key == "Ref" { Some(key.clone()) } else { key.strip_prefix("Fn::").map(str::to_owned) };
        if let (Some(name), Some((_, argument))) =
            (name, entries.pop_if(|(key, _)| key == "Ref" || key.starts_with("Fn::")))
        {
            return Node::Call(name, Box::new(argument));
        }
    }
    Node::Map(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    #[test]
    fn keeps_the_functions_in_both_forms() {
        let node = parse("a: !Ref X\nb: {'Fn::Sub': '${X}'}\nc: !If [Y, 1, !Ref Z]\n").unwrap();
        assert_eq!(node.get("a"), Some(&Node::Call("Ref".to_owned(), Box::new(text("X")))));
        assert_eq!(node.get("b"), Some(&Node::Call("Sub".to_owned(), Box::new(text("${X}")))));
        let Some(Node::Call(name, list)) = node.get("c") else { panic!("{node:?}") };
        let z = Node::Call("Ref".to_owned(), Box::new(text("Z")));
        assert_eq!((name.as_str(), list.as_ref()), ("If", &Node::List(vec![text("Y"), text("1"), z])));
    }

    #[test]
    fn refuses_what_it_would_misread() {
        assert!(parse("a: &x 1\nb: *x\n").is_err());
        assert!(parse("a: [").is_err());
        assert!(parse("").is_err());
    }
}
