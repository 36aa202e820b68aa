//! The document is the service: of every operation, every parameter and every member of every body, what the document
//! allows is taken, and what it forbids is refused where it stands. All of it is read from the document; what follows
//! here is only where things are named, and what goes with what.

mod schema;
mod things;

use std::collections::{BTreeSet, HashMap};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use crate::service::{Answer, Person, Service, Setup};
use schema::{Input, PATTERNS, Schema};
use things::{Things, company};

/// What the document allows and the service refuses, because schemas cannot say it and descriptions do: operation,
/// place, what is tried, and why.
const SAID_IN_WORDS: &[(&str, &str, &str, &str)] = &[
    ("*", "/taxonomy_filter/any", "absent", "some list names a category"),
    ("*", "/taxonomy_filter/any", "null", "some list names a category"),
    ("*", "/dependency_detail", "absent", "an external dependency says what it is"),
    ("*", "/dependency_detail", "null", "an external dependency says what it is"),
    ("*", "/dependency_type", "a word of the list", "the other members go with the type"),
    ("*", "/depends_on_type", "a word of the list", "the id is that of a block"),
    ("*", "/entity_type", "a word of the list", "the id is that of a block"),
    ("*", "/execution", "any object", "which executors there are"),
];

/// A request that can be varied.
#[derive(Clone)]
struct Wish {
    path: HashMap<String, String>,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<Value>,
}

/// Where something is tried.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Path,
    Query,
    Header,
    Body,
}

struct Operation<'a> {
    id: &'a str,
    method: Method,
    path: &'a str,
    json: &'a Value,
    document: &'a Value,
}

impl<'a> Operation<'a> {
    fn all(document: &'a Value) -> Vec<Self> {
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
        operations.collect()
    }

    /// Where each parameter is, its name, whether it is required, its schema.
    fn parameters(&self) -> impl Iterator<Item = (Place, &'a str, bool, Schema<'a>)> {
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

    fn body(&self) -> Option<Schema<'a>> {
        let schema = self.json.pointer("/requestBody/content/application~1json/schema")?;
        Some(Schema::of(self.document, schema))
    }

    fn requires_body(&self) -> bool {
        self.json["requestBody"]["required"] == true
    }

    /// A request that succeeds.
    fn wish(&self, things: &Things) -> Wish {
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
    fn variations(
        &self,
        schema: Schema<'a>,
        place: &str,
        whole: &Value,
        things: &Things,
        found: &mut Vec<Variation>,
    ) {
        let mut push = |at: &str, what: &str, value: Option<&Value>, allowed| {
            let mut body = whole.clone();
            if value.is_some_and(|value| !value.is_null()) {
                merge(&mut body, things.about(company(self.id, at)));
            }
            put(&mut body, at, value.cloned());
            found.push(Variation { place: at.to_owned(), what: what.to_owned(), body, allowed });
        };
        let name = place.rsplit('/').next().unwrap_or_default();
        for Input { what, mut value, allowed } in schema.inputs(things.new) {
            if self.id == "report_run" {
                things::make_past(&mut value);
            }
            push(place, &what, Some(&value), allowed);
        }
        if let Some(thing) = things.named(self.id, name).filter(|_| schema.kind() == "string") {
            push(place, "something that is there", Some(&thing.into()), true);
        }
        if schema.is_closed() {
            push(
                &format!("{place}/unheard_of"),
                "a member that is not known",
                Some(&json!(1)),
                false,
            );
        }
        let members: Vec<_> = schema.properties().collect();
        for (name, _) in &members {
            let is_last = schema.least()
                == whole.pointer(place).and_then(Value::as_object).map(serde_json::Map::len);
            push(
                &format!("{place}/{name}"),
                "absent",
                None,
                !schema.requires(name)
                    && !(is_last && whole.pointer(&format!("{place}/{name}")).is_some()),
            );
        }
        let inner = members.into_iter().map(|(name, member)| (name.to_owned(), member));
        let inner = inner.chain(schema.items().map(|items| ("0".to_owned(), items)));
        for (name, member) in inner {
            let at = format!("{place}/{name}");
            let mut whole = whole.clone();
            if matches!(member.kind(), "object" | "array") {
                if whole.pointer(&at).is_none() {
                    put(&mut whole, &at, Some(self.filled(member, things)));
                }
                merge(&mut whole, things.about(company(self.id, &at)));
            }
            self.variations(member, &at, &whole, things, found);
        }
    }
}

/// A body that is tried.
struct Variation {
    place: String,
    what: String,
    body: Value,
    allowed: bool,
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
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn escaped(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// How the service is asked, and what came of it.
struct Trial<'a> {
    service: &'a Service,
    person: Person<'a>,
    things: Things,
    inputs: usize,
    faults: Vec<String>,
    said_in_words: BTreeSet<usize>,
}

impl Trial<'_> {
    async fn ask(&mut self, operation: &Operation<'_>, wish: &Wish) -> Answer {
        let mut path = operation.path.to_owned();
        for (name, value) in &wish.path {
            path = path.replace(&format!("{{{name}}}"), &escaped(value));
        }
        let query: Vec<_> = wish
            .query
            .iter()
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect();
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let person = if operation.json["security"] == json!([]) {
            self.service.nobody()
        } else {
            self.person.clone()
        };
        let mut request = person.request(operation.method.clone(), &path);
        for (name, value) in &wish.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &wish.body {
            let mut body = body.clone();
            schema::write_out(&mut body);
            request = request.json(body);
        }
        self.inputs += 1;
        let answer = request.send().await;
        if answer.status.is_success() && operation.method != Method::GET {
            self.things.renew().await;
        }
        if matches!(operation.id, "refresh_tokens" | "logout") {
            self.things.log_in(self.service).await;
        }
        answer
    }

    /// Whether the answer is what the document says, else a fault.
    fn judge(
        &mut self,
        operation: &Operation<'_>,
        place: Place,
        at: &str,
        what: &str,
        allowed: bool,
        answer: &Answer,
    ) {
        let code = answer.body["code"].as_str().unwrap_or_default();
        let status = answer.status;
        let right = if allowed {
            let read_but = match status {
                // It was read; something else has it already, or it opens no door.
                StatusCode::CONFLICT => code.ends_with("_taken") || code == "already_exists",
                StatusCode::UNAUTHORIZED => matches!(operation.id, "login" | "refresh_tokens"),
                StatusCode::PRECONDITION_FAILED => at == "If-Match",
                status => status == StatusCode::NOT_MODIFIED || status.is_success(),
            };
            read_but
        } else {
            let blamed = answer
                .pointers()
                .iter()
                .any(|blamed| at.starts_with(blamed) || blamed.starts_with(at));
            match place {
                Place::Path => matches!(status.as_u16(), 404 | 422),
                Place::Header => status == StatusCode::BAD_REQUEST,
                Place::Query | Place::Body => status == StatusCode::UNPROCESSABLE_ENTITY && blamed,
            }
        };
        if right {
            return;
        }
        let words = SAID_IN_WORDS.iter().position(|(id, place, tried, _)| {
            (*id == "*" || *id == operation.id) && at.ends_with(place) && *tried == what && allowed
        });
        if let Some(words) = words.filter(|_| status == StatusCode::UNPROCESSABLE_ENTITY) {
            self.said_in_words.insert(words);
            return;
        }
        let verdict = if allowed { "allowed" } else { "forbidden" };
        let text: String = answer.text.chars().take(300).collect();
        self.faults.push(format!("{} {at}: {what} is {verdict}: {status} {text}", operation.id));
    }

    async fn try_parameter(
        &mut self,
        operation: &Operation<'_>,
        (place, name, required, schema): (Place, &str, bool, Schema<'_>),
    ) {
        let mut inputs = schema.inputs(self.things.new);
        // In a path or a query everything is a text.
        inputs.retain(|input| {
            !input.value.is_null() && (schema.kind() != "string" || input.value.is_string())
        });
        inputs.retain(|input| place != Place::Path || input.value != "");
        inputs.retain(|input| input.what != "a text" || schema.kind() != "string");
        if let Some(thing) =
            self.things.named(operation.id, name).filter(|_| schema.kind() == "string")
        {
            inputs.push(Input {
                what: "something that is there".to_owned(),
                value: thing.into(),
                allowed: true,
            });
        }
        if name == "cursor" {
            let mut wish = operation.wish(&self.things);
            wish.query.push(("limit".to_owned(), "1".to_owned()));
            let page = self.ask(operation, &wish).await;
            if page.body["next_cursor"].is_string() {
                let value = page.body["next_cursor"].clone();
                inputs.push(Input { what: "one that was given".to_owned(), value, allowed: true });
            }
        }
        for Input { what, value, allowed } in inputs {
            let mut wish = operation.wish(&self.things);
            let value = text(&value);
            match place {
                Place::Path => drop(wish.path.insert(name.to_owned(), value)),
                Place::Header => wish.headers.push((name.to_owned(), value)),
                _ => {
                    wish.query.retain(|(known, _)| known != name);
                    wish.query.push((name.to_owned(), value));
                    wish.query.extend(self.things.beside(operation.id, name));
                }
            }
            let answer = self.ask(operation, &wish).await;
            self.judge(operation, place, name, &what, allowed, &answer);
        }
        if place == Place::Query {
            let mut wish = operation.wish(&self.things);
            wish.query.retain(|(known, _)| known != name);
            let answer = self.ask(operation, &wish).await;
            self.judge(operation, place, name, "absent", !required, &answer);
            let value =
                self.things.named(operation.id, name).unwrap_or_else(|| text(&schema.example(0)));
            wish.query.extend(vec![(name.to_owned(), value); 2]);
            let answer = self.ask(operation, &wish).await;
            self.judge(operation, place, name, "twice", false, &answer);
        }
    }

    async fn try_body(&mut self, operation: &Operation<'_>, schema: Schema<'_>) -> usize {
        let mut places = BTreeSet::new();
        let mut at = 0;
        loop {
            // Anew each time: what is named in them may have changed.
            let wish = operation.wish(&self.things);
            let mut variations = Vec::new();
            operation.variations(
                schema,
                "",
                wish.body.as_ref().expect("a body"),
                &self.things,
                &mut variations,
            );
            if at >= variations.len() {
                break;
            }
            let Variation { place, what, body, allowed } = variations.swap_remove(at);
            at += 1;
            let answer = self.ask(operation, &Wish { body: Some(body), ..wish }).await;
            self.judge(operation, Place::Body, &place, &what, allowed, &answer);
            places.insert(place);
        }
        let wish = Wish { body: None, ..operation.wish(&self.things) };
        let answer = self.ask(operation, &wish).await;
        if answer.status.is_success() == operation.requires_body() {
            self.faults.push(format!(
                "{}: without a body: {} {}",
                operation.id, answer.status, answer.text
            ));
        }
        places.len()
    }
}

#[test]
fn the_examples_of_patterns_are_some() {
    for (pattern, matching, others) in PATTERNS {
        let regex = regex::Regex::new(pattern).expect("a pattern");
        for text in *matching {
            assert!(regex.is_match(text), "{text} does not match {pattern}");
        }
        for text in *others {
            assert!(!regex.is_match(text), "{text} matches {pattern}");
        }
    }
}

#[tokio::test]
async fn what_the_document_allows_is_taken_and_what_it_forbids_is_refused() {
    let mut setup = Setup::default();
    // Texts of 10 MiB are allowed, and escaped ones are longer.
    setup.config.body_limit = 64 * 1024 * 1024;
    setup.config.login_account_limit = 1_000_000;
    setup.config.login_address_limit = 1_000_000;
    setup.config.access_token_seconds = 7200;
    let service = Service::with(setup).await;
    let document = service.nobody().get("/openapi.json").await.expect(StatusCode::OK).body;
    let things = Things::make(&service).await;
    let person = service.admin().await;
    let mut trial = Trial {
        service: &service,
        person,
        things,
        inputs: 0,
        faults: Vec::new(),
        said_in_words: BTreeSet::new(),
    };
    let only = std::env::var("ONLY").unwrap_or_default();
    let (mut operations, mut parameters, mut members) = (0, 0, 0);
    let every = Operation::all(&document);
    for operation in every.iter().filter(|operation| operation.id.contains(&only)) {
        let wish = operation.wish(&trial.things);
        let answer = trial.ask(operation, &wish).await;
        trial.judge(operation, Place::Body, "", "what it asks for", true, &answer);
        operations += 1;
        let mut wish = operation.wish(&trial.things);
        wish.query.push(("unheard_of".to_owned(), "1".to_owned()));
        let answer = trial.ask(operation, &wish).await;
        trial.judge(
            operation,
            Place::Query,
            "unheard_of",
            "a parameter that is not known",
            false,
            &answer,
        );
        for parameter in operation.parameters() {
            trial.try_parameter(operation, parameter).await;
            parameters += 1;
        }
        if let Some(schema) = operation.body() {
            members += trial.try_body(operation, schema).await;
        }
    }
    println!(
        "{operations} operations, {parameters} parameters, {members} members of bodies, {} inputs; {} kinds said in words",
        trial.inputs,
        trial.said_in_words.len()
    );
    let faults = trial.faults;
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    if only.is_empty() {
        let documented: usize = document["paths"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, item)| item.as_object().map_or(0, serde_json::Map::len))
            .sum();
        assert_eq!(operations, documented, "every operation");
        assert_eq!(
            trial.said_in_words.len(),
            SAID_IN_WORDS.len(),
            "what is said in words and not needed"
        );
    }
}
