//! The rules of the schema: listed in docs/rules.md, and the same over HTTP as over SQL.

use std::collections::BTreeMap;
use std::fmt::Write;

use blockyard::db::CHECKS;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::query_as;

use crate::blocks::register;
use crate::service::Service;
use crate::support::Database;

/// What guards refuse, by the name of the rule: `raise exception '…' using …, constraint = …`.
const RAISED: &str = r"
    select distinct raised[2], replace(raised[1], '''''', ''''), p.proname::text
    from pg_proc p
    cross join lateral regexp_matches(
        p.prosrc, 'raise exception ''((?:[^'']|'''')*)''[^;]*constraint = ([^,;]*[^,;\s])', 'g') as raised
    where p.pronamespace = 'app'::regnamespace
    order by 1, 2, 3";

/// What indexes and references refuse.
const KEYS: &str = "
    select i.relname::text, t.relname::text from pg_index x
    join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
    where x.indisunique and t.relnamespace = 'public'::regnamespace and not x.indisprimary
    order by t.relname, i.relname";

/// The name of a rule as the function writes it: what it puts together there is `…`.
fn named(expression: &str) -> String {
    let piece = |piece: &str| match piece.trim().strip_prefix('\'') {
        Some(text) => text.trim_end_matches('\'').to_owned(),
        None => "…".to_owned(),
    };
    expression.split("||").map(piece).collect()
}

fn table<const N: usize>(
    page: &mut String,
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    writeln!(page, "| {} |\n|{}", head.join(" | "), "---|".repeat(N)).unwrap();
    for row in rows {
        writeln!(page, "| {} |", row.map(|cell| cell.replace('|', "\\|")).join(" | ")).unwrap();
    }
}

#[tokio::test]
async fn the_list_of_rules_is_that_of_the_schema() {
    let database = Database::new().await;
    let mut owner = database.connect().await;
    let raised: Vec<(String, String, String)> =
        query_as(RAISED).fetch_all(&mut owner).await.unwrap();
    let keys: Vec<(String, String)> = query_as(KEYS).fetch_all(&mut owner).await.unwrap();
    let mut page = "# Rules\n\n\
        Every rule has a name and is held by the database, for `insert`, `update` and `copy`, over HTTP, Supabase's REST API and psql alike.\n\
        The service says most of them itself, before, and all faults at once. `tests/api/rules.rs` writes this page from the schema\n\
        (`BLESS=1 cargo test --test api rules`) and tries the same values over HTTP and over SQL.\n\n\
        ## Checks\n\n\
        Of one row; `/…` is the member of the body that is refused with 422.\n\n"
        .to_owned();
    let checks = CHECKS.iter().map(|(name, pointer, words)| {
        let at = if pointer.is_empty() { String::new() } else { format!("`{pointer}`") };
        [format!("`{name}`"), at, (*words).to_owned()]
    });
    table(&mut page, ["rule", "member", "what a client is told"], checks);
    page.push_str("\n## Guards\n\nOf what no single row can say; held by a trigger or a function of `app`.\n\n");
    let mut guards: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (rule, words, function) in raised {
        guards.entry((named(&rule), words)).or_default().push(format!("`app.{function}`"));
    }
    let guards = guards.into_iter().map(|((rule, words), functions)| {
        [format!("`{rule}`"), words.replace('%', "…"), functions.join(", ")]
    });
    table(&mut page, ["rule", "what is raised", "where"], guards);
    page.push_str("\n## One of a kind\n\nRefused with 409.\n\n");
    let keys = keys.into_iter().map(|(index, table)| [format!("`{index}`"), format!("`{table}`")]);
    table(&mut page, ["rule", "table"], keys);

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let known = std::fs::read_to_string(path).unwrap_or_default();
    assert!(known == page, "docs/rules.md is another; run: BLESS=1 cargo test --test api rules");
}

/// A member that takes text: where it is sent, and the statement that writes the same.
struct Member {
    name: &'static str,
    path: &'static str,
    body: Value,
    insert: &'static str,
}

fn members() -> Vec<Member> {
    let member = |name, path, body, insert| Member { name, path, body, insert };
    let described = |kind: &str| json!({ "name": format!("{kind}-{{n}}") });
    let block = json!({ "name": "block-{n}", "block_type": "model" });
    vec![
        member(
            "description",
            "/blocks",
            block,
            "insert into blocks (name, block_type, description) values ('sql-{n}', 'model', {value})",
        ),
        member(
            "description",
            "/edges",
            described("edge"),
            "insert into edges (name, description) values ('sql-{n}', {value})",
        ),
        member(
            "description",
            "/pipelines",
            described("pipeline"),
            "insert into pipelines (name, description) values ('sql-{n}', {value})",
        ),
        member(
            "repo_url",
            "/blocks/b/code-repos",
            json!({ "branch": "b{n}" }),
            "insert into code_repos (entity_type, entity_id, repo_url, branch) select 'block', block_id, {value}, 's{n}' from blocks where name = 'b'",
        ),
        member(
            "branch",
            "/blocks/b/code-repos",
            json!({ "repo_url": "https://example.org/http/{n}" }),
            "insert into code_repos (entity_type, entity_id, repo_url, branch) select 'block', block_id, 'https://example.org/sql/{n}', {value} from blocks where name = 'b'",
        ),
        member(
            "image_tag",
            "/blocks/b/docker-images",
            json!({ "registry_url": "example.org/http/i{n}" }),
            "insert into docker_images (entity_type, entity_id, registry_url, image_tag) select 'block', block_id, 'example.org/sql/i{n}', {value} from blocks where name = 'b'",
        ),
        member(
            "image_digest",
            "/blocks/b/docker-images",
            json!({ "registry_url": "example.org/http/d{n}", "image_tag": "h" }),
            "insert into docker_images (entity_type, entity_id, registry_url, image_tag, image_digest) select 'block', block_id, 'example.org/sql/d{n}', 's', {value} from blocks where name = 'b'",
        ),
        member(
            "registry_url",
            "/blocks/b/docker-images",
            json!({ "image_tag": "h{n}" }),
            "insert into docker_images (entity_type, entity_id, registry_url, image_tag) select 'block', block_id, {value}, 's{n}' from blocks where name = 'b'",
        ),
        member(
            "dependency_detail",
            "/blocks/b/dependencies",
            json!({ "dependency_type": "external" }),
            "insert into dependencies (entity_type, entity_id, dependency_type, dependency_detail) select 'block', block_id, 'external', {value} from blocks where name = 'b'",
        ),
        member(
            "version_constraint",
            "/blocks/b/dependencies",
            json!({ "dependency_type": "external", "dependency_detail": "http {n}" }),
            "insert into dependencies (entity_type, entity_id, dependency_type, dependency_detail, version_constraint) select 'block', block_id, 'external', 'sql {n}', {value} from blocks where name = 'b'",
        ),
        member(
            "vector_db",
            "/blocks/b/vectors",
            json!({ "vector_key": "http {n}" }),
            "insert into block_vector_representations (block_id, vector_key, vector_db) select block_id, 'sql {n}', {value} from blocks where name = 'b'",
        ),
        member(
            "vector_key",
            "/blocks/b/vectors",
            json!({ "vector_db": "http {n}" }),
            "insert into block_vector_representations (block_id, vector_db, vector_key) select block_id, 'sql {n}', {value} from blocks where name = 'b'",
        ),
    ]
}

fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "a",
        " a ",
        "a b",
        "a\tb",
        "a\nb",
        "a\r\nb",
        "a\n",
        "a\u{7f}b",
        "a\u{85}b",
        "a\u{a0}",
        "\u{3000}a",
        "a\u{200b}b",
        "a\u{2028}b",
        "\u{feff}a",
        "é",
        "e\u{301}",
        "\u{fffd}",
        "🦀",
        "-",
        "-a",
        "--",
        ".",
        ".a",
        "a.",
        "..",
        "a..b",
        "@",
        "@{u}",
        "HEAD",
        "a/b",
        "/a",
        "a/",
        "a//b",
        "a/.b",
        "a.lock",
        "a.lock/b",
        "refs/heads/x",
        "a~1",
        "a^",
        "a:b",
        "a?b",
        "a*",
        "a[b",
        "a]b",
        "a\\b",
        "{",
        "}",
        "_",
        "_a",
        "a_",
        "a__b",
        "a___b",
        "a---b",
        "a-",
        "v1",
        "v1.2-3_x",
        "v1@sha256:abc",
        "latest",
        ">=1,<2",
        "x@example.org",
        "https://example.org/x.git",
        "HTTPS://example.org/x",
        "http://example.org/x",
        "https://user@example.org/x",
        "https://user:secret@example.org/x",
        "https://example.org",
        "https://example.org/",
        "https://example.org//",
        "https://EXAMPLE.org/x",
        "https://example.org:443/x",
        "https://example.org:0/x",
        "https://example.org:/x",
        "https://example.org:99999/x",
        "https://[::1]/x",
        "https://1.2.3.4/x",
        "https://1.2.3/x",
        "https://ex ample.org/x",
        "https://example.org/x?y=1",
        "https://example.org/x#y",
        "https://example.org/a b",
        "https://example.org/%20",
        "https://example.org/%zz",
        "https://example.org/../x",
        "https://exämple.org/x",
        "https://-a.org/x",
        "https://a-.org/x",
        "https://a_b.org/x",
        "https://.org/x",
        "https://a..org/x",
        "https://example.org./x",
        "https://example.org/é",
        "https:///x",
        "https:/example.org/x",
        "https://example.org\\x",
        "ssh://git@example.org/x",
        "ssh://example.org/x",
        "ssh://git:secret@example.org/x",
        "ssh://git@example.org:22/x",
        "git@example.org:x/y.git",
        "git@example.org:",
        "git@example.org:/x",
        "git@example.org",
        "@example.org:x",
        "a b@example.org:x",
        "git://example.org/x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "ftp://example.org/x",
        "ghcr.io/acme/x",
        "ghcr.io/",
        "ghcr.io",
        "ghcr.io//x",
        "localhost:5000/x",
        "localhost:5000",
        "localhost",
        "UPPER/case",
        "example.org/Upper",
        "a..b/c",
        "example.org/a..b",
        "example.org/a/../b",
        "example.org:port/x",
        "example.org:70000/x",
        "registry.example.org:5000/team/name",
        "http://ghcr.io/x",
        "ghcr.io/x:tag",
        "ghcr.io/x@sha256:ab",
        "[::1]:5000/x",
        "10.0.0.1:5000/x",
        "'; drop table blocks; --",
    ]
    .map(str::to_owned)
    .into();
    for length in [
        63, 64, 65, 99, 100, 101, 127, 128, 129, 199, 200, 201, 253, 254, 255, 256, 262, 263, 264,
        999, 1000, 1001, 1999, 2000, 2001, 9999, 10000, 10001,
    ] {
        texts.push("a".repeat(length));
        texts.push("é".repeat(length));
        for algorithm in ["sha256", "blake3", "sha512", "sha384", "SHA256"] {
            texts.push(format!("{algorithm}:{}", "a".repeat(length)));
        }
        for begin in ["https://example.org/", "example.org/", "git@example.org:"] {
            if let Some(rest) = length.checked_sub(begin.len()) {
                texts.push(format!("{begin}{}", "a".repeat(rest)));
            }
        }
    }
    texts
}

#[tokio::test]
async fn a_text_is_taken_over_sql_exactly_when_it_is_over_http() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    let mut sql = service.by_sql("dan").await;
    let (mut tried, mut taken, mut apart) = (0, 0, Vec::new());
    for member in members() {
        for text in texts() {
            tried += 1;
            let number = tried.to_string();
            let mut body: Value =
                serde_json::from_str(&member.body.to_string().replace("{n}", &number)).unwrap();
            body[member.name] = text.as_str().into();
            let answer = dan.post(member.path, body).await;
            // One like it is there: it was taken once.
            let http = matches!(answer.status, StatusCode::CREATED | StatusCode::CONFLICT);
            let value = format!("'{}'", text.replace('\'', "''"));
            let statement = member.insert.replace("{n}", &number).replace("{value}", &value);
            let outcome = sql.run(&statement).await;
            let by_sql = match &outcome {
                Ok(_) => true,
                Err(refusal) => refusal.constraint.ends_with("_key"),
            };
            taken += usize::from(http);
            let shown: String = text.chars().take(40).collect();
            let count = text.chars().count();
            if http != by_sql {
                apart.push(format!(
                    "{} {} {shown:?} ({count}): HTTP {} {}, SQL {outcome:?}",
                    member.path, member.name, answer.status, answer.text
                ));
            } else if !http {
                assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text);
                assert_eq!(answer.pointers(), [format!("/{}", member.name)], "{shown:?}");
            }
        }
    }
    println!("{tried} texts tried over HTTP and over SQL, {taken} taken by both");
    assert!(apart.is_empty(), "{} apart:\n{}", apart.len(), apart.join("\n"));
    assert!(taken > tried / 10 && taken < tried * 9 / 10, "{taken} of {tried}");
}
