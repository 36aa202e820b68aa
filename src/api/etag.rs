//! Entity tags. The revision of a row is its `updated_at`, which grows with every change; the tag
//! is that time in microseconds, so that `If-Match` can be compared inside the statement that
//! writes.

use actix_web::HttpRequest;
use actix_web::http::header;
use sha2::{Digest, Sha256};

use super::problem::Problem;
use super::time::DateTime;

/// The entity tag of a row that was last changed at `revision`.
pub fn of(revision: DateTime) -> String {
    format!("\"{:x}\"", revision.micros())
}

/// The tag of a row shown together with things that change on their own (`?include=`): the
/// revision of the row, for `If-Match`, and a digest of all that is shown.
pub fn of_compound(revision: DateTime, body: &[u8]) -> String {
    // A digest that two builds agree on: instances of several versions serve side by side.
    let digest = Sha256::digest(body);
    let half: [u8; 16] = std::array::from_fn(|at| digest[at]);
    format!("\"{:x}.{:032x}\"", revision.micros(), u128::from_be_bytes(half))
}

/// The `If-Match` of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IfMatch {
    /// `None` when anything will do.
    revisions: Option<Vec<DateTime>>,
}

impl IfMatch {
    /// # Errors
    /// 400 when the header is no list of entity tags.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let Some(value) = joined(request, &header::IF_MATCH)? else {
            return Ok(Self::default());
        };
        if value.trim() == "*" {
            return Ok(Self::default());
        }
        let tags = parse(&value)
            .ok_or_else(|| Problem::malformed("If-Match is no list of entity tags."))?;
        // A weak tag, or one that we did not make, matches nothing.
        Ok(Self { revisions: Some(tags.into_iter().filter_map(revision).collect()) })
    }

    /// The parameter of the statement: null, or the revisions that will do.
    pub fn revisions(&self) -> Option<&[DateTime]> {
        self.revisions.as_deref()
    }

    pub fn admits(&self, revision: DateTime) -> bool {
        self.revisions.as_ref().is_none_or(|list| list.contains(&revision))
    }

    /// Why a change met no row, though the row `found`, if any, can be read: there is none, it
    /// has another revision, or the caller may not.
    pub fn refusal(&self, what: &str, found: Option<DateTime>) -> Problem {
        match found {
            None => Problem::not_found(what),
            Some(revision) if self.admits(revision) => Problem::forbidden(),
            Some(_) => Problem::stale(),
        }
    }
}

/// Whether `If-None-Match` names this tag, by weak comparison.
pub fn is_known(request: &HttpRequest, tag: &str) -> bool {
    let Ok(Some(value)) = joined(request, &header::IF_NONE_MATCH) else {
        return false;
    };
    value.trim() == "*"
        || parse(&value)
            .is_some_and(|tags| tags.iter().any(|known| known.trim_start_matches("W/") == tag))
}

fn joined(request: &HttpRequest, name: &header::HeaderName) -> Result<Option<String>, Problem> {
    let mut joined: Option<String> = None;
    for value in request.headers().get_all(name) {
        let value =
            value.to_str().map_err(|_| Problem::malformed(format!("{name} is not ASCII.")))?;
        joined =
            Some(joined.map_or_else(|| value.to_owned(), |before| format!("{before},{value}")));
    }
    Ok(joined)
}

/// RFC 9110 §8.8.3: `[W/]"…"`, comma-separated.
fn parse(list: &str) -> Option<Vec<&str>> {
    let mut tags = Vec::new();
    let mut rest = list.trim_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let opening = if rest.starts_with("W/") { 2 } else { 0 };
        let inner = rest.get(opening..)?.strip_prefix('"')?;
        let length = opening + inner.find('"')? + 2;
        let (tag, behind) = rest.split_at(length);
        tags.push(tag);
        let behind = behind.trim_start_matches([' ', '\t']);
        if !behind.is_empty() && !behind.starts_with(',') {
            return None;
        }
        rest = behind.trim_start_matches([' ', '\t', ',']);
    }
    (!tags.is_empty()).then_some(tags)
}

fn revision(tag: &str) -> Option<DateTime> {
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    let micros = inner.split('.').next()?;
    DateTime::from_micros(i64::from_str_radix(micros, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_tags_is_read_with_commas_inside() {
        assert_eq!(parse(r#""a,b" , W/"c",,"d""#), Some(vec![r#""a,b""#, r#"W/"c""#, r#""d""#]));
        assert_eq!(parse("a"), None);
        assert_eq!(parse(r#""a" "b""#), None);
        assert_eq!(parse(r#""open"#), None);
    }

    #[test]
    fn a_tag_names_its_revision_and_a_weak_one_none() {
        let now = DateTime::from_micros(1_790_000_000_123_456).expect("a time");
        assert_eq!(revision(&of(now)), Some(now));
        assert_eq!(revision(&of_compound(now, b"body")), Some(now));
        assert_eq!(revision(&format!("W/{}", of(now))), None);
        assert_eq!(revision("\"zz\""), None);
    }
}
