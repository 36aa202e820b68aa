//! What a client is told of a value that cannot be read. A parser's own message is for whoever wrote the
//! parser, so none goes into an answer: an error that is not [`Told`] here does not compile.

use std::convert::Infallible;
use std::str::ParseBoolError;

use super::id::NO_UUID;

const NO_BOOLEAN: &str = "Must be true or false.";

/// An error of a parser, as the sentence that the client gets.
pub trait Told {
    fn told(&self) -> &str;
}

/// Our own parsers word theirs for people.
impl Told for &'static str {
    fn told(&self) -> &str {
        self
    }
}

impl Told for String {
    fn told(&self) -> &str {
        self
    }
}

impl Told for uuid::Error {
    fn told(&self) -> &str {
        NO_UUID
    }
}

impl Told for ParseBoolError {
    fn told(&self) -> &str {
        NO_BOOLEAN
    }
}

impl Told for Infallible {
    fn told(&self) -> &str {
        match *self {}
    }
}

/// The sentence for a member of a body that is not what it should be. Our own readers say theirs by
/// `Error::custom`; what serde says is known by what it expected.
pub fn of_member(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    if message.ends_with('.') {
        return message.to_owned();
    }
    let expected = message.split_once(", expected ").map_or("", |(_, expected)| expected);
    let wanted = match expected {
        "a string" => "a text",
        "a boolean" => return NO_BOOLEAN.to_owned(),
        "i32" => "a whole number from -2147483648 to 2147483647",
        "u32" => "a whole number from 0 to 4294967295",
        "a map" | "a JSON object" => "a JSON object",
        "a sequence" => "an array",
        words if message.starts_with("unknown variant") => words,
        _ if message.contains("UUID") => return NO_UUID.to_owned(),
        _ if message.starts_with("recursion limit") => return "Is nested too deeply.".to_owned(),
        _ => return "Is not what belongs here.".to_owned(),
    };
    format!("Must be {wanted}.")
}

/// The sentence for a body that is no JSON.
pub fn of_body(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    if error.is_eof() {
        return "The body is no JSON: it ends too early.".to_owned();
    }
    format!("The body is no JSON from line {line}, column {column} on.")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Map, Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::api::name::Name;
    use crate::api::time::DateTime;

    fn told<T: DeserializeOwned>(value: Value) -> String {
        serde_json::from_value::<T>(value)
            .map(|_| ())
            .map_err(|error| of_member(&error))
            .unwrap_err()
    }

    #[test]
    fn no_parser_speaks_to_clients() {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Kind {
            First,
            Second,
        }
        let all = [
            (told::<String>(json!(5)), "Must be a text."),
            (told::<Name>(json!([])), "Must be a text."),
            (told::<DateTime>(json!(1_790_000_000)), "Must be a text."),
            (told::<bool>(json!("yes")), "Must be true or false."),
            (told::<u32>(json!(-1)), "Must be a whole number from 0 to 4294967295."),
            (told::<u32>(json!(1.5)), "Must be a whole number from 0 to 4294967295."),
            (
                told::<i32>(json!(3_000_000_000_u64)),
                "Must be a whole number from -2147483648 to 2147483647.",
            ),
            (told::<Uuid>(json!("abc")), NO_UUID),
            (told::<Uuid>(json!(7)), NO_UUID),
            (told::<Kind>(json!("third")), "Must be `first` or `second`."),
            (told::<Map<String, Value>>(json!([1])), "Must be a JSON object."),
            (told::<Vec<Value>>(json!({})), "Must be an array."),
            (told::<(u8, u8)>(json!([1])), "Is not what belongs here."),
        ];
        for (told, wanted) in all {
            assert_eq!(told, wanted);
        }
    }
}
