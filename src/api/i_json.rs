//! Bodies are I-JSON (RFC 7493). What of that only their text shows is looked for here: `jsonb` keeps
//! one of several members of a name and knows no half of a character, and its numbers end somewhere.
//! All else the database asks for where it is written (`app.json_faults`).

use std::borrow::Cow;
use std::collections::HashSet;

use super::problem::{Fault, MOST_FAULTS, pointer};

/// How many levels of objects and arrays a member of a body may have, itself included.
const MOST_LEVELS: usize = 100;

/// As `app.json_faults` says it.
const NOT_A_DOUBLE: &str =
    "Is another number once it is read as a double (I-JSON, RFC 7493): send it as a string.";

/// The faults of a text that is JSON, the first of them where there are many.
pub(super) fn faults(json: &str) -> Vec<Fault> {
    let mut reader = Reader { json, at: 0, open: Vec::new(), deepest: 0, faults: Vec::new() };
    reader.read();
    reader.faults
}

struct Reader<'a> {
    json: &'a str,
    at: usize,
    /// What is open here, outermost first.
    open: Vec<Container<'a>>,
    /// How many levels the member of the body has that is being read.
    deepest: usize,
    faults: Vec<Fault>,
}

enum Container<'a> {
    Object { names: HashSet<Cow<'a, str>>, name: Cow<'a, str>, expects_name: bool },
    Array { index: usize },
}

impl<'a> Reader<'a> {
    fn read(&mut self) {
        let bytes = self.json.as_bytes();
        while let Some(&byte) = bytes.get(self.at)
            && self.faults.len() <= MOST_FAULTS
        {
            self.at += 1;
            match byte {
                b'{' => self.enter(Container::Object {
                    names: HashSet::new(),
                    name: Cow::Borrowed(""),
                    expects_name: true,
                }),
                b'[' => self.enter(Container::Array { index: 0 }),
                b'}' | b']' => self.leave(),
                b',' => self.next(),
                b':' => {
                    if let Some(Container::Object { expects_name, .. }) = self.open.last_mut() {
                        *expects_name = false;
                    }
                }
                b'"' => self.string(),
                b'-' | b'0'..=b'9' => self.number(),
                _ => {}
            }
        }
    }

    fn enter(&mut self, container: Container<'a>) {
        // The body itself is no level of its members.
        let level = self.open.len();
        self.open.push(container);
        self.deepest = self.deepest.max(level);
        if level > MOST_LEVELS {
            self.skip(level);
        }
    }

    /// What is deeper than anything may be is not read, only measured.
    fn skip(&mut self, mut level: usize) {
        let bytes = self.json.as_bytes();
        while level > MOST_LEVELS
            && let Some(&byte) = bytes.get(self.at)
        {
            self.at += 1;
            match byte {
                b'{' | b'[' => level += 1,
                b'}' | b']' => level -= 1,
                b'"' => {
                    self.token();
                }
                _ => {}
            }
            self.deepest = self.deepest.max(level);
        }
        self.open.pop();
    }

    fn leave(&mut self) {
        if self.open.len() == 1 {
            self.end_member();
        }
        self.open.pop();
    }

    fn next(&mut self) {
        if self.open.len() == 1 {
            self.end_member();
        }
        match self.open.last_mut() {
            Some(Container::Object { expects_name, .. }) => *expects_name = true,
            Some(Container::Array { index }) => *index += 1,
            None => {}
        }
    }

    fn end_member(&mut self) {
        let levels = std::mem::take(&mut self.deepest);
        if levels > MOST_LEVELS {
            self.fault(&format!(
                "Is nested {levels} levels deep; at most {MOST_LEVELS} are allowed."
            ));
        }
    }

    /// The rest of a string whose first quotation mark is read, without the last.
    fn token(&mut self) -> &'a str {
        let (json, start) = (self.json, self.at);
        let bytes = json.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        let token = json.get(start..self.at).unwrap_or_default();
        self.at += 1;
        token
    }

    fn string(&mut self) {
        let token = self.token();
        let text = if token.contains('\\') {
            // The escapes are such, or this would be no JSON: only their meaning can be at fault.
            match serde_json::from_str(&format!("\"{token}\"")) {
                Ok(text) => Some(Cow::Owned(text)),
                Err(_) => None,
            }
        } else {
            Some(Cow::Borrowed(token))
        };
        let is_half = text.is_none();
        let text = text.unwrap_or(Cow::Borrowed(token));
        let has_null = text.contains('\0');
        let mut is_repeated = false;
        if let Some(Container::Object { names, name, expects_name: true }) = self.open.last_mut() {
            name.clone_from(&text);
            is_repeated = !names.insert(text);
        }
        if is_repeated {
            self.fault("Is given more than once.");
        }
        if is_half {
            self.fault("Has half of a surrogate pair, which is no character.");
        } else if has_null {
            self.fault("Must not have null characters.");
        }
    }

    fn number(&mut self) {
        let start = self.at - 1;
        let bytes = self.json.as_bytes();
        while bytes.get(self.at).is_some_and(|byte| b"+-.eE0123456789".contains(byte)) {
            self.at += 1;
        }
        if !is_in_range(&self.json[start..self.at]) {
            self.fault(NOT_A_DOUBLE);
        }
    }

    /// Notes a fault where the reader is, unless one is noted there.
    fn fault(&mut self, detail: &str) {
        let pointer = self
            .open
            .iter()
            .map(|container| match container {
                Container::Object { name, .. } => pointer(name),
                Container::Array { index } => format!("/{index}"),
            })
            .collect();
        if !self.faults.iter().any(|fault| fault.pointer == pointer) {
            self.faults.push(Fault { pointer, detail: detail.to_owned() });
        }
    }
}

/// Whether a number lies between the smallest and the largest double. PostgreSQL takes others for 0,
/// or not at all.
fn is_in_range(number: &str) -> bool {
    let (digits, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let is_zero = !digits.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    let is_near = exponent.parse::<i32>().is_ok_and(|exponent| exponent.abs() <= 400);
    is_near
        && number
            .parse::<f64>()
            .is_ok_and(|double| double.is_finite() && (double != 0.0 || is_zero))
}

#[cfg(test)]
mod tests {
    use super::faults;

    fn pointers(json: &str) -> Vec<String> {
        assert!(serde_json::from_str::<&serde_json::value::RawValue>(json).is_ok(), "{json}");
        faults(json).into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn what_the_text_of_json_shows_is_found_where_it_is() {
        let none: [&str; 0] = [];
        for (json, expected) in [
            (r#"{"a": 1, "b": [1, {"a": 1}], "c": {"a": "a"}}"#, &none[..]),
            (r#"{"a": "a\\", "b": "\"a\": 1, \"a\"", "c": "\\u0000"}"#, &none),
            (r#"{"a":1,"a":1}"#, &["/a"]),
            (
                r#"{"m": [0, [{"l": 1, "\u006c" : 2}, 3]], "n": {"/~": {"": 1, "" : 1}}}"#,
                &["/m/1/0/l", "/n/~1~0/"],
            ),
            (
                r#"{"a": "\ud800", "b": ["\udc00\ud800", "\ud83d\ude00"], "\ud800": 1}"#,
                &["/a", "/b/0", r"/\ud800"],
            ),
            (r#"{"a": "x\u0000", "b": {"\u0000": 1}}"#, &["/a", "/b/\0"]),
            (
                r#"{"a": 1e308, "b": 1e309, "c": -1E+400, "d": [1e-324], "e": 0e-9999, "f": 0.0e3, "g": 5e-324, "h": 1e99999999999}"#,
                &["/b", "/c", "/d/0", "/e", "/h"],
            ),
        ] {
            assert_eq!(pointers(json), expected, "{json}");
        }
    }

    #[test]
    fn depth_is_told_of_the_member_that_has_it() {
        let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for (levels, expected) in [(1, false), (100, false), (101, true), (50_000, true)] {
            let json =
                format!(r#"{{"a": {{}}, "deep": {}, "b": [{{"c": 1, "c": 2}}]}}"#, nested(levels));
            let found = faults(&json);
            let deep = found.iter().find(|fault| fault.pointer == "/deep");
            assert_eq!(deep.is_some(), expected, "{levels}");
            if let Some(deep) = deep {
                assert!(deep.detail.contains(&levels.to_string()), "{}", deep.detail);
            }
            assert!(found.iter().any(|fault| fault.pointer == "/b/0/c"), "{found:?}");
        }
        // Strings in what is skipped.
        let json =
            format!(r#"{{"deep": {}"[[\"]"{}, "a": 1, "a": 2}}"#, "[".repeat(120), "]".repeat(120));
        let found: Vec<_> = faults(&json).into_iter().map(|fault| fault.detail).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("120"), "{found:?}");
    }
}
