//! The operations of the document, and the requests that they ask for.

use std::collections::HashMap;
use std::rc::Rc;

use reqwest::Method;
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use super::schema::{Input, Schema};
use super::things::{self, Things, company};

/// A request that can be varied.
#[derive(Clone)]
pub struct Wish {
    pub path: HashMap<String, String>,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: Option<Value>,
}

/// Where something is tried.
#[derive(Clone, Copy, PartialEq)]
pub enum Place {
    Path,
    Query,
    Header,
    Body,
}

pub struct Operation<'a> {
    pub id: &'a str,
    pub method: Method,
    pub path: &'a str,
    pub json: &'a Value,
    pub document: &'a Value,
}

impl<'a> Operation<'a> {
    pub fn all(document: &'a Value) -> Vec<Self> {
        let paths = document["paths"].as_object().expect("paths");
        let operations = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().expect("operations");
            methods.iter().map(move |(method, json)| Self {
                id: json["operationId"].as_str().expect("an id"),
                method: method.to_uppercase().parse().expect("a method"),
                path,
                json,
                document,
            })
        });
        let mut operations: Vec<Self> = operations.collect();
        // What is read is read before there are thousands of things, which no file holds.
        operations.sort_by_key(|operation| operation.method != Method::GET);
        operations
    }

    /// Where each parameter is, its name, whether it is required, its schema.
    pub fn parameters(&self) -> impl Iterator<Item = (Place, &'a str, bool, Schema<'a>)> {
        let parameters = self.json["parameters"].as_array().into_iter().flatten();
        parameters.map(|parameter| {
            let place = match parameter["in"].as_str() {
                Some("path") => Place::Path,
                Some("query") => Place::Query,
                Some("header") => Place::Header,
                other => panic!("a parameter in {other:?}"),
            };
            let name = parameter["name"].as_str().expect("a name");
            let schema = Schema::of(self.document, &parameter["schema"]);
            (place, name, parameter["required"] == true, schema)
        })
    }

    pub fn body(&self) -> Option<Schema<'a>> {
        let schema = self.json.pointer("/requestBody/content/application~1json/schema")?;
        Some(Schema::of(self.document, schema))
    }

    pub fn requires_body(&self) -> bool {
        self.json["requestBody"]["required"] == true
    }

    /// A request that succeeds.
    pub fn wish(&self, things: &Things) -> Wish {
        let mut wish =
            Wish { path: HashMap::new(), query: Vec::new(), headers: Vec::new(), body: None };
        for (place, name, required, schema) in self.parameters() {
            let value =
                || things.named(self.id, name).unwrap_or_else(|| text(&schema.example(things.new)));
            match place {
                Place::Path => drop(wish.path.insert(name.to_owned(), value())),
                Place::Query if required => wish.query.push((name.to_owned(), value())),
                Place::Query | Place::Header | Place::Body => {}
            }
        }
        if let Some(schema) = self.body() {
            let mut body = self.filled(schema, things);
            merge(&mut body, things.about(company(self.id, "")));
            wish.body = Some(body);
        }
        wish
    }

    /// An example of a schema, in which what names something names something that is there.
    fn filled(&self, schema: Schema<'a>, things: &Things) -> Value {
        let mut value = schema.example(things.new);
        if schema.kind() == "array" {
            value = json!([self.filled(schema.items().expect("items"), things)]);
        }
        for (name, member) in schema.properties() {
            if let Some(place) = value.get_mut(name) {
                *place = match things.named(self.id, name) {
                    Some(thing) if member.kind() == "string" => thing.into(),
                    _ => self.filled(member, things),
                };
            }
        }
        value
    }

    /// Everything that is worth a try of a place in the body, and of all below it.
    pub fn variations(
        &self,
        schema: Schema<'a>,
        place: &str,
        whole: &Rc<Value>,
        things: &Things,
        found: &mut Vec<Variation>,
    ) {
        let mut push = |at: &str, what: &str, value: Option<Value>, allowed| {
            let (place, what, whole) = (at.to_owned(), what.to_owned(), Rc::clone(whole));
            found.push(Variation { place, what, whole, value, allowed });
        };
        let name = place.rsplit('/').next().unwrap_or_default();
        for Input { what, mut value, allowed } in schema.inputs(things.new) {
            if self.id == "report_run" {
                things::make_past(&mut value);
            }
            push(place, &what, Some(value), allowed);
        }
        if let Some(thing) = things.named(self.id, name).filter(|_| schema.kind() == "string") {
            push(place, "something that is there", Some(thing.into()), true);
        }
        if schema.is_closed() {
            push(
                &format!("{place}/unheard_of"),
                "a member that is not known",
                Some(json!(1)),
                false,
            );
        }
        let members: Vec<_> = schema.properties().collect();
        for (name, _) in &members {
            let at = format!("{place}/{name}");
            let members = whole.pointer(place).and_then(Value::as_object).map(serde_json::Map::len);
            let is_needed = schema.least() == members && whole.pointer(&at).is_some();
            push(&at, "absent", None, !(schema.requires(name) || is_needed));
        }
        let inner = members.into_iter().map(|(name, member)| (name.to_owned(), member));
        let inner = inner.chain(schema.items().map(|items| ("0".to_owned(), items)));
        for (name, member) in inner {
            let at = format!("{place}/{name}");
            let mut whole = Rc::clone(whole);
            if matches!(member.kind(), "object" | "array") {
                let whole = Rc::make_mut(&mut whole);
                if whole.pointer(&at).is_none() {
                    put(whole, &at, Some(self.filled(member, things)));
                }
                merge(whole, things.about(company(self.id, &at)));
            }
            self.variations(member, &at, &whole, things, found);
        }
    }
}

/// A body that is tried: a whole one with another value, or none, at one place.
pub struct Variation {
    pub place: String,
    pub what: String,
    pub allowed: bool,
    whole: Rc<Value>,
    value: Option<Value>,
}

impl Variation {
    /// The body, with what goes with the value.
    pub fn body(self, operation: &Operation<'_>, things: &Things) -> Value {
        let mut body = Rc::unwrap_or_clone(self.whole);
        if self.value.as_ref().is_some_and(|value| !value.is_null()) {
            merge(&mut body, things.about(company(operation.id, &self.place)));
        }
        put(&mut body, &self.place, self.value);
        body
    }
}

/// Puts a value at a pointer into a body, or takes away what is there.
fn put(body: &mut Value, pointer: &str, value: Option<Value>) {
    let Some((before, name)) = pointer.rsplit_once('/') else {
        *body = value.unwrap_or_default();
        return;
    };
    let parent = body.pointer_mut(before).unwrap_or_else(|| panic!("no {before} for {pointer}"));
    match (parent, value) {
        (Value::Object(members), Some(value)) => drop(members.insert(name.to_owned(), value)),
        (Value::Object(members), None) => drop(members.remove(name)),
        (Value::Array(items), Some(value)) => {
            items.truncate(0);
            items.push(value);
        }
        (parent, _) => panic!("{pointer} in {parent}"),
    }
}

/// RFC 7396.
fn merge(body: &mut Value, patch: Value) {
    match (body, patch) {
        (Value::Object(members), Value::Object(changes)) => {
            for (name, change) in changes {
                if change.is_null() {
                    members.remove(&name);
                } else {
                    merge(members.entry(name).or_insert(Value::Null), change);
                }
            }
        }
        (body, patch) => {
            if !patch.is_null() {
                *body = patch;
            }
        }
    }
}

/// As it stands in a path or a query.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub fn escaped(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
