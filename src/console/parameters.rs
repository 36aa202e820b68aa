//! The fields of a form for what a pipeline's `parameters_schema` asks for.

use serde_json::{Map, Value};

use super::form::Field;
use super::tree;

/// More are entered as JSON.
const MOST: usize = 30;

/// A field for each parameter; `None` when the schema does not list them, or asks for something that no field can be.
pub(super) fn fields(schema: &Value) -> Option<Vec<Field>> {
    let properties = schema.get("properties")?.as_object()?;
    let is_required = |name: &str| {
        let required = schema.get("required").and_then(Value::as_array);
        required.is_some_and(|names| names.iter().any(|one| one == name))
    };
    if properties.is_empty()
        || properties.len() > MOST
        || !properties.keys().all(|key| is_plain(key))
    {
        return None;
    }
    let fields = properties.iter().map(|(name, about)| field(name, about, is_required(name)));
    Some(fields.collect())
}

/// What can be the name of a field as it is.
fn is_plain(name: &str) -> bool {
    let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(is_of_names)
}

fn field(name: &str, about: &Value, is_required: bool) -> Field {
    let nothing = Map::new();
    let about = about.as_object().unwrap_or(&nothing);
    let text = |member: &str| about.get(member).and_then(Value::as_str).map(str::to_owned);
    let title = text("title").filter(|title| !title.eq_ignore_ascii_case(name));
    let label = title.map_or_else(|| name.to_owned(), |title| format!("{title} ({name})"));
    let called = |kind: &str| format!("parameters/{name}:{kind}");
    let given = about.get("default");
    let choices = match (about.get("enum").and_then(Value::as_array), text("type").as_deref()) {
        (Some(values), _) => {
            Some(values.iter().map(|one| (one.to_string(), tree::line(one))).collect())
        }
        (None, Some("boolean")) => {
            Some(["true", "false"].map(|word| (word.to_owned(), word.to_owned())).to_vec())
        }
        _ => None,
    };
    let field = match (choices, text("type").as_deref()) {
        (Some(choices), _) => {
            let none = (!is_required).then(|| (String::new(), "not said".to_owned()));
            let choices: Vec<(String, String)> = choices;
            let chosen = given.map(Value::to_string).unwrap_or_default();
            Field::choice(called("json"), label, none.into_iter().chain(choices)).value(chosen)
        }
        (None, Some("string")) => {
            let kind = if is_required { "text" } else { "skip" };
            Field::line(called(kind), label).value(given.map(tree::line).unwrap_or_default())
        }
        (None, Some("integer" | "number")) => Field::line(called("json"), label)
            .value(given.map(Value::to_string).unwrap_or_default()),
        _ => Field::code(called("json"), label).value(given.map(tree::pretty).unwrap_or_default()),
    };
    let field = match text("description").or_else(|| text("format")) {
        Some(help) => field.help(help),
        None => field,
    };
    if is_required { field.required() } else { field }
}
