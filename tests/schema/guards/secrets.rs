//! What a client may neither write nor read.

use super::World;
use crate::world::Client;

#[tokio::test]
async fn what_the_database_says_is_not_the_clients_to_write() {
    let mut world = World::new().await;
    let [pipeline, _, source, _] = world.pipeline("it").await;
    let admin = world.admin.clone();
    for mut client in [world.developer().await, world.admin().await] {
        for statement in [
            &format!(
                "insert into blocks (name, block_type, created_by) values ('x', 'model', '{admin}')"
            ),
            "insert into blocks (block_id, name, block_type) values (gen_random_uuid(), 'x', 'model')",
            "insert into blocks (name, block_type, created_at) values ('x', 'model', '2000-01-01')",
            "insert into blocks (name, block_type, version_number) values ('x', 'model', 7)",
            "insert into blocks (name, block_type, archived_at) values ('x', 'model', now())",
            &format!("update blocks set created_by = '{admin}' where block_id = '{source}'"),
            &format!("update blocks set block_id = gen_random_uuid() where block_id = '{source}'"),
            &format!("update blocks set updated_at = now() where block_id = '{source}'"),
            &format!("update blocks set latest_version_number = 9 where block_id = '{source}'"),
            &format!("insert into pipelines (name, created_by) values ('x', '{admin}')"),
            "insert into pipelines (name, times_run) values ('x', 1000)",
            &format!("update pipelines set times_run = 1000 where pipeline_id = '{pipeline}'"),
            &format!("update pipelines set average_runtime = 0.1 where pipeline_id = '{pipeline}'"),
            &format!(
                "insert into pipeline_runs (pipeline_id, created_by) values ('{pipeline}', '{admin}')"
            ),
            &format!(
                "insert into pipeline_runs (pipeline_id, status) values ('{pipeline}', 'success')"
            ),
            &format!(
                "insert into edge_verifications (edge_version_id, verification_status, verified_by)
                 select version_id, 'passed', '{admin}' from edge_versions"
            ),
            "insert into edge_verifications (edge_version_id, verification_status, verified_at)
             select version_id, 'passed', '2000-01-01' from edge_versions",
            &format!("update edge_verifications set verified_by = '{admin}'"),
            "insert into users (user_id, username, email) values (gen_random_uuid(), 'x', 'x@example.com')",
            "update api_keys set user_id = user_id",
            "update api_keys set role = null",
            "update api_keys set encrypted_api_key = 'sha256:' || repeat('0', 64)",
            "update api_keys set last_used_at = null",
        ] {
            client.refused(statement, "42501").await;
        }
    }
    for figure in
        ["times_run = 7", "average_runtime = 1", "runs_succeeded = 1", "runtime_total = '1 h'"]
    {
        world.owner.refused(&format!("update pipelines set {figure}"), "42501").await;
    }
    // Whoever the owner names, the verifier is the caller, and the time is now.
    let mut developer = world.developer().await;
    developer
        .ok("insert into edge_verifications (edge_version_id, verification_status) select version_id, 'failed' from edge_versions")
        .await;
    let verifier = developer
        .text("select verified_by from edge_verifications order by verified_at desc limit 1")
        .await;
    assert_eq!(verifier, world.developer);
}

#[tokio::test]
async fn nobody_reads_a_secret() {
    let world = World::new().await;
    let service = world.database.service();
    let mut admin = world.admin().await;
    let mut service = Client::of(&service).await;
    service.ok(&format!("select app.as_caller('{{\"sub\": \"{}\"}}')", world.admin)).await;
    let hidden = [("users u", "password_hash"), ("api_keys u", "encrypted_api_key")];
    for (table, secret) in hidden {
        let name = table.trim_end_matches(" u");
        for statement in [
            format!("select * from {table}"),
            format!("select {secret} from {table}"),
            format!("select u from {table}"),
            format!("select to_jsonb(u) from {table}"),
            format!("select row_to_json(u) from {table}"),
            format!("select count({secret}) from {table}"),
            format!("select 1 from {table} where {secret} like '$argon2id$%'"),
            format!("select 1 from {table} order by {secret}"),
            format!("select 1 from {table} group by {secret}"),
            format!("select max(created_at) over (partition by {secret}) from {table}"),
            format!("update {name} set is_active = is_active returning {secret}"),
            format!("update {name} set is_active = is_active returning *"),
            format!("update {name} set is_active = is_active where {secret} is not null"),
            format!("delete from {table} returning u"),
            format!("copy {name} to stdout"),
            format!("table {name}"),
        ] {
            admin.refused(&statement, "42501").await;
            service.refused(&statement, "42501").await;
        }
    }
    // Whoever has a token cannot write the password either; the service asks for the old one first.
    admin.refused("update users set password_hash = '$argon2id$mine'", "42501").await;
}
