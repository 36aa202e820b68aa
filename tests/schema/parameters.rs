//! The schema of a pipeline's parameters: what fits says the database, as JSON Schema says it.

use serde_json::Value;
use sqlx::query_as;

use crate::support::Database;

/// The official suite for draft 2020-12 (<https://github.com/json-schema-org/JSON-Schema-Test-Suite>, MIT, see
/// `json_schema_suite.LICENSE`), of the words that are known here and of the schemas that say nothing else.
const SUITE: &str = include_str!("json_schema_suite.json");

#[tokio::test]
async fn what_fits_is_what_the_official_suite_says() {
    let database = Database::new().await;
    let verdicts: Vec<(String, bool, bool, bool)> = query_as(
        "select format('%s: %s: %s', w.key, g ->> 'description', t ->> 'description'),
            not exists (select from app.schema_faults(g -> 'schema', '', false)),
            (t -> 'valid')::boolean, not exists (select from app.misfits(t -> 'data', g -> 'schema', ''))
         from jsonb_each($1) as w, jsonb_array_elements(w.value) as g, jsonb_array_elements(g -> 'tests') as t",
    )
    .bind(serde_json::from_str::<Value>(SUITE).expect("JSON"))
    .fetch_all(&mut database.connect().await)
    .await
    .expect("verdicts");
    assert_eq!(verdicts.len(), 498);
    for (what, is_allowed, fits, is_said_to_fit) in verdicts {
        assert!(is_allowed, "{what}: the schema is refused");
        assert_eq!(fits, is_said_to_fit, "{what}");
    }
}

#[tokio::test]
async fn a_pattern_means_the_same_everywhere() {
    let database = Database::new().await;
    let mut owner = database.connect().await;
    for (pattern, fault) in [
        ("^[0-9]{4}-[0-9]{2}$", ""),
        (r"^(?:a|b+?)[^x\]]*\.\{$", ""),
        ("^.{1,250}$", ""),
        (r"\d", "the same everywhere"),
        (r"(a)\1", "the same everywhere"),
        ("(?i)a", "the same everywhere"),
        ("a(?=b)", "the same everywhere"),
        ("***=a", "the same everywhere"),
        ("[[:alpha:]]", "the same everywhere"),
        ("[]a]", "the same everywhere"),
        ("a{x}", "the same everywhere"),
        ("(a", "no regular expression"),
        ("a{300}", "no regular expression"),
        ("(((a{255}){255}){255}){255}", "no regular expression"),
        (&"a".repeat(501), "at most 500"),
    ] {
        let (said,): (Option<String>,) = query_as("select app.pattern_fault($1)")
            .bind(pattern)
            .fetch_one(&mut owner)
            .await
            .unwrap_or_else(|error| panic!("{pattern}: {error}"));
        let said = said.unwrap_or_default();
        assert!(said.contains(fault) && said.is_empty() == fault.is_empty(), "{pattern}: {said}");
    }
}
