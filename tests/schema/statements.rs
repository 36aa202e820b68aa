//! Every statement of the service acts for a caller: `app.as_caller($1)` stands above all that it reads and writes.
//!
//! Each file in `sql/` is planned as the service's role would run it, for parameters that are not known yet.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use regex::Regex;
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, query_as, query_scalar, raw_sql};

use crate::support::{Database, connect};

/// Why a statement has no caller.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Because {
    /// It reads and writes no table of ours; what it calls looks after itself.
    NoTable,
    /// The owner of the database runs it from the command line; no policy binds them.
    Owner,
}

/// All statements that serve nobody.
const SERVE_NOBODY: &[(&str, Because)] = &[
    // Who somebody is, before there is a caller.
    ("console/begin_session.sql", Because::NoTable),
    ("console/end_session.sql", Because::NoTable),
    ("sessions/begin_login.sql", Because::NoTable),
    ("sessions/end_session.sql", Because::NoTable),
    ("sessions/finish_login.sql", Because::NoTable),
    ("sessions/forgive_attempts.sql", Because::NoTable),
    ("sessions/password_of.sql", Because::NoTable),
    ("sessions/rotate_refresh_token.sql", Because::NoTable),
    ("db/applied_migrations.sql", Because::NoTable),
    // Within the transaction of a caller.
    ("resource/keep_answer.sql", Because::NoTable),
    ("db/greet_replica.sql", Because::NoTable),
    ("db/identity.sql", Because::NoTable),
    // What Dagster is told and says, whoever has started a run.
    ("engine/admit.sql", Because::NoTable),
    ("engine/end_overdue_run.sql", Because::NoTable),
    ("engine/figures.sql", Because::NoTable),
    ("engine/finish.sql", Because::NoTable),
    ("engine/lead.sql", Because::NoTable),
    ("engine/lineage.sql", Because::NoTable),
    ("engine/lose_run.sql", Because::NoTable),
    ("engine/note.sql", Because::NoTable),
    ("engine/note_launch.sql", Because::NoTable),
    ("engine/open_runs.sql", Because::NoTable),
    ("engine/put_off.sql", Because::NoTable),
    ("engine/refuse_launch.sql", Because::NoTable),
    ("engine/see_run.sql", Because::NoTable),
    ("engine/take.sql", Because::NoTable),
    ("engine/use.sql", Because::NoTable),
    ("db/inspect_login.sql", Because::NoTable),
    ("db/look_back.sql", Because::NoTable),
    ("db/missing_of_project.sql", Because::NoTable),
    ("db/position.sql", Because::NoTable),
    ("db/privileges.sql", Because::NoTable),
    ("db/replayed.sql", Because::NoTable),
    ("service/keep_house.sql", Because::NoTable),
    ("service/ready.sql", Because::NoTable),
    ("service/require_independent_verifier.sql", Because::NoTable),
    ("copying/tables.sql", Because::Owner),
    ("copying/tampered.sql", Because::Owner),
    ("copying/triggers.sql", Because::Owner),
    ("embeddings/index_as_owner.sql", Because::Owner),
    ("users/any_admin.sql", Because::Owner),
    ("users/create_as_owner.sql", Because::Owner),
    ("users/find_as_owner.sql", Because::Owner),
    ("users/forgive_as_owner.sql", Because::Owner),
    ("users/set_password_as_owner.sql", Because::Owner),
];

fn without_caller(path: &str) -> Option<Because> {
    SERVE_NOBODY.iter().find(|(name, _)| path == *name).map(|(_, because)| *because)
}

fn read(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, root, found);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

/// The type of the first parameter, and the plan.
async fn plan(
    service: &mut PgConnection,
    statement: &str,
) -> Result<(Option<String>, Value), sqlx::Error> {
    raw_sql("deallocate all; set plan_cache_mode = force_generic_plan")
        .execute(&mut *service)
        .await?;
    raw_sql(AssertSqlSafe(format!("prepare it as {statement}"))).execute(&mut *service).await?;
    let types: Vec<String> = query_scalar(
        "select unnest(parameter_types)::text from pg_prepared_statements where name = 'it'",
    )
    .persistent(false)
    .fetch_all(&mut *service)
    .await?;
    let values = vec!["null"; types.len()].join(", ");
    let values = if types.is_empty() { values } else { format!("({values})") };
    let (plan,): (Value,) =
        query_as(AssertSqlSafe(format!("explain (verbose, format json) execute it{values}")))
            .persistent(false)
            .fetch_one(service)
            .await?;
    Ok((types.into_iter().next(), plan[0]["Plan"].clone()))
}

fn children(node: &Value) -> impl Iterator<Item = &Value> {
    node["Plans"].as_array().into_iter().flatten()
}

fn text<'a>(node: &'a Value, key: &str) -> &'a str {
    node[key].as_str().unwrap_or_default()
}

/// Evaluated only when a node asks for its value, and all those stand below the caller.
fn is_lazy(node: &Value) -> bool {
    matches!(text(node, "Parent Relationship"), "InitPlan" | "SubPlan")
}

/// Runs to its end whether or not somebody reads its rows.
fn is_eager(node: &Value) -> bool {
    is_lazy(node)
        && text(node, "Subplan Name").starts_with("CTE")
        && text(node, "Node Type") == "ModifyTable"
}

fn every_node<'a>(node: &'a Value, look: &mut impl FnMut(&'a Value)) {
    look(node);
    for child in children(node) {
        every_node(child, look);
    }
}

/// How filters name the value of the initplans that call `app.as_caller($1)`: `$0` up to PostgreSQL 16,
/// `(InitPlan 1).col1` from 17 on.
fn callers(plan: &Value) -> Vec<String> {
    let mut callers = Vec::new();
    every_node(plan, &mut |node| {
        let output = node["Output"].as_array();
        if text(node, "Parent Relationship") == "InitPlan"
            && output.is_some_and(|output| output.iter().any(|it| it == "as_caller($1)"))
        {
            let name = text(node, "Subplan Name");
            callers.push(match name.split_once(" (returns ") {
                Some((_, parameter)) => parameter.trim_end_matches(')').to_owned(),
                None => format!("({name}).col1"),
            });
        }
    });
    callers
}

/// Whether this node first of all asks for the caller, and does nothing without one.
fn is_gate(node: &Value, callers: &[String]) -> bool {
    let filter = text(node, "One-Time Filter");
    text(node, "Node Type") == "Result"
        && callers
            .iter()
            .any(|caller| filter == caller || filter.starts_with(&format!("({caller} AND ")))
}

/// The nodes that produce rows with no gate above them.
fn ungated<'a>(node: &'a Value, callers: &[String], found: &mut Vec<&'a str>) {
    if is_gate(node, callers) {
        return;
    }
    let mut sources = children(node).filter(|child| !is_lazy(child)).peekable();
    if sources.peek().is_none() {
        found.push(text(node, "Node Type"));
    }
    for source in sources {
        ungated(source, callers, found);
    }
}

fn tables(plan: &Value) -> Vec<&str> {
    let mut tables = Vec::new();
    every_node(plan, &mut |node| {
        if matches!(text(node, "Schema"), "public" | "app")
            && !text(node, "Relation Name").is_empty()
        {
            tables.push(text(node, "Relation Name"));
        }
    });
    tables
}

async fn fault(service: &mut PgConnection, path: &str, statement: &str) -> Option<String> {
    // Whoever runs it as the owner, the service may not even plan it.
    let exempt = without_caller(path);
    if exempt == Some(Because::Owner) {
        return None;
    }
    let (first, plan) = match plan(service, statement).await {
        Ok(planned) => planned,
        Err(error) => return Some(error.to_string()),
    };
    if exempt == Some(Because::NoTable) {
        let tables = tables(&plan);
        return (!tables.is_empty()).then(|| format!("it touches {tables:?} for nobody"));
    }
    if first.as_deref() != Some("jsonb") || !statement.contains("app.as_caller($1)") {
        return Some("its first parameter is not the caller".to_owned());
    }
    let callers = callers(&plan);
    let mut found = Vec::new();
    ungated(&plan, &callers, &mut found);
    every_node(&plan, &mut |node| {
        if is_eager(node) {
            ungated(node, &callers, &mut found);
        }
    });
    (!found.is_empty()).then(|| format!("not below the caller: {found:?}"))
}

#[tokio::test]
async fn every_statement_carries_its_caller() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut statements = BTreeMap::new();
    read(&root, &root, &mut statements);
    assert!(!statements.is_empty());
    let database = Database::new().await;
    let mut service = connect(&database.service()).await;
    let mut faults = Vec::new();
    for (path, statement) in &statements {
        if let Some(fault) = fault(&mut service, path, statement).await {
            faults.push(format!("sql/{path}: {fault}"));
        }
    }
    println!("{} statements", statements.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Under row-level security a comparison reads an index only if PostgreSQL knows that nothing in it leaks: of `case`
/// it does, of `coalesce` it does not. Every page would read all pages before it, and a join the whole table.
#[test]
fn keysets_and_joins_may_read_their_index() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut statements = BTreeMap::new();
    read(&root, &root, &mut statements);
    let join = Regex::new(r"\bon \w+\.\w+ = (coalesce|greatest|least|nullif)\(").unwrap();
    for (path, statement) in &statements {
        let words = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        for comparison in [") < (coalesce(", ") > (coalesce("] {
            assert!(!words.contains(comparison), "sql/{path}");
        }
        assert!(!join.is_match(&words), "sql/{path}");
    }
}

#[tokio::test]
async fn a_statement_without_its_caller_is_found() {
    let database = Database::new().await;
    let mut service = connect(&database.service()).await;
    let good = [
        "select name from blocks where (select app.as_caller($1)) and block_id = $2",
        "select count(*) from blocks b join block_versions v using (block_id) where (select app.as_caller($1))",
        "select (select count(*) from edges) where (select app.as_caller($1))",
        "with seen as (select * from edges) select * from seen where (select app.as_caller($1)) and name = $2",
        "insert into edges (name) select $2 where (select app.as_caller($1))",
        "with made as (insert into edges (name) select $2 where (select app.as_caller($1)) returning name)
         select name from made where (select app.as_caller($1))",
        "select name from blocks where (select app.as_caller($1)) and (select app.is_admin())",
    ];
    for statement in good {
        assert_eq!(fault(&mut service, "blocks/it.sql", statement).await, None, "{statement}");
    }
    let bad = [
        // Nobody.
        "select name from blocks",
        "select name from blocks where $1::jsonb is not null",
        // In a comment only, or only in one branch, or for some rows.
        "select name from blocks where $1::jsonb is not null -- (select app.as_caller($1))",
        "select name from blocks where (select app.as_caller($1)) union all select name from edges",
        "select name from blocks where (select app.as_caller($1)) or name = 'it'",
        "select name from blocks where case when name = 'it' then (select app.as_caller($1)) else true end",
        // Row by row: the policies have been asked already.
        "select name from blocks where app.as_caller($1)",
        "select name, (select app.as_caller($1)) from blocks",
        // Another caller.
        "select name from blocks where (select app.as_caller($2)) and $1::jsonb is not null -- app.as_caller($1)",
        "select name from blocks where (select app.as_caller(jsonb_set($1, '{sub}', 'null'))) -- app.as_caller($1)",
        "select name from blocks where (select app.as_caller($2)) and $1::text is not null",
        // A change that runs whether or not somebody reads its rows.
        "with made as (insert into edges (name) values ($2) returning name)
         select name from made where (select app.as_caller($1))",
        "insert into edges (name) values ($2) returning name, (select app.as_caller($1))",
        "delete from blocks where block_id = $2 returning (select app.as_caller($1))",
        // A question about the caller before it is known who they are.
        "select name from blocks where (select app.is_admin()) and (select app.as_caller($1))",
    ];
    for statement in bad {
        assert!(fault(&mut service, "blocks/it.sql", statement).await.is_some(), "{statement}");
    }
    let touching = "select count(*) from blocks";
    assert!(fault(&mut service, "sessions/end_session.sql", touching).await.is_some());
    assert_eq!(fault(&mut service, "sessions/end_session.sql", "select now()").await, None);
}

fn lists() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut statements = BTreeMap::new();
    read(&root, &root, &mut statements);
    statements.into_iter().filter(|(path, _)| path.ends_with("/list.sql")).collect()
}

/// `docs/adr/0021-lists-are-planned-anew.md`
#[test]
fn lists_with_filters_are_planned_for_their_values() {
    let mut seen = 0;
    for (path, statement) in lists() {
        assert!(statement.contains("is null or"), "{path} has no filter: it is no list.sql");
        assert!(statement.contains("app.plan_anew("), "{path} keeps one plan for all values");
        assert!(
            !statement.lines().any(|line| line.contains(" or ") && line.contains(" in (select")),
            "{path} reads its whole table for `in (select …)` inside an or: `= any (array(select …))`"
        );
        seen += 1;
    }
    assert!(seen > 10, "{seen} lists");
}

/// From the cursor to the end, whatever the columns and the numbers of the parameters are called.
fn tail(path: &str, statement: &str) -> Option<String> {
    let (id, _) = [
        ("block_id", "blocks"),
        ("edge_id", "edges"),
        ("pipeline_id", "pipelines"),
        ("category_id", "taxonomy"),
    ]
    .into_iter()
    .find(|(_, folder)| path.starts_with(folder))?;
    let from = statement.find("  and case\n      when $")?;
    let alias =
        statement[from..].split("created_at, ").nth(1)?.split(&format!(".{id}")).next()?.to_owned()
            + ".";
    // Not the end of `app.`, where a table is called `p`.
    let text = [" ", "("].iter().fold(statement[from..].trim_end().to_owned(), |text, before| {
        text.replace(&format!("{before}{alias}"), before)
    });
    let text = text.replace(id, "id");
    let mut parameters = Vec::new();
    let mut tail = String::new();
    for (at, piece) in text.split('$').enumerate() {
        let digits = piece.chars().take_while(char::is_ascii_digit).count();
        let (number, rest) = piece.split_at(if at == 0 { 0 } else { digits });
        if at > 0 {
            let place = parameters.iter().position(|known| *known == number).unwrap_or_else(|| {
                parameters.push(number);
                parameters.len() - 1
            });
            tail += &format!("${place}");
        }
        tail += rest;
    }
    Some(tail)
}

/// Static SQL has no include: what is written four times is held equal.
#[test]
fn things_with_a_name_are_sorted_and_paged_alike() {
    let tails: Vec<(String, String)> = lists()
        .into_iter()
        .filter_map(|(path, statement)| Some((path.clone(), tail(&path, &statement)?)))
        .collect();
    assert_eq!(tails.len(), 4, "{tails:?}");
    for (path, tail) in &tails[1..] {
        assert_eq!(*tail, tails[0].1, "{path} and {}", tails[0].0);
    }
}

/// What a statement begins: each on a line of its own.
fn writes(statement: &str) -> Vec<&'static str> {
    let begins = |line: &str| {
        ["insert into ", "update ", "delete from "].into_iter().find(|word| line.starts_with(word))
    };
    statement.lines().filter_map(|line| begins(line.trim_start())).collect()
}

/// One that writes in several places may do so in some of them only, and be refused for the others: all
/// the same, nothing of it may stay. (An insert that may not be is an error, which undoes its statement.)
#[test]
fn what_writes_in_several_places_stands_in_a_transaction() {
    /// These write in one of two tables, by the kind of the owner.
    const EITHER: [&str; 2] = ["vectors/update.sql", "vectors/delete.sql"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut statements = BTreeMap::new();
    read(&root.join("sql"), &root.join("sql"), &mut statements);
    let mut functions = String::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                functions += &fs::read_to_string(path).unwrap();
            }
        }
    }
    let mut seen = 0;
    for (path, statement) in &statements {
        let writes = writes(statement);
        if writes.len() < 2
            || writes.iter().all(|word| *word == "insert into ")
            || EITHER.contains(&path.as_str())
        {
            continue;
        }
        let at =
            functions.find(&format!("\"sql/{path}\"")).unwrap_or_else(|| panic!("{path}: not run"));
        let begun =
            functions[..at].rfind("async fn ").unwrap_or_else(|| panic!("{path}: no function"));
        let signature = functions[begun..].split('{').next().unwrap();
        assert!(signature.contains("&mut Transaction<'_>"), "{path}: {signature}");
        seen += 1;
    }
    assert!(seen >= 3, "{seen} statements write in several places");
}
