//! The document is the service: of every operation, every parameter and every member of every body, what the document
//! allows is taken, and what it forbids is refused where it stands. All of it is read from the document; what follows
//! here is only where things are named, and what goes with what.

mod operation;
mod schema;
mod things;

use std::collections::BTreeSet;
use std::rc::Rc;

use actix_web::{HttpResponse, web};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::engine;
use crate::listening::Listening;
use crate::service::{Answer, Person, Service, Setup};
use operation::{Operation, Place, Wish, escaped, text};
use schema::{Input, PATTERNS, Schema};
use things::Things;

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
    ("*", "/parameters_schema", "any object", "its members are words of JSON Schema"),
    ("*", "/taxonomy/any", "absent", "some list names a category"),
    ("*", "/taxonomy/any", "null", "some list names a category"),
    ("*", "/where/metadata", "an empty object", "there is a condition"),
    ("*", "/where/metadata", "any object", "members are JSON pointers"),
    ("*", "where", "the longest text", "it is a filter in the short form"),
    ("*", "_alias", "a text of the form", "it is one that there is"),
    ("*", "as_of", "a text of the form", "it is past, and the history goes back so far"),
    ("list_changes", "from", "a text of the form", "it is past, and the history goes back so far"),
    ("list_changes", "to", "a text of the form", "it is past, and the history goes back so far"),
    ("apply", "", "*", "what a file mentions is in it, or there"),
    ("preview_impact", "", "*", "the members of a change go with its operation"),
];

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
        let mut sent = String::new();
        if let Some(body) = &wish.body {
            let mut body = body.clone();
            schema::write_out(&mut body);
            sent = body.to_string();
            request = request.json(body);
        }
        if operation.id == "hear_dagster_events" && wish.headers.is_empty() {
            request = request.header("Blockyard-Signature", engine::signed_now(&sent));
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
            match status {
                // It was read; something else has it already, or it opens no door.
                StatusCode::CONFLICT => code.ends_with("_taken") || code == "already_exists",
                StatusCode::UNAUTHORIZED => {
                    matches!(operation.id, "login" | "refresh_tokens" | "hear_dagster_events")
                }
                StatusCode::PRECONDITION_FAILED => at == "If-Match",
                status => status == StatusCode::NOT_MODIFIED || status.is_success(),
            }
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
            (*id == "*" || *id == operation.id)
                && at.ends_with(place)
                && (*tried == what || *tried == "*")
                && allowed
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
        let mut tried = 0;
        loop {
            let mut variations = Vec::new();
            let whole = operation.wish(&self.things).body.expect("a body");
            operation.variations(schema, "", &Rc::new(whole), &self.things, &mut variations);
            if tried >= variations.len() {
                break;
            }
            let made = self.things.new;
            for variation in variations.into_iter().skip(tried) {
                let (place, what, allowed) =
                    (variation.place.clone(), variation.what.clone(), variation.allowed);
                let body = Some(variation.body(operation, &self.things));
                let wish = Wish { body, ..operation.wish(&self.things) };
                let answer = self.ask(operation, &wish).await;
                self.judge(operation, Place::Body, &place, &what, allowed, &answer);
                places.insert(place);
                tried += 1;
                // What is named in the others may not be there any more.
                if self.things.new != made {
                    break;
                }
            }
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
    setup.config.dagster_events_secret = Some(engine::SECRET.to_owned().into());
    // A store that has nothing.
    let store = Listening::start(|config| {
        let answer = |_: web::Bytes| async { HttpResponse::Ok().json(json!({ "matches": [] })) };
        config.app_data(web::PayloadConfig::new(64 * 1024 * 1024)).default_service(web::to(answer));
    });
    let stores = json!([{ "name": "docs", "kind": "pinecone", "url": store.url }]);
    setup.config.vector_stores = Some(stores.to_string().into());
    let service = Service::with(setup).await;
    // As if another instance had one.
    engine::execute(&service, "update app.engine set locations = '{blockyard}'").await;
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
