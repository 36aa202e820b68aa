//! What a schema of the document allows and forbids, as inputs to try.

use serde_json::{Map, Value, json};

/// One thing to try of a member or a parameter.
pub struct Input {
    pub what: String,
    pub value: Value,
    pub allowed: bool,
}

/// Texts beyond this are only written out when they are sent.
const LONG: usize = 100_000;
const MARK: &str = "characters: ";

/// Writes long texts out.
pub fn write_out(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(length) = text.strip_prefix(MARK).and_then(|length| length.parse().ok()) {
                *text = "a".repeat(length);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(write_out),
        Value::Object(members) => members.values_mut().for_each(write_out),
        _ => {}
    }
}

/// A schema with its references followed.
#[derive(Clone, Copy)]
pub struct Schema<'a> {
    document: &'a Value,
    json: &'a Value,
    /// What it is called in the document.
    pub name: &'a str,
    nullable: bool,
}

/// What matches a pattern of the document, and what does not. The test tries both against the pattern first.
pub const PATTERNS: &[(&str, &[&str], &[&str])] = &[
    (
        "^-?created_at$",
        &["created_at", "-created_at"],
        &["", "name", "+created_at", "created_at,name"],
    ),
    ("^-?(name|created_at|updated_at)$", &["name", "-updated_at"], &["", "id", "Name", "--name"]),
    ("^-?(created_at|username)$", &["username", "-created_at"], &["", "email", "- username"]),
    (
        "^([1-9][0-9]{0,8}|latest|active)$",
        &["1", "latest", "active"],
        &["0", "-1", "01", "+1", "1.0", "newest", "1000000000"],
    ),
    (
        "^[0-9A-Fa-f]{64}$",
        &[],
        &["", "0", "g000000000000000000000000000000000000000000000000000000000000000"],
    ),
    (
        "^[0-9a-f]{64}$",
        &[],
        &["", "0", "A000000000000000000000000000000000000000000000000000000000000000"],
    ),
    (
        "^ *(taxonomy|block|edge|pipeline) *(, *(taxonomy|block|edge|pipeline) *)*$",
        &["block", "taxonomy,pipeline", "block , edge"],
        &["", "block,", "blocks", "Block"],
    ),
    (
        "^([0-9A-Fa-f]{64}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$",
        &[],
        &["", "0", "01a2057584d979dba493fbb455308177"],
    ),
    ("^[A-Za-z0-9_-]+$", &[], &["", "not a cursor", "ä"]),
    ("^build_logs$", &["build_logs"], &["", "logs", "build_logs,"]),
    (
        "^([1-9][0-9]{0,8}|[a-uw-z][a-z0-9_-]{0,62}|v([a-z_-][a-z0-9_-]{0,61})?)$",
        &["active", "1", "latest"],
        &["", "0", "v1", "Active", "-1"],
    ),
    (
        "^([a-uw-z][a-z0-9_-]{0,62}|v([a-z_-][a-z0-9_-]{0,61})?)$",
        &["champion"],
        &["", "1", "v1", "Champion"],
    ),
    ("^(block|edge|pipeline):", &[], &["", "block", "user:a", "Block:a"]),
    (
        "^ *(versions|categories|aliases) *(, *(versions|categories|aliases) *)*$",
        &["versions", "categories", "versions, categories"],
        &["", "versions,", "verifications", "Versions"],
    ),
    (
        "^ *(versions|categories|aliases|used_by) *(, *(versions|categories|aliases|used_by) *)*$",
        &["used_by", "versions", "categories", "versions, categories"],
        &["", "versions,", "verifications", "Versions"],
    ),
    (
        "^ *(versions|verifications|aliases) *(, *(versions|verifications|aliases) *)*$",
        &["versions", "verifications", "versions, verifications"],
        &["", ",versions", "categories"],
    ),
    (
        "^ *(versions|verifications|aliases|used_by) *(, *(versions|verifications|aliases|used_by) *)*$",
        &["used_by", "versions", "verifications", "versions, verifications"],
        &["", ",versions", "categories"],
    ),
    (
        "^ *(blocks|edges) *(, *(blocks|edges) *)*$",
        &["blocks", "blocks,edges"],
        &["", "runs", "blocks;edges"],
    ),
    (
        "^ *(blocks|edges|runs) *(, *(blocks|edges|runs) *)*$",
        &["runs", "edges,runs, blocks"],
        &["", "versions", "blocks edges"],
    ),
    (
        "^ *(block|edge|pipeline) *(, *(block|edge|pipeline) *)*$",
        &["block", "edge, pipeline"],
        &["", "block,", "user", "Block"],
    ),
    (
        "^ *(kind|block_type|category|verified|pipeline) *(, *(kind|block_type|category|verified|pipeline) *)*$",
        &["kind", "category, verified"],
        &["", "kind,", "name"],
    ),
    (
        "^sha256:[0-9a-f]{64}$",
        &["sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],
        &["", "sha256:", "sha256:0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"],
    ),
    ("^[!-~]{1,255}$", &[], &["", "a b", "é"]),
    ("^[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}$", &["0/0", "1a/16B3748"], &["", "0", "0/x", "0/0/0"]),
    (ENTITY_TAGS, &["*", r#""a""#, r#"W/"a", "b""#], &["", "a", r#""a"#]),
    ("^[A-Za-z0-9_]{1,255}$", &["a", "nightly_2"], &["", "a-b", "a b", "é"]),
    ("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", &["v1.0-a_b", "_"], &["", ".v1", "-v1", "a/b", "v 1"]),
    (
        "^((sha256|blake3):[0-9a-f]{64}|sha512:[0-9a-f]{128})$",
        &[
            "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "blake3:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ],
        &[
            "",
            "sha256:",
            "sha512:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "md5:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "sha256:0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF",
            "v1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ],
    ),
    (r"\S", &[], &["", " ", "\u{3000}"]),
    (
        REPO_URL,
        &[
            "https://example.org/a/b",
            "https://[::1]:8443/a",
            "ssh://git@example.org:22/~me/a.git",
            "ssh://example.org/a",
            "git@example.org:acme/a.git",
        ],
        &[
            "",
            "http://example.org/a",
            "https://example.org",
            "https://u:p@example.org/a",
            "https://example.org/a?b",
            "https://example.org/a#b",
            "ssh://u:p@example.org/a",
            "git@example.org:-a",
            "file:///etc/passwd",
            "https://-a/b",
        ],
    ),
    (
        IMAGE_NAME,
        &[
            "acme/a",
            "ghcr.io/acme/a",
            "localhost:5000/a__b--c.d",
            "https://Example.org/a",
            "[::1]:5000/a",
        ],
        &[
            "",
            "ghcr.io/Acme/a",
            "a/b:v1",
            "u@ghcr.io/a",
            "ghcr.io/a b",
            "http://ghcr.io/a",
            "ghcr.io//a",
            "ghcr.io/a_",
            "ghcr.io/a___b",
        ],
    ),
];

/// `*`, or entity tags with commas between.
const ENTITY_TAGS: &str = r#"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$"#;
const REPO_URL: &str = r"^(https://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(:[0-9]{1,5})?/[A-Za-z0-9._~!$&'()*+,;=:@%/-]+|ssh://([A-Za-z0-9_][A-Za-z0-9._-]*@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(:[0-9]{1,5})?/[A-Za-z0-9._~!$&'()*+,;=:@%/-]+|git@[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?:[A-Za-z0-9._~!$&'()*+,;=@%/][A-Za-z0-9._~!$&'()*+,;=:@%/-]*)$";
const IMAGE_NAME: &str = r"^((https://)?(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*)(:[0-9]+)?|[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$";

impl<'a> Schema<'a> {
    pub fn of(document: &'a Value, json: &'a Value) -> Self {
        let mut schema = Self { document, json, name: "", nullable: false };
        loop {
            if let Some(choices) = schema.json["oneOf"].as_array() {
                schema.nullable |= choices.iter().any(|choice| choice["type"] == "null");
                // Of several forms (only files have such members) the first is tried.
                let first = choices.iter().find(|choice| choice["type"] != "null");
                schema.json = first.unwrap_or_else(|| panic!("a choice: {}", schema.json));
            } else if let Some(reference) = schema.json["$ref"].as_str() {
                let pointer = reference.strip_prefix('#').expect("a local reference");
                schema.name = reference.rsplit('/').next().unwrap_or_default();
                schema.json = document.pointer(pointer).expect("what is referred to");
            } else {
                break;
            }
        }
        let kinds = schema.json["type"].as_array().into_iter().flatten();
        schema.nullable |= kinds.clone().any(|kind| kind == "null");
        schema
    }

    pub fn kind(&self) -> &'a str {
        match &self.json["type"] {
            Value::Array(kinds) => {
                kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null")
            }
            kind => kind.as_str(),
        }
        .unwrap_or_else(|| panic!("no type: {}", self.json))
    }

    pub fn format(&self) -> &'a str {
        self.json["format"].as_str().unwrap_or_default()
    }

    pub fn properties(&self) -> impl Iterator<Item = (&'a str, Self)> + use<'a> {
        let document = self.document;
        let properties = self.json["properties"].as_object().into_iter().flatten();
        properties.map(move |(name, json)| (name.as_str(), Self::of(document, json)))
    }

    pub fn requires(&self, member: &str) -> bool {
        self.json["required"].as_array().into_iter().flatten().any(|name| name == member)
    }

    pub fn is_closed(&self) -> bool {
        self.json["additionalProperties"] == false
    }

    /// How many members there are at least.
    pub fn least(&self) -> Option<usize> {
        self.number("minProperties")?.try_into().ok()
    }

    pub fn items(&self) -> Option<Self> {
        self.json.get("items").map(|items| Self::of(self.document, items))
    }

    fn number(&self, bound: &str) -> Option<i64> {
        self.json[bound].as_i64()
    }

    /// A value that it allows, where nothing special is asked for.
    pub fn example(&self, new: usize) -> Value {
        match self.kind() {
            "string" if self.json["enum"].is_array() => self.json["enum"][0].clone(),
            "string" if self.format() == "date-time" => "2099-01-01T00:00:00Z".into(),
            "string" => match self.pattern() {
                Some((_, [good, ..], _)) => Value::from(*good),
                _ => {
                    let least = self.number("minLength").unwrap_or(0).max(14);
                    self.text(least as usize, new).into()
                }
            },
            "integer" => self.number("minimum").unwrap_or(1).into(),
            "number" => 0.5.into(),
            "boolean" => true.into(),
            "array" => json!([self.items().expect("items").example(new)]),
            "object" => {
                let required = self.properties().filter(|(name, _)| self.requires(name));
                required
                    .map(|(name, member)| (name.to_owned(), member.example(new)))
                    .collect::<Map<_, _>>()
                    .into()
            }
            kind => panic!("no example of {kind}"),
        }
    }

    /// A text of that many characters, another one every time.
    fn text(&self, length: usize, new: usize) -> String {
        if length > LONG {
            return format!("{MARK}{length}");
        }
        let (before, after) = match self.name {
            "Email" if length > 8 => ("", "@e.org"),
            "Email" => ("a@", ""),
            "RepoUrl" => ("https://e.org/", ""),
            "ImageName" => ("e.org/", ""),
            _ => ("", ""),
        };
        let room = length.saturating_sub(before.len() + after.len());
        let middle = match room {
            // Of ideographs there are enough for a new name of one character.
            1 => char::from_u32(0x4E00 + new as u32 % 20_000).map(String::from).unwrap_or_default(),
            room => format!("{new}{}", "a".repeat(room)),
        };
        let middle: String = middle.chars().take(room).collect();
        [before, &middle, after].concat()
    }

    fn pattern(&self) -> Option<(&'static str, &'static [&'static str], &'static [&'static str])> {
        let pattern = self.json["pattern"].as_str()?;
        let known = PATTERNS.iter().find(|(known, _, _)| *known == pattern);
        Some(*known.unwrap_or_else(|| panic!("what matches {pattern}?")))
    }

    /// Everything that is worth a try.
    pub fn inputs(&self, new: usize) -> Vec<Input> {
        let mut inputs = Vec::new();
        let mut push = |what: &str, value: Value, allowed| {
            inputs.push(Input { what: what.to_owned(), value, allowed });
        };
        push("null", Value::Null, self.nullable);
        let others = [
            ("a text", json!("12x")),
            ("a number", json!(1.5)),
            ("a boolean", json!(true)),
            ("an array", json!([[]])),
            ("an object", json!({ "unheard_of": 1 })),
        ];
        let own = match self.kind() {
            "string" => "a text",
            "integer" => "",
            "number" => "a number",
            "boolean" => "a boolean",
            "array" => "an array",
            _ => "an object",
        };
        for (what, value) in others.into_iter().filter(|(what, _)| *what != own) {
            push(what, value, false);
        }
        match self.kind() {
            "string" => self.texts(new, &mut push),
            "integer" => self.integers(&mut push),
            "number" => push("a number with a sign", "+1".into(), false),
            "boolean" => {
                push("true", true.into(), true);
                push("false", false.into(), true);
                push("a word", "yes".into(), false);
            }
            "array" => {
                let item = self.items().expect("items");
                if let Some(most) = self.number("maxItems") {
                    let many = vec![item.example(new); most as usize + 1];
                    push("an item too many", many.into(), false);
                }
            }
            _ => {
                if self.properties().next().is_none() && self.json["additionalProperties"] == true {
                    push("an empty object", json!({}), true);
                    push("any object", json!({ "a": [1, null, { "b": "c" }] }), true);
                }
                if self.json["additionalProperties"].is_object() {
                    let member =
                        Self::of(self.document, &self.json["additionalProperties"]).example(new);
                    push("a member of the kind", json!({ "a": member }), true);
                    push("a member of another kind", json!({ "a": 1.5 }), false);
                }
                if let Some(least) = self.number("minProperties") {
                    assert_eq!(least, 1);
                    push("an empty object", json!({}), false);
                }
            }
        }
        inputs
    }

    fn texts(&self, new: usize, push: &mut impl FnMut(&str, Value, bool)) {
        if let Some(words) = self.json["enum"].as_array() {
            for word in words {
                push("a word of the list", word.clone(), true);
                let shouted = word.as_str().map(|word| {
                    if word == word.to_uppercase() {
                        word.to_lowercase()
                    } else {
                        word.to_uppercase()
                    }
                });
                push("a word in another case", shouted.into(), false);
            }
            push("a word that is not in the list", "unheard-of".into(), false);
            push("no word", "".into(), false);
        }
        let form = self.format();
        let (good, bad): (&[&str], &[&str]) = match form {
            "date-time" => (
                &["2099-01-01T00:00:00Z", "2099-01-01T01:00:00.123456+01:00"],
                &[
                    "",
                    "yesterday",
                    "2099-13-01T00:00:00Z",
                    "2099-02-30T00:00:00Z",
                    "2099-01-01T00:00:00",
                    "2099-01-01 25:00:00Z",
                    "4070908800",
                ],
            ),
            "uuid" => (
                &[],
                &[
                    "",
                    "x",
                    "01a2057584d979dba493fbb455308177",
                    "{01a20575-84d9-79db-a493-fbb455308177}",
                    "urn:uuid:01a20575-84d9-79db-a493-fbb455308177",
                    "01a20575-84d9-79db-a493-fbb45530817g",
                ],
            ),
            "email" => (&[], &["no-address", "@example.org", "a@", "a b@example.org"]),
            "password" | "" => (&[], &[]),
            other => panic!("what is of the format {other}?"),
        };
        let (_, matching, others) = self.pattern().unwrap_or_default();
        for text in good.iter().chain(matching) {
            push("a text of the form", (*text).into(), true);
        }
        for text in bad.iter().chain(others) {
            push("a text of another form", (*text).into(), false);
        }
        if let Some(least) = self.number("minLength") {
            if self.name != "Reference"
                && self.name != "RepoUrl"
                && self.name != "ImageName"
                && self.name != "ImageTag"
            {
                push("the shortest text", self.text(least as usize, new).into(), true);
            }
            push("a shorter text", self.text(least as usize - 1, new).into(), false);
        }
        if let Some(most) = self.number("maxLength") {
            if self.name != "Reference" {
                push("the longest text", self.text(most as usize, new).into(), true);
            }
            push("a longer text", self.text(most as usize + 1, new).into(), false);
        }
    }

    fn integers(&self, push: &mut impl FnMut(&str, Value, bool)) {
        let (least, most) = (self.number("minimum"), self.number("maximum"));
        push("the least number", least.unwrap_or(1).into(), true);
        if let Some(most) = most {
            push("the highest number", most.into(), true);
        }
        assert_eq!(self.format(), "int32");
        push(
            "a lower number",
            least.map_or(i64::from(i32::MIN) - 1, |least| least - 1).into(),
            false,
        );
        push(
            "a higher number",
            most.map_or(i64::from(i32::MAX) + 1, |most| most + 1).into(),
            false,
        );
        push("a number with a sign", "+1".into(), false);
    }
}
