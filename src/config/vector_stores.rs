//! Vector stores of others that searches may ask, as `VECTOR_STORES` describes them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::fault::Fault;
use super::files;
use super::origin::may_carry;
use super::secret::Secret;

const VARIABLE: &str = "VECTOR_STORES";
const MOST: usize = 50;
/// More, and it outlives the request that waits for it.
pub(super) const LONGEST: u32 = 30;

/// A kind of vector store that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = VectorStore)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    Qdrant,
    Pinecone,
    Weaviate,
    Chroma,
}

impl StoreKind {
    /// What may be said of it beside what holds for all.
    fn members(self) -> &'static [&'static str] {
        match self {
            Self::Chroma => &["collection", "tenant", "database"],
            Self::Qdrant => &["collection", "vector_name", "key_field", "scores"],
            Self::Pinecone => &["namespace", "scores"],
            Self::Weaviate => &["collection", "tenant", "vector_name", "key_field"],
        }
    }

    fn scores(self) -> Scores {
        match self {
            Self::Chroma | Self::Weaviate => Scores::Distance,
            Self::Qdrant | Self::Pinecone => Scores::Similarity,
        }
    }
}

/// What the scores of a store are: of a distance less is nearer, of a similarity more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scores {
    Distance,
    Similarity,
}

/// A vector store that searches may ask.
#[derive(Debug, Clone)]
pub struct VectorStore {
    pub name: String,
    pub kind: StoreKind,
    /// What representations have as their `vector_db` that live there.
    pub vector_db: String,
    /// Without a slash at the end.
    pub url: String,
    /// Of Pinecone none: its URL is that of an index.
    pub collection: String,
    pub tenant: Option<String>,
    pub database: Option<String>,
    pub namespace: Option<String>,
    /// Which of several vectors of a point.
    pub vector_name: Option<String>,
    /// The field that has the `vector_key`, where it is not the store's own id.
    pub key_field: Option<String>,
    pub scores: Scores,
    pub key: Option<Secret>,
    pub timeout_seconds: u32,
}

/// The stores in a text, and all that is wrong with it; never what stands there.
pub(super) fn read(text: &str, usual_seconds: u32) -> (Vec<VectorStore>, Vec<Fault>) {
    let (mut stores, mut faults) = (Vec::<VectorStore>::new(), Vec::new());
    let list: Vec<Map<String, Value>> = match serde_json::from_str(text) {
        Ok(list) => list,
        Err(error) => {
            // What serde says may show a piece of it.
            let (line, column) = (error.line(), error.column());
            let what = format!(
                "must be a JSON list of objects; it is none at line {line}, column {column}"
            );
            return (stores, vec![Fault::new(VARIABLE, what)]);
        }
    };
    if list.len() > MOST {
        let what = format!("must have at most {MOST} stores");
        return (stores, vec![Fault::new(VARIABLE, what)]);
    }
    for (at, members) in list.into_iter().enumerate() {
        let mut description = Description { number: at + 1, members, faults: &mut faults };
        let Some(store) = description.read(usual_seconds) else { continue };
        if stores.iter().any(|other| other.name == store.name) {
            description.fault("has the name of another");
        }
        stores.push(store);
    }
    (stores, faults)
}

/// The members of a store that have not been read yet.
struct Description<'a> {
    number: usize,
    members: Map<String, Value>,
    faults: &'a mut Vec<Fault>,
}

impl Description<'_> {
    fn fault(&mut self, what: &str) {
        let number = self.number;
        self.faults.push(Fault::new(VARIABLE, format!("(store {number}) {what}")));
    }

    /// A text that may be missing; `None` is a fault.
    fn optional(&mut self, name: &str) -> Option<Option<String>> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Some(None),
            Some(Value::String(text))
                if (1..=1000).contains(&text.len())
                    && text.trim() == text
                    && !text.chars().any(char::is_control) =>
            {
                Some(Some(text))
            }
            Some(_) => {
                self.fault(&format!("must have a text of 1 to 1000 characters as its {name}"));
                None
            }
        }
    }

    fn required(&mut self, name: &str) -> Option<String> {
        let text = self.optional(name)?;
        if text.is_none() {
            self.fault(&format!("must have a {name}"));
        }
        text
    }

    /// One of a few words.
    fn word<T: for<'de> Deserialize<'de>>(&mut self, name: &str, words: &str) -> Option<Option<T>> {
        let Some(text) = self.optional(name)? else { return Some(None) };
        let word = serde_json::from_value(Value::String(text)).ok();
        if word.is_none() {
            self.fault(&format!("must have one of {words} as its {name}"));
        }
        word.map(Some)
    }

    fn read(&mut self, usual_seconds: u32) -> Option<VectorStore> {
        let before = self.faults.len();
        let name = self.required("name");
        if name.as_deref().is_some_and(|name| !is_name(name)) {
            self.fault("must have a name of at most 63 of a-z, 0-9, - and _");
        }
        let kind: Option<Option<StoreKind>> =
            self.word("kind", "chroma, qdrant, pinecone and weaviate");
        if kind.is_some_and(|kind| kind.is_none()) {
            self.fault("must have a kind");
        }
        let url = self.required("url");
        let key = self.key();
        if let Some(url) = &url
            && !(is_address(url) && may_carry(Some(url), key.is_some()))
        {
            self.fault(
                "must have an http or https address without user, query or fragment as its url (with a key https, or http to this machine)",
            );
        }
        let vector_db = self.optional("vector_db");
        if vector_db.iter().flatten().any(|text| text.chars().count() > 100) {
            self.fault("must have a vector_db of at most 100 characters");
        }
        let timeout_seconds = self.seconds();
        let kind = kind??;
        let takes = |member: &str| kind.members().contains(&member);
        let collection =
            if takes("collection") { self.required("collection") } else { Some(String::new()) };
        let mut said = |name: &str| if takes(name) { self.optional(name) } else { Some(None) };
        let tenant = said("tenant");
        let database = said("database");
        let namespace = said("namespace");
        let vector_name = said("vector_name");
        let key_field = said("key_field");
        let scores = if takes("scores") {
            self.word("scores", "distance and similarity")
        } else {
            Some(None)
        };
        let unknown: Vec<String> =
            std::mem::take(&mut self.members).into_iter().map(|(name, _)| name).collect();
        for name in unknown {
            // Where a member should be there may stand anything.
            let shown = if is_name(&name) && name.len() <= 30 { &name } else { "…" };
            self.fault(&format!("has a member that a store of its kind does not take: {shown}"));
        }
        if self.faults.len() > before {
            return None;
        }
        let name = name?;
        Some(VectorStore {
            vector_db: vector_db?.unwrap_or_else(|| name.clone()),
            name,
            kind,
            url: url?.trim_end_matches('/').to_owned(),
            collection: collection?,
            tenant: tenant?,
            database: database?,
            namespace: namespace?,
            vector_name: vector_name?,
            key_field: key_field?,
            scores: scores?.unwrap_or_else(|| kind.scores()),
            key,
            timeout_seconds: timeout_seconds?.unwrap_or(usual_seconds),
        })
    }

    /// What the store knows us by: itself, or what a file holds.
    fn key(&mut self) -> Option<Secret> {
        let (key, file) = (self.optional("key"), self.optional("key_file"));
        let key = match (key?, file?) {
            (None, None) => return None,
            (Some(_), Some(_)) => {
                self.fault("has both key and key_file: keep one of them");
                return None;
            }
            (Some(key), None) => key,
            (None, Some(path)) => match files::content(VARIABLE, &path) {
                Ok(key) => key,
                Err(fault) => {
                    self.faults.push(fault);
                    return None;
                }
            },
        };
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.fault("must have a key without blanks, of what is printed in ASCII");
        }
        Some(key.into())
    }

    fn seconds(&mut self) -> Option<Option<u32>> {
        let Some(value) = self.members.remove("timeout_seconds") else { return Some(None) };
        let seconds = value.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
        let seconds = seconds.filter(|seconds| (1..=LONGEST).contains(seconds));
        if seconds.is_none() {
            self.fault(&format!(
                "must have a whole number from 1 to {LONGEST} as its timeout_seconds"
            ));
        }
        seconds.map(Some)
    }
}

/// It stands in a path, in logs and in metrics.
fn is_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

fn is_address(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}
