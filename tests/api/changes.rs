//! Registries, and changes of them that may or may not be possible, as a preview has them.

use rand::RngExt;
use rand::rngs::StdRng;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::blocks::register;
use crate::pipelines::{chain, edge, verify};
use crate::service::{Answer, Person, Service};

/// What there is to change.
#[derive(Default)]
pub struct Things {
    pub blocks: Vec<String>,
    pub edges: Vec<String>,
    pub pipelines: Vec<String>,
    /// The edges of the pipelines: pipeline and `pipeline_edge_id`.
    parts: Vec<(String, Value)>,
    dependencies: Vec<Value>,
    verifications: Vec<Value>,
}

impl Things {
    /// Looks up those that have no names.
    pub async fn look(&mut self, person: &Person<'_>) {
        (self.parts, self.dependencies, self.verifications) = Default::default();
        for pipeline in &self.pipelines {
            let graph = person.get(&format!("/pipelines/{pipeline}/graph")).await;
            for part in graph.body["edges"].as_array().into_iter().flatten() {
                self.parts.push((pipeline.clone(), part["pipeline_edge_id"].clone()));
            }
        }
        for block in &self.blocks {
            let all = person.get(&format!("/blocks/{block}/dependencies")).await;
            let all = all.body["items"].as_array().into_iter().flatten();
            self.dependencies.extend(all.map(|one| one["dependency_id"].clone()));
        }
        for edge in &self.edges {
            let all = person.get(&format!("/edges/{edge}/versions/latest/verifications")).await;
            let all = all.body["items"].as_array().into_iter().flatten();
            self.verifications.extend(all.map(|one| one["verification_id"].clone()));
        }
    }
}

/// Two pipelines with aliases and candidates: `p` is a chain and `q` what follows it.
pub async fn registry(service: &Service, person: &Person<'_>) -> Things {
    chain(service, person).await;
    register(person, "d").await;
    edge(service, "cd").await;
    verify(service, "cd", "passed").await;
    for path in ["/blocks/a", "/edges/ab", "/edges/cd"] {
        person
            .post(&format!("{path}/versions"), json!({ "metadata": { "n": 1 } }))
            .await
            .expect(StatusCode::CREATED);
        person
            .put(&format!("{path}/aliases/champion"), json!({ "version": "1" }))
            .await
            .expect(StatusCode::CREATED);
    }
    let q = json!({
        "name": "q",
        "blocks": [{ "block_id": "c" }, { "block_id": "d" }, { "block_id": "a", "block_alias": "champion" }],
        "edges": [{ "edge_id": "cd", "source_block_id": "c", "target_block_id": "d", "edge_alias": "champion" }],
    });
    person.post("/pipelines", q).await.expect(StatusCode::CREATED);
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let mut things = Things {
        blocks: owned(&["a", "b", "c", "d"]),
        edges: owned(&["ab", "bc", "cd"]),
        pipelines: owned(&["p", "q"]),
        ..Things::default()
    };
    things.look(person).await;
    things
}

/// A registry of a random shape, whose names begin with `prefix`. Most edges are verified, so that most
/// pipelines may run.
pub async fn random(
    rng: &mut StdRng,
    service: &Service,
    person: &Person<'_>,
    prefix: &str,
) -> Things {
    let mut things = Things::default();
    for n in 0..rng.random_range(2..5) {
        let name = format!("{prefix}-b{n}");
        register(person, &name).await;
        things.blocks.push(name);
    }
    for n in 0..rng.random_range(1..4) {
        let name = format!("{prefix}-e{n}");
        edge(service, &name).await;
        if rng.random_range(0..5) > 0 {
            verify(service, &name, "passed").await;
        }
        things.edges.push(name);
    }
    let blocks = things.blocks.iter().map(|name| format!("/blocks/{name}"));
    let edges = things.edges.iter().map(|name| format!("/edges/{name}"));
    for path in blocks.chain(edges) {
        if rng.random() {
            let candidate = json!({ "metadata": { "n": 1 } });
            person.post(&format!("{path}/versions"), candidate).await.expect(StatusCode::CREATED);
        }
        if rng.random() {
            let alias = format!("{path}/aliases/champion");
            person.put(&alias, json!({ "version": "1" })).await.expect(StatusCode::CREATED);
        }
    }
    for pair in things.blocks.windows(2) {
        if rng.random() {
            let needs = json!({
                "dependency_type": "internal", "depends_on_type": "block", "depends_on_id": pair[1],
                "version_constraint": "=1",
            });
            person
                .post(&format!("/blocks/{}/dependencies", pair[0]), needs)
                .await
                .expect(StatusCode::CREATED);
        }
    }
    for n in 0..rng.random_range(1..3) {
        let name = format!("{prefix}-p{n}");
        let members: Vec<Value> = things
            .blocks
            .iter()
            .map(|block| match rng.random_range(0..3) {
                0 => json!({ "block_id": block, "version_number": 1 }),
                _ => json!({ "block_id": block }),
            })
            .collect();
        let joints: Vec<Value> = things
            .blocks
            .windows(2)
            .map(|pair| {
                let edge = &things.edges[rng.random_range(0..things.edges.len())];
                json!({ "edge_id": edge, "source_block_id": pair[0], "target_block_id": pair[1] })
            })
            .collect();
        let pipeline = json!({ "name": name, "blocks": members, "edges": joints });
        person.post("/pipelines", pipeline).await.expect(StatusCode::CREATED);
        things.pipelines.push(name);
    }
    things.look(person).await;
    things
}

/// One of the changes that a preview knows, with what it needs.
pub fn any(rng: &mut StdRng, things: &Things) -> Value {
    fn one<'a, T>(rng: &mut StdRng, list: &'a [T]) -> &'a T {
        &list[rng.random_range(0..list.len())]
    }
    let block = one(rng, &things.blocks);
    let other = one(rng, &things.blocks);
    let edge = one(rng, &things.edges);
    let pipeline = one(rng, &things.pipelines);
    let version = *one(rng, &["1", "2", "latest", "champion"]);
    let status = *one(rng, &["passed", "failed", "pending"]);
    let metadata = json!({ "metadata": { "n": rng.random_range(0..3) } });
    let unknown = json!(uuid::Uuid::nil());
    let (part_of, part) = match things.parts.as_slice() {
        [] => (pipeline.clone(), unknown.clone()),
        parts => one(rng, parts).clone(),
    };
    let mut of =
        |ids: &[Value]| if ids.is_empty() { unknown.clone() } else { one(rng, ids).clone() };
    let (dependency, verification) = (of(&things.dependencies), of(&things.verifications));
    match rng.random_range(0..29) {
        0 => json!({ "operation": "update_block", "block": block, "body": metadata }),
        1 => json!({ "operation": "update_edge", "edge": edge, "body": metadata }),
        2 => json!({ "operation": "activate_block_version", "block": block, "version": version }),
        3 => json!({ "operation": "activate_edge_version", "edge": edge, "version": version }),
        4 => {
            json!({ "operation": "put_block_alias", "block": block, "alias": "champion", "body": { "version": version } })
        }
        5 => {
            json!({ "operation": "put_edge_alias", "edge": edge, "alias": "champion", "body": { "version": version } })
        }
        6 => json!({ "operation": "archive_block", "block": block }),
        7 => {
            json!({ "operation": "withdraw_block_version", "block": block, "version": version, "body": { "reason": "wrong" } })
        }
        8 => {
            json!({ "operation": "create_verification", "edge": edge, "version": version, "body": { "verification_status": status } })
        }
        9 => {
            json!({ "operation": "pin_pipeline_block", "pipeline": pipeline, "block": block, "body": { "version_number": 1 } })
        }
        10 => {
            json!({ "operation": "pin_pipeline_edge", "pipeline": part_of, "pipeline_edge": part, "body": { "edge_alias": "champion" } })
        }
        11 => {
            json!({ "operation": "update_pipeline", "pipeline": pipeline, "body": { "description": "another" } })
        }
        12 => json!({ "operation": "append_block_version", "block": block, "body": metadata }),
        13 => json!({ "operation": "append_edge_version", "edge": edge, "body": metadata }),
        14 => {
            json!({ "operation": "withdraw_edge_version", "edge": edge, "version": version, "body": { "reason": "wrong" } })
        }
        15 => json!({ "operation": "restore_block_version", "block": block, "version": version }),
        16 => json!({ "operation": "restore_edge_version", "edge": edge, "version": version }),
        17 => json!({ "operation": "delete_block_alias", "block": block, "alias": "champion" }),
        18 => json!({ "operation": "delete_edge_alias", "edge": edge, "alias": "champion" }),
        19 => json!({ "operation": "restore_block", "block": block }),
        20 => json!({ "operation": "restore_edge", "edge": edge }),
        21 => {
            json!({ "operation": "create_block_dependency", "block": block, "body": {
                "dependency_type": "internal", "depends_on_type": "block", "depends_on_id": other, "version_constraint": "=1",
            } })
        }
        22 => {
            json!({ "operation": "update_dependency", "dependency_id": dependency, "body": { "version_constraint": ">=2" } })
        }
        23 => json!({ "operation": "delete_dependency", "dependency_id": dependency }),
        24 => {
            json!({ "operation": "report_verification", "verification": verification, "body": { "verification_status": status } })
        }
        25 => {
            json!({ "operation": "add_pipeline_edge", "pipeline": pipeline, "body": {
                "edge_id": edge, "source_block_id": block, "target_block_id": other,
            } })
        }
        26 => json!({ "operation": "remove_pipeline_block", "pipeline": pipeline, "block": block }),
        27 => {
            json!({ "operation": "remove_pipeline_edge", "pipeline": part_of, "pipeline_edge": part })
        }
        _ => json!({ "operation": "replace_pipeline_graph", "pipeline": pipeline, "body": {
            "blocks": [{ "block_id": block }],
            "edges": [],
        } }),
    }
}

/// Makes the change by its own route.
pub async fn make(person: &Person<'_>, change: &Value) -> Answer {
    let text = |name: &str| change[name].as_str().unwrap_or_default().to_owned();
    let body = change["body"].clone();
    let (block, edge, pipeline) = (text("block"), text("edge"), text("pipeline"));
    let (version, alias, part) = (text("version"), text("alias"), text("pipeline_edge"));
    let of_block = format!("/blocks/{block}");
    let of_edge = format!("/edges/{edge}");
    let of_pipeline = format!("/pipelines/{pipeline}");
    let dependency = format!("/dependencies/{}", text("dependency_id"));
    let operation = text("operation");
    match operation.as_str() {
        "update_block" => person.patch(&of_block, body).await,
        "update_edge" => person.patch(&of_edge, body).await,
        "update_pipeline" => person.patch(&of_pipeline, body).await,
        "append_block_version" => person.post(&format!("{of_block}/versions"), body).await,
        "append_edge_version" => person.post(&format!("{of_edge}/versions"), body).await,
        "activate_block_version" | "restore_block_version" => {
            let verb = operation.trim_end_matches("_block_version");
            person.post(&format!("{of_block}/versions/{version}/{verb}"), json!({})).await
        }
        "activate_edge_version" | "restore_edge_version" => {
            let verb = operation.trim_end_matches("_edge_version");
            person.post(&format!("{of_edge}/versions/{version}/{verb}"), json!({})).await
        }
        "withdraw_block_version" => {
            person.post(&format!("{of_block}/versions/{version}/withdraw"), body).await
        }
        "withdraw_edge_version" => {
            person.post(&format!("{of_edge}/versions/{version}/withdraw"), body).await
        }
        "put_block_alias" => person.put(&format!("{of_block}/aliases/{alias}"), body).await,
        "put_edge_alias" => person.put(&format!("{of_edge}/aliases/{alias}"), body).await,
        "delete_block_alias" => person.delete(&format!("{of_block}/aliases/{alias}")).await,
        "delete_edge_alias" => person.delete(&format!("{of_edge}/aliases/{alias}")).await,
        "archive_block" => person.delete(&of_block).await,
        "restore_block" => person.post(&format!("{of_block}/restore"), json!({})).await,
        "restore_edge" => person.post(&format!("{of_edge}/restore"), json!({})).await,
        "create_block_dependency" => person.post(&format!("{of_block}/dependencies"), body).await,
        "update_dependency" => person.patch(&dependency, body).await,
        "delete_dependency" => person.delete(&dependency).await,
        "create_verification" => {
            person.post(&format!("{of_edge}/versions/{version}/verifications"), body).await
        }
        "report_verification" => {
            person.patch(&format!("/verifications/{}", text("verification")), body).await
        }
        "add_pipeline_edge" => person.post(&format!("{of_pipeline}/edges"), body).await,
        "pin_pipeline_block" => person.patch(&format!("{of_pipeline}/blocks/{block}"), body).await,
        "remove_pipeline_block" => person.delete(&format!("{of_pipeline}/blocks/{block}")).await,
        "pin_pipeline_edge" => person.patch(&format!("{of_pipeline}/edges/{part}"), body).await,
        "remove_pipeline_edge" => person.delete(&format!("{of_pipeline}/edges/{part}")).await,
        "replace_pipeline_graph" => person.put(&format!("{of_pipeline}/graph"), body).await,
        other => panic!("no route is known for {other}"),
    }
}
