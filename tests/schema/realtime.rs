//! Supabase Realtime: what leaves by the publication `supabase_realtime`, as PostgreSQL's own decoder gives it.

use std::collections::{BTreeMap, BTreeSet};

use blockyard::db::migrate::migrate;
use blockyard::development::private_server::DefaultGrants;
use sqlx::{query, query_as, query_scalar, raw_sql};

use crate::support::{Database, connect};
use crate::world;

const PUBLISHED: &[&str] = &[
    "alias_moves",
    "aliases",
    "block_taxonomies",
    "block_vector_representations",
    "block_versions",
    "blocks",
    "code_repos",
    "dependencies",
    "edge_vector_representations",
    "edge_versions",
    "edges",
    "embedding_models",
    "pipeline_blocks",
    "pipeline_edges",
    "pipeline_runs",
    "pipelines",
    "taxonomy_categories",
];
/// What stays out, and why.
const KEPT: &[(&str, &str)] = &[
    ("api_keys", "one's own only"),
    ("audit_logs", "one's own only"),
    ("docker_images", "a change would carry the build's log"),
    ("edge_verifications", "a change would carry the log"),
    ("embeddings", "a change would carry the vector"),
    ("pipeline_locks", "never changed, and large: a run names its lock"),
    ("usernames", "people: their names are asked for, not announced"),
    ("users", "one's own only"),
];

/// A database whose project had the publication before the migrations, as `postgres`'s.
async fn with_publication() -> Database {
    let database = Database::unmigrated(DefaultGrants::Explicit).await;
    raw_sql("create publication supabase_realtime")
        .execute(&mut database.connect().await)
        .await
        .unwrap();
    migrate(&database.owner()).await.unwrap();
    database
}

async fn published(database: &Database) -> Vec<String> {
    query_scalar("select tablename::text from pg_publication_tables where pubname = 'supabase_realtime' order by 1")
        .fetch_all(&mut database.connect().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn every_table_is_published_or_kept_for_a_reason() {
    let database = with_publication().await;
    assert_eq!(published(&database).await, PUBLISHED);
    let tables: BTreeSet<String> = query_scalar(
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')",
    )
    .fetch_all(&mut database.connect().await)
    .await
    .unwrap()
    .into_iter()
    .collect();
    let known = PUBLISHED.iter().copied().chain(KEPT.iter().map(|(table, _)| *table));
    assert_eq!(known.map(str::to_owned).collect::<BTreeSet<_>>(), tables);
    // Realtime sends whole rows: each column of them must be for everybody.
    let hidden: Vec<String> = query_scalar(
        "select format('%s.%s', c.table_name, c.column_name) from information_schema.columns c
         where c.table_schema = 'public' and c.table_name = any ($1)
           and not has_column_privilege('authenticated', format('public.%I', c.table_name), c.column_name, 'select')",
    )
    .bind(PUBLISHED)
    .fetch_all(&mut database.connect().await)
    .await
    .unwrap();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[tokio::test]
async fn a_publication_that_is_not_ours_or_of_everything_is_left_alone() {
    let database = Database::unmigrated(DefaultGrants::Explicit).await;
    let mut superuser = connect(&database.superuser()).await;
    raw_sql("create publication supabase_realtime").execute(&mut superuser).await.unwrap();
    migrate(&database.owner()).await.unwrap();
    assert!(published(&database).await.is_empty());
    // One that is made, or given away, later: the owner says so.
    raw_sql("alter publication supabase_realtime owner to postgres")
        .execute(&mut superuser)
        .await
        .unwrap();
    for expected in [PUBLISHED.len(), 0] {
        let added: i32 = query_scalar("select app.publish_changes()")
            .fetch_one(&mut database.connect().await)
            .await
            .unwrap();
        assert_eq!(usize::try_from(added).unwrap(), expected);
    }
    assert_eq!(published(&database).await, PUBLISHED);
}

/// The messages of pgoutput that matter here: what a relation is called, with its columns, and of which one a row is.
#[derive(Debug, Default)]
struct Decoded {
    relations: BTreeMap<u32, (String, Vec<String>)>,
    changed: BTreeSet<u32>,
}

impl Decoded {
    fn read(&mut self, message: &[u8]) {
        let id = |bytes: &[u8]| u32::from_be_bytes(bytes[..4].try_into().unwrap());
        match message[0] {
            b'R' => {
                let (relation, mut rest) = (id(&message[1..]), &message[5..]);
                assert_eq!(text(&mut rest), "public");
                let name = text(&mut rest);
                // The replica identity, and how many columns.
                let columns = u16::from_be_bytes(rest[1..3].try_into().unwrap());
                rest = &rest[3..];
                let mut names = Vec::new();
                for _ in 0..columns {
                    rest = &rest[1..];
                    names.push(text(&mut rest));
                    rest = &rest[8..];
                }
                self.relations.insert(relation, (name, names));
            }
            b'I' | b'U' | b'D' => {
                self.changed.insert(id(&message[1..]));
            }
            _ => {}
        }
    }
}

/// A text that ends with a zero.
fn text(rest: &mut &[u8]) -> String {
    let end = rest.iter().position(|byte| *byte == 0).unwrap();
    let text = String::from_utf8(rest[..end].to_vec()).unwrap();
    *rest = &rest[end + 1..];
    text
}

#[tokio::test]
async fn what_is_decoded_is_of_these_tables_and_has_no_secret() {
    let database = with_publication().await;
    let slot = format!("realtime_{}", database.name());
    let mut superuser = connect(&database.superuser()).await;
    query("select pg_create_logical_replication_slot($1, 'pgoutput')")
        .bind(&slot)
        .execute(&mut superuser)
        .await
        .unwrap();
    let mut owner = world::create(&database).await;
    let ada = world::person(&mut owner, "ada", "admin").await;
    world::furnish(&mut owner, Some(&ada)).await;
    raw_sql(
        "set synchronous_commit = on; -- What is decoded is what has been flushed.
         update users set password_hash = '$argon2id$of-nobody' where username = 'ada';
         update edge_verifications set verification_logs = 'log-of-a-verification' where verification_status = 'pending';
         update blocks set metadata = '{\"seen\": true}' where archived_at is null;
         delete from block_taxonomies",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    let messages: Vec<Vec<u8>> = query_scalar(
        "select data from pg_logical_slot_get_binary_changes($1, null, null, 'proto_version', '1', 'publication_names', 'supabase_realtime')",
    )
    .bind(&slot)
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    query("select pg_drop_replication_slot($1)").bind(&slot).execute(&mut superuser).await.unwrap();
    let mut decoded = Decoded::default();
    for message in &messages {
        decoded.read(message);
    }
    let names: BTreeSet<_> = decoded.relations.values().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, PUBLISHED.iter().copied().collect(), "of every one there was a change");
    assert_eq!(decoded.changed, decoded.relations.keys().copied().collect());
    let columns: Vec<(String, String)> = query_as(
        "select c.table_name::text, c.column_name::text from information_schema.columns c
         where c.table_schema = 'public' and c.is_generated = 'NEVER' and c.table_name = any ($1)",
    )
    .bind(PUBLISHED)
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    let seen: BTreeSet<_> = decoded
        .relations
        .values()
        .flat_map(|(table, columns)| {
            columns.iter().map(move |column| (table.clone(), column.clone()))
        })
        .collect();
    assert_eq!(seen, columns.into_iter().collect());
    let everything = messages.concat();
    let says =
        |words: &str| everything.windows(words.len()).any(|window| window == words.as_bytes());
    assert!(says("seen"), "the change of a block is there");
    let keys: Vec<String> =
        query_scalar("select encrypted_api_key from api_keys").fetch_all(&mut owner).await.unwrap();
    assert!(!keys.is_empty());
    for secret in keys.iter().map(String::as_str).chain(["of-nobody", "log-of-a-verification"]) {
        assert!(!says(secret), "{secret}");
    }
}
