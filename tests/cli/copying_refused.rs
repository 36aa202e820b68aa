//! Copies that are no good: each is refused by what is wrong with it, and nothing is done.

use std::fs::File;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::copying::{exported, owner, with_ends};
use super::support::Database;
use super::{Outcome, Program};

/// A copy of a registry that has one of everything.
async fn copy() -> Vec<String> {
    let original = Database::new().await;
    let mut connection = original.connect().await;
    sqlx::raw_sql(include_str!("../schema/fixture.sql")).execute(&mut connection).await.unwrap();
    sqlx::raw_sql("select test.furnish(test.person('ada', 'admin'))")
        .execute(&mut connection)
        .await
        .unwrap();
    exported(&original, &[])
}

/// The lines with a head and an end that fit them: what an attentive hand would have written.
fn sealed(mut lines: Vec<String>) -> Vec<String> {
    let mut head: Value = serde_json::from_str(&lines[0]).unwrap();
    let rows = lines[1..lines.len() - 1].to_vec();
    for table in head["tables"].as_array_mut().unwrap() {
        let start = format!("{{\"table\":{},", table["name"]);
        table["rows"] = json!(rows.iter().filter(|row| row.starts_with(&start)).count());
    }
    lines[0] = serde_json::to_string(&head).unwrap();
    let digest = Sha256::digest(with_ends(&rows));
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    *lines.last_mut().unwrap() =
        json!({ "end": { "rows": rows.len(), "sha256": digest } }).to_string();
    lines
}

fn import(program: &Program, lines: &[String]) -> Outcome {
    program.run_with_input(&["import", "--full", "-", "--restart"], &with_ends(lines))
}

fn place(lines: &[String], table: &str) -> usize {
    let start = format!("{{\"table\":\"{table}\",");
    lines.iter().position(|line| line.starts_with(&start)).unwrap()
}

#[tokio::test]
async fn what_is_wrong_with_a_copy_is_told_by_its_line() {
    let lines = copy().await;
    let database = Database::new().await;
    let program = owner(&database);
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = lines.clone();
        change(&mut lines);
        import(&program, &lines)
    };
    let last = lines.len();
    import(&program, &[]).refuses(&["line 1", "cut"]);
    changed(&|lines| lines[0] = "{}".to_owned()).refuses(&["line 1", "not the head"]);
    changed(&|lines| lines[0] = lines[0].replace("\"blockyard_copy\":1", "\"blockyard_copy\":2"))
        .refuses(&["line 1", "form 2"]);
    changed(&|lines| lines[0] = lines[0].replace("\"schema\":\"", "\"schema\":\"0"))
        .refuses(&["line 1", "another schema (migration 27)"]);
    changed(&|lines| lines[0] = lines[0].replace("public.users", "public.people"))
        .refuses(&["line 1", "tables"]);
    changed(&|lines| drop(lines.pop())).refuses(&[&format!("line {last}: the copy is cut")]);
    let text = with_ends(&lines);
    let half = &text[..text.len() / 2];
    let half_line = half.lines().count();
    program
        .run_with_input(&["import", "--full", "-", "--restart"], half)
        .refuses(&[&format!("line {half_line}: the copy is cut")]);
    changed(&|lines| lines[2] = "{\"table\":".to_owned()).refuses(&["line 3", "not a line"]);
    let block = place(&lines, "public.blocks");
    changed(&|lines| lines.swap(block, last - 3))
        .refuses(&[&format!("line {}", block + 1), "where one of public.blocks has to be"]);
    changed(&|lines| lines[block] = lines[block].replace("\"name\":", "\"nome\":"))
        .refuses(&[&format!("line {}", block + 1), "columns of public.blocks"]);
    changed(&|lines| lines.insert(block, lines[block].clone())).refuses(&["where one of"]);
    changed(&|lines| lines[block] = lines[block].replace("source", "sauce"))
        .refuses(&[&format!("line {last}"), "was changed"]);
    changed(&|lines| lines.push(lines[1].clone()))
        .refuses(&[&format!("line {}", last + 1), "after the end"]);

    // As long as no row is: zeros, which take no place.
    let long = File::create(program.folder().join("long")).unwrap();
    long.set_len(200 << 20).unwrap();
    program.run(&["import", "--full", "long"]).refuses(&["line 1", "longer than 128 MiB"]);
    program.run(&["import", "--full", "missing"]).refuses(&["missing"]);
}

#[tokio::test]
async fn what_a_careful_hand_has_changed_the_database_refuses() {
    let lines = copy().await;
    let database = Database::new().await;
    let program = owner(&database);
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = lines.clone();
        change(&mut lines);
        import(&program, &sealed(lines))
    };
    let block = place(&lines, "public.blocks");
    changed(&|lines| lines.insert(block, lines[block].clone()))
        .refuses(&["public.blocks", "duplicate key"]);
    changed(&|lines| drop(lines.remove(block)))
        .refuses(&["foreign key", "not present in table \"blocks\""]);
    changed(&|lines| {
        lines[block] =
            lines[block].replace("\"block_type\":\"dataset\"", "\"block_type\":\"table\"");
    })
    .refuses(&["public.blocks", "table"]);
    changed(&|lines| {
        let user = place(lines, "public.users");
        lines[user] = lines[user].replace("\"admin\"", "\"king\"");
    })
    .refuses(&["public.users", "users_role_check"]);
    let metadata = "\"metadata\":{";
    changed(&|lines| {
        // Each has a digest that a lock rests on, or none.
        for line in lines.iter_mut().filter(|line| line.contains("\"public.block_versions\"")) {
            *line = line.replace(metadata, "\"metadata\":{\"forged\":1");
        }
    })
    .refuses(&["digest", "the metadata of version"]);
    changed(&|lines| {
        let lock = place(lines, "public.pipeline_locks");
        lines[lock] = lines[lock].replacen("\"name\":\"", "\"name\":\"forged ", 1);
        lines[lock] = lines[lock].replacen("\"name\": \"", "\"name\": \"forged ", 1);
    })
    .refuses(&["digest", "lock "]);
    // Nothing of all that is left, and what is as it was exported is still taken.
    let text = with_ends(&sealed(lines.clone()));
    program.run_with_input(&["import", "--full", "-", "--restart"], &text).succeeds();
    program.run(&["check"]).succeeds();
}

#[tokio::test]
async fn a_login_that_owns_nothing_copies_nothing() {
    let database = Database::new().await;
    let program = Program::new().with("MIGRATE_DATABASE_URL", Database::url(&database.service()));
    let earlier = program.folder().join("copy");
    std::fs::write(&earlier, "an earlier one").unwrap();
    program.run(&["export", "--full", "-o", "copy"]).refuses(&["MIGRATE_DATABASE_URL"]);
    assert_eq!(std::fs::read_to_string(&earlier).unwrap(), "an earlier one");
    let lines = exported(&database, &[]);
    program
        .run_with_input(&["import", "--full", "-"], &with_ends(&lines))
        .refuses(&["MIGRATE_DATABASE_URL"]);
}
