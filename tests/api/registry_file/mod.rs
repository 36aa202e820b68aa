//! The registry as a file: applied, exported, and by whom it is managed.

mod parts;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::service::{Answer, Person, Service};

/// A file with something of everything.
fn nightly() -> Value {
    json!({
        "apiVersion": "blockyard/v1",
        "owner": "team-fraud",
        // Not in the order in which they can be made.
        "taxonomy": ["tabular/transport", "tabular", "a~1b"],
        "blocks": [
            {
                "name": "survival", "type": "model", "description": "Who survives",
                "dependencies": [
                    { "block": "passengers", "version_constraint": ">=1" },
                    { "edge": "train", "detail": "its output" },
                    { "external": "PyPI: scikit-learn", "version_constraint": "~=1.7" },
                ],
                "aliases": { "champion": 1, "shadow": { "version": "latest" } },
            },
            {
                "name": "passengers", "type": "dataset", "metadata": { "rows": 891.0 },
                "categories": ["tabular/transport", "a~1b"],
            },
        ],
        "edges": [{ "name": "train", "metadata": { "batch_size": 32 } }],
        "pipelines": [{
            "name": "nightly",
            "config": { "job_name": "generic", "tags": { "team": "fraud" } },
            "parameters_schema": { "properties": { "day": { "type": "string" } } },
            "blocks": ["Passengers", { "name": "survival", "alias": "champion" }],
            "edges": [{ "edge": "train", "from": "passengers", "to": "survival", "pin": 1 }],
        }],
    })
}

async fn apply(person: &Person<'_>, manner: &str, file: &Value) -> Answer {
    person.post(&format!("/apply?{manner}"), file.clone()).await
}

async fn applied(person: &Person<'_>, manner: &str, file: &Value) -> Value {
    apply(person, manner, file).await.expect(StatusCode::OK).body
}

async fn export(person: &Person<'_>) -> Value {
    person.get("/export").await.expect(StatusCode::OK).body
}

/// Name and outcome of each thing.
fn outcomes(applied: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let items = applied["items"].as_array().expect("items");
    items.iter().map(|item| (text(&item["name"]), text(&item["outcome"]))).collect()
}

fn outcome(applied: &Value, name: &str) -> String {
    let found = outcomes(applied).into_iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no {name} in {applied}")).1
}

/// The faults of a refusal: pointer and words.
fn faults(answer: &Answer) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let errors = answer.body["errors"].as_array();
    errors
        .into_iter()
        .flatten()
        .map(|fault| (text(&fault["pointer"]), text(&fault["detail"])))
        .collect()
}

/// All rows that a file could change.
async fn everything(service: &Service) -> String {
    let mut owner = service.database.connect().await;
    let mut all = String::new();
    for table in [
        "blocks",
        "block_versions",
        "edges",
        "edge_versions",
        "pipelines",
        "pipeline_blocks",
        "pipeline_edges",
        "aliases",
        "alias_moves",
        "dependencies",
        "code_repos",
        "docker_images",
        "block_vector_representations",
        "edge_vector_representations",
        "taxonomy_categories",
        "block_taxonomies",
        "audit_logs",
        "app.managed",
    ] {
        let digest = format!(
            "select md5(coalesce(string_agg(t::text, '' order by t::text), '')) from {table} t"
        );
        let digest: String = sqlx::query_scalar(AssertSqlSafe(digest))
            .fetch_one(&mut owner)
            .await
            .expect("a digest");
        all += &format!("{table} {digest} ");
    }
    all
}

#[tokio::test]
async fn a_file_becomes_a_registry_and_comes_back() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let file = nightly();
    let before = everything(&service).await;
    let planned = applied(&dan, "dry_run=true", &file).await;
    assert_eq!(everything(&service).await, before, "a dry run leaves nothing");
    let made = applied(&dan, "", &file).await;
    assert_eq!(outcomes(&planned), outcomes(&made));
    assert!(outcomes(&made).iter().all(|(_, outcome)| outcome == "created"), "{made}");
    assert_eq!(made["has_changes"], true);
    assert_eq!(made["items"][3]["pointer"], "/blocks/0");
    assert_eq!(made["items"][3]["version_number"], 1);
    assert_eq!(made["items"][3]["patch"][0]["value"]["aliases"]["champion"]["version"], 1);

    // The same again changes no row.
    let before = everything(&service).await;
    let again = applied(&dan, "", &file).await;
    assert_eq!(again["has_changes"], false, "{again}");
    assert!(outcomes(&again).iter().all(|(_, outcome)| outcome == "unchanged"), "{again}");
    assert_eq!(everything(&service).await, before);

    // What comes out goes in, changes nothing, and makes the same elsewhere.
    let exported = export(&dan).await;
    assert_eq!(exported["taxonomy"], json!(["a~1b", "tabular", "tabular/transport"]));
    assert_eq!(exported["blocks"][0]["name"], "passengers");
    assert_eq!(exported["blocks"][0]["metadata"], json!({ "rows": 891 }));
    assert_eq!(exported["blocks"][1]["aliases"]["champion"], 1);
    assert_eq!(exported["pipelines"][0]["blocks"][0], "passengers");
    assert_eq!(exported["pipelines"][0]["edges"][0]["pin"], 1);
    assert_eq!(applied(&dan, "", &exported).await["has_changes"], false);
    assert_eq!(everything(&service).await, before);
    let elsewhere = Service::start().await;
    let ada = elsewhere.admin().await;
    applied(&ada, "", &exported).await;
    assert_eq!(export(&ada).await, exported);

    // Parts of it.
    let blocks = dan.get("/export?kind=block&category=tabular").await.expect(StatusCode::OK).body;
    assert_eq!(blocks["blocks"].as_array().map(Vec::len), Some(1));
    assert_eq!(blocks.get("edges"), None);
    let one = dan.get("/export?name=NIGHTLY").await.expect(StatusCode::OK).body;
    assert_eq!(one.as_object().map(serde_json::Map::len), Some(2), "{one}");
}

#[tokio::test]
async fn each_change_is_told_and_made_as_its_operation_makes_it() {
    let service = Service::start().await;
    let dan = service.developer().await;
    applied(&dan, "", &nightly()).await;
    let file = json!({
        "apiVersion": "blockyard/v1",
        "owner": "team-fraud",
        "blocks": [
            { "name": "passengers", "metadata": { "rows": 892 }, "aliases": { "fresh": "latest", "used": "active" } },
            { "name": "survivors", "renamed_from": "survival", "description": null, "aliases": { "shadow": 1 } },
        ],
        "edges": [{ "name": "train", "activation": "reviewed" }],
        "pipelines": [{ "name": "weekly", "renamed_from": "nightly", "blocks": ["passengers"], "edges": [] }],
    });
    let made = applied(&dan, "", &file).await;
    assert!(outcomes(&made).iter().all(|(_, outcome)| outcome == "updated"), "{made}");
    assert_eq!(made["items"][0]["version_number"], 2);
    assert_eq!(
        made["items"][0]["patch"],
        json!([
            { "op": "add", "path": "/aliases", "value": {
                "fresh": { "version": 2, "protected": false }, "used": { "version": 2, "protected": false } } },
            { "op": "replace", "path": "/metadata/rows", "value": 892 },
        ])
    );
    assert_eq!(applied(&dan, "", &file).await["has_changes"], false, "twice nothing");
    let exported = export(&dan).await;
    assert_eq!(
        exported["pipelines"],
        json!([{
            "name": "weekly", "config": { "job_name": "generic", "tags": { "team": "fraud" } },
            "parameters_schema": { "properties": { "day": { "type": "string" } } }, "blocks": ["passengers"],
        }])
    );
    assert_eq!(exported["blocks"][1]["name"], "survivors");
    assert_eq!(
        exported["blocks"][1]["dependencies"].as_array().map(Vec::len),
        Some(3),
        "absence means nothing"
    );

    // What is reviewed becomes a candidate, once.
    let reviewed = json!({ "apiVersion": "blockyard/v1", "edges": [{ "name": "train", "metadata": { "batch_size": 64 } }] });
    let made = applied(&dan, "", &reviewed).await;
    assert_eq!(
        (outcome(&made, "train").as_str(), &made["items"][0]["version_number"]),
        ("candidate", &json!(2))
    );
    let again = applied(&dan, "", &reviewed).await;
    assert_eq!(
        (again["has_changes"].clone(), &again["items"][0]["version_number"]),
        (json!(false), &json!(2))
    );
    assert_eq!(export(&dan).await["edges"][0]["metadata"], json!({ "batch_size": 32 }));
    // A version is put to use by its number, under the rule that another than its author does it.
    let active =
        json!({ "apiVersion": "blockyard/v1", "edges": [{ "name": "train", "active": 2 }] });
    let refused = apply(&dan, "", &active).await;
    assert_eq!(refused.body["code"], "own_version", "{}", refused.body);
    assert_eq!(faults(&refused)[0].0, "/edges/0");
    let back =
        json!({ "apiVersion": "blockyard/v1", "blocks": [{ "name": "passengers", "active": 1 }] });
    let made = applied(&dan, "", &back).await;
    assert_eq!(outcome(&made, "passengers"), "activated");
    assert_eq!(applied(&dan, "", &back).await["has_changes"], false);
}

#[tokio::test]
async fn a_change_of_what_runs_is_judged() {
    let service = Service::start().await;
    let dan = service.developer().await;
    crate::pipelines::chain(&service, &dan).await;
    let file = json!({ "apiVersion": "blockyard/v1", "edges": [{ "name": "ab", "metadata": { "n": 2 } }] });
    let planned = applied(&dan, "dry_run=true", &file).await;
    assert_eq!(planned["verdict"], "breaking");
    assert_eq!(planned["reasons"][0]["code"], "pipeline_blocked");
    let made = applied(&dan, "", &file).await;
    assert_eq!(made["verdict"], planned["verdict"]);
    assert_eq!(made["reasons"], planned["reasons"]);
    assert_eq!(applied(&dan, "", &file).await["verdict"], "safe");
}

#[tokio::test]
async fn files_do_not_undo_one_another() {
    let service = Service::start().await;
    let dan = service.developer().await;
    applied(&dan, "", &nightly()).await;
    // What both say alike is nobody's loss.
    let theirs = json!({
        "apiVersion": "blockyard/v1", "owner": "team-ops",
        "blocks": [{ "name": "passengers", "metadata": { "rows": 891 }, "description": "From the company" }],
    });
    assert_eq!(outcome(&applied(&dan, "", &theirs).await, "passengers"), "updated");
    let mut other = theirs.clone();
    other["blocks"][0]["metadata"] = json!({ "rows": 1 });
    let before = everything(&service).await;
    let refused = apply(&dan, "", &other).await.expect(StatusCode::CONFLICT);
    assert_eq!(refused.body["code"], "managed");
    let (pointer, words) = &faults(&refused)[0];
    assert_eq!(pointer, "/blocks/0/metadata");
    assert!(words.contains("team-fraud"), "{words}");
    let planned = applied(&dan, "dry_run=true", &other).await;
    assert_eq!(planned["items"][0]["outcome"], "conflict");
    assert_eq!(
        planned["items"][0]["conflicts"],
        json!([{ "member": "/metadata", "owner": "team-fraud" }])
    );
    assert_eq!(everything(&service).await, before);

    // Taking over is in the trail.
    assert_eq!(outcome(&applied(&dan, "force=true", &other).await, "passengers"), "updated");
    let mut owner = service.by_sql("ada").await;
    let taken = owner
        .text("select details -> 'before' ->> '/metadata' || ' ' || (details -> 'after' ->> '/metadata') from audit_logs where details ->> 'table' = 'managed'")
        .await;
    assert_eq!(taken, "team-fraud team-ops");
    let refused = apply(&dan, "", &nightly()).await.expect(StatusCode::CONFLICT);
    assert!(
        faults(&refused).iter().any(|(pointer, _)| pointer == "/blocks/1/metadata"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn pruning_archives_what_the_file_managed_and_nothing_else() {
    let service = Service::start().await;
    let dan = service.developer().await;
    crate::blocks::register(&dan, "by hand").await;
    applied(&dan, "", &nightly()).await;
    let theirs = json!({ "apiVersion": "blockyard/v1", "owner": "team-ops", "blocks": [{ "name": "logs", "type": "dataset" }] });
    applied(&dan, "", &theirs).await;
    let less = json!({
        "apiVersion": "blockyard/v1", "owner": "team-fraud", "taxonomy": ["tabular"],
        "blocks": [{ "name": "passengers", "categories": ["tabular"] }],
    });
    // Absence means nothing.
    assert_eq!(outcomes(&applied(&dan, "", &less).await).len(), 2);
    let pruned = applied(&dan, "prune=true", &less).await;
    let mut archived: Vec<_> = outcomes(&pruned)
        .into_iter()
        .filter(|(_, outcome)| outcome == "archived")
        .map(|(name, _)| name)
        .collect();
    archived.sort();
    assert_eq!(archived, ["a~1b", "nightly", "survival", "tabular/transport", "train"], "{pruned}");
    let exported = export(&dan).await;
    let names: Vec<_> = exported["blocks"]
        .as_array()
        .expect("blocks")
        .iter()
        .map(|block| block["name"].clone())
        .collect();
    assert_eq!(names, ["by hand", "logs", "passengers"]);
    assert_eq!(exported["blocks"][2]["categories"], json!(["tabular"]));
    assert_eq!(applied(&dan, "prune=true", &less).await["has_changes"], false);

    // What somebody else uses stays, and so does everything.
    let used = json!({ "name": "uses", "blocks": [{ "block_id": "passengers" }] });
    dan.post("/pipelines", used).await.expect(StatusCode::CREATED);
    let none =
        json!({ "apiVersion": "blockyard/v1", "owner": "team-fraud", "taxonomy": ["tabular"] });
    let refused = apply(&dan, "prune=true", &none).await.expect(StatusCode::CONFLICT);
    assert_eq!(refused.body["code"], "in_use");
    let unowned = json!({ "apiVersion": "blockyard/v1" });
    let refused =
        apply(&dan, "prune=true", &unowned).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(faults(&refused)[0].0, "/owner");
}

#[tokio::test]
async fn a_plan_is_refused_when_the_registry_has_moved() {
    let service = Service::start().await;
    let dan = service.developer().await;
    applied(&dan, "", &nightly()).await;
    let file = json!({ "apiVersion": "blockyard/v1", "blocks": [{ "name": "passengers", "description": "All" }] });
    let plan = |planned: &Value| format!("plan={}", planned["plan"].as_str().expect("a plan"));
    let planned = applied(&dan, "dry_run=true", &file).await;
    let other = json!({ "apiVersion": "blockyard/v1", "blocks": [{ "name": "passengers", "description": "None" }] });
    apply(&dan, &plan(&planned), &other).await.expect(StatusCode::PRECONDITION_FAILED);
    // Of another thing nothing was read.
    crate::blocks::register(&dan, "beside").await;
    applied(&dan, &format!("dry_run=true&{}", plan(&planned)), &file).await;
    dan.patch("/blocks/passengers", json!({ "metadata": { "rows": 3 } }))
        .await
        .expect(StatusCode::OK);
    apply(&dan, &plan(&planned), &file).await.expect(StatusCode::PRECONDITION_FAILED);
    let planned = applied(&dan, "dry_run=true", &file).await;
    applied(&dan, &plan(&planned), &file).await;
    apply(&dan, &plan(&planned), &file).await.expect(StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn everything_wrong_is_told_at_once_and_nothing_is_done() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let before = everything(&service).await;
    let form = json!({
        "apiVersion": "blockyard/v2", "owner": " ",
        "taxonomy": ["a//b"],
        "blocks": [
            { "name": "x", "type": "table", "aliases": { "latest": 1, "ok": "other" } },
            { "name": "01a20575-84d9-79db-a493-fbb455308177" },
            { "name": "y", "active": 1, "metadata": {} , "dependencies": [{ "block": "x", "edge": "y" }] },
        ],
        "pipelines": [{ "name": "p", "blocks": [{ "name": "x", "pin": 1, "alias": "a" }] , "unknown": 1 }, { "name": "q", "edges": [] }],
        "users": [],
    });
    let refused = apply(&dan, "", &form).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let told: Vec<_> = faults(&refused).into_iter().map(|(pointer, _)| pointer).collect();
    for pointer in [
        "/apiVersion",
        "/owner",
        "/taxonomy/0",
        "/blocks/0/type",
        "/blocks/1/name",
        "/blocks/2/active",
        "/blocks/2/dependencies/0",
        "/pipelines/0/blocks/0",
        "/pipelines/0/unknown",
        "/pipelines/1/blocks",
        "/users",
    ] {
        assert!(told.iter().any(|known| known == pointer), "{pointer} of {told:?}");
    }
    assert!(told.iter().any(|known| known.starts_with("/blocks/0/aliases")), "{told:?}");

    let places = json!({
        "apiVersion": "blockyard/v1",
        "taxonomy": ["nowhere/below"],
        "blocks": [
            { "name": "x" },
            { "name": "X", "type": "model" },
            { "name": "z", "type": "model", "categories": ["none"], "dependencies": [{ "edge": "none" }] },
        ],
        "pipelines": [{ "name": "p", "blocks": ["none", "z"], "edges": [{ "edge": "none", "from": "z", "to": "z" }] }],
    });
    let refused = apply(&dan, "", &places).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(faults(&refused), [("/blocks/1".to_owned(), "Is in the file already.".to_owned())]);
    let mut places = places;
    places["blocks"].as_array_mut().expect("blocks").remove(1);
    let refused = apply(&dan, "", &places).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let told: Vec<_> = faults(&refused).into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(
        told,
        [
            "/taxonomy/0",
            "/blocks/0/type",
            "/blocks/1/categories/0",
            "/blocks/1/dependencies/0",
            "/pipelines/0/blocks/0",
            "/pipelines/0/edges/0/edge",
        ]
    );

    // What only the database knows has its place as well.
    let cycle = json!({
        "apiVersion": "blockyard/v1",
        "blocks": [
            { "name": "x", "type": "model", "dependencies": [{ "block": "y" }] },
            { "name": "y", "type": "model", "dependencies": [{ "block": "x" }] },
        ],
    });
    let refused = apply(&dan, "", &cycle).await.expect(StatusCode::CONFLICT);
    assert_eq!(refused.body["code"], "cycle");
    assert_eq!(faults(&refused)[0].0, "/blocks/1/dependencies/0");
    let graph = json!({
        "apiVersion": "blockyard/v1",
        "blocks": [{ "name": "x", "type": "model" }], "edges": [{ "name": "e" }],
        "pipelines": [{ "name": "p", "config": { "job_name": 1 }, "blocks": ["x"], "edges": [] }],
    });
    let refused = apply(&dan, "", &graph).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(faults(&refused)[0].0, "/pipelines/0/config/job_name", "{}", refused.body);
    let mut graph = graph;
    graph["pipelines"][0]["config"] = json!({});
    graph["pipelines"][0]["edges"] = json!([{ "edge": "e", "from": "x", "to": "y" }]);
    let refused = apply(&dan, "", &graph).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let told: Vec<_> = faults(&refused).into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(told, ["/pipelines/0/edges/0/to"], "{}", refused.body);
    graph["pipelines"][0]["edges"] = json!([]);
    graph["pipelines"][0]["blocks"] = json!([{ "name": "x", "pin": 7 }]);
    let refused = apply(&dan, "", &graph).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(faults(&refused)[0].0, "/pipelines/0/blocks/0/pin", "{}", refused.body);
    let alias = json!({ "apiVersion": "blockyard/v1", "blocks": [{ "name": "x", "type": "model", "aliases": { "old": 7 } }] });
    let refused =
        apply(&dan, "dry_run=true", &alias).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(faults(&refused)[0].0, "/blocks/0/aliases/old/version");
    let circle = json!({
        "apiVersion": "blockyard/v1",
        "edges": [{ "name": "a", "renamed_from": "b" }, { "name": "b", "renamed_from": "a" }],
    });
    assert_eq!(everything(&service).await, before);
    let two = json!({ "apiVersion": "blockyard/v1", "edges": [{ "name": "a" }, { "name": "b" }] });
    applied(&dan, "", &two).await;
    let refused = apply(&dan, "", &circle).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(faults(&refused).len(), 2);
    // Names move up along a chain.
    let chain = json!({
        "apiVersion": "blockyard/v1",
        "edges": [{ "name": "b", "renamed_from": "a" }, { "name": "c", "renamed_from": "b" }, { "name": "a" }],
    });
    let moved = applied(&dan, "", &chain).await;
    assert_eq!(
        (outcome(&moved, "b"), outcome(&moved, "a")),
        ("updated".to_owned(), "created".to_owned())
    );

    // A viewer changes nothing, and sees that nothing has to change.
    let vera = service.viewer().await;
    let exported = export(&vera).await;
    assert_eq!(applied(&vera, "", &exported).await["has_changes"], false);
    apply(&vera, "", &nightly()).await.expect(StatusCode::FORBIDDEN);
    service.nobody().request(Method::POST, "/apply").send().await.expect(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn two_applies_at_once_make_one_registry() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let file = nightly();
    let (one, other) = tokio::join!(applied(&dan, "", &file), applied(&dan, "", &file));
    let made = [&one, &other].map(|applied| applied["has_changes"] == true);
    assert!(made[0] != made[1], "one of them has made it all: {made:?}");
}

#[tokio::test]
async fn an_export_is_of_one_moment() {
    let service = Service::start().await;
    let (dan, dora) = (service.developer().await, service.colleague().await);
    let pipeline = json!({ "name": "p", "blocks": [{ "block_id": "b0" }] });
    dan.post("/blocks", json!({ "name": "b0", "block_type": "model" }))
        .await
        .expect(StatusCode::CREATED);
    dan.post("/pipelines", pipeline).await.expect(StatusCode::CREATED);
    let renaming = async {
        for i in 0..60 {
            let renamed = json!({ "name": format!("b{}", i + 1) });
            dan.patch(&format!("/blocks/b{i}"), renamed).await.expect(StatusCode::OK);
        }
    };
    let exporting = async {
        for _ in 0..60 {
            let file = export(&dora).await;
            let (block, used) = (&file["blocks"][0]["name"], &file["pipelines"][0]["blocks"][0]);
            assert!(used == block || used["name"] == *block, "{file}");
        }
    };
    tokio::join!(renaming, exporting);
}

/// The categories that things are in, and one that moves about.
fn taxonomy(random: &mut StdRng) -> Value {
    let places = ["v", "t/v", "t/u/v"];
    let [then, now] = [0, 1].map(|_| places[random.random_range(0..3)]);
    json!(["t", "t/u", { "path": now, "renamed_from": then }])
}

/// A registry of so many things, of a random shape.
fn random(random: &mut StdRng, names: usize) -> Value {
    let name =
        |random: &mut StdRng, kind: &str| format!("{kind} {}", random.random_range(0..names));
    let mut blocks = serde_json::Map::new();
    for _ in 0..names {
        let mut block = json!({ "type": if random.random() { "model" } else { "dataset" } });
        if random.random() {
            block["metadata"] = json!({ "n": random.random_range(0..3) });
        }
        if random.random() {
            block["description"] = random.random_range(0..3).to_string().into();
        }
        if random.random() {
            block["categories"] = json!(["t", "t/u"][..random.random_range(0..=2)]);
        }
        if random.random() {
            block["dependencies"] = json!([{ "edge": name(random, "e") }]);
            let bound = |random: &mut StdRng| format!(">={}", random.random_range(0..3));
            for _ in 0..random.random_range(0..3) {
                let outside = json!({ "external": "numpy", "version_constraint": bound(random) });
                block["dependencies"].as_array_mut().expect("a list").push(outside);
            }
        }
        if random.random() {
            block["code_repos"] = json!([{ "repo_url": format!("https://example.org/{}", random.random_range(0..3)) }]);
            let tag = format!("v{}", random.random_range(0..3));
            block["docker_images"] =
                json!([{ "registry_url": "ghcr.io/acme/a", "image_tag": tag }]);
            let key = random.random_range(0..3).to_string();
            let list = ["any", "all", "none"][random.random_range(0..3)];
            block["vectors"] = json!([{ "vector_db": "p", "vector_key": key, "taxonomy_filter": { list: ["t"] } }]);
        }
        blocks.insert(name(random, "b"), block);
    }
    let edges: Vec<Value> = (0..names)
        .map(
            |n| json!({ "name": format!("e {n}"), "metadata": { "n": random.random_range(0..3) } }),
        )
        .collect();
    let mut members: Vec<&String> = blocks.keys().collect();
    members.retain(|_| random.random());
    let joints: Vec<Value> = members
        .windows(2)
        .map(|pair| json!({ "edge": name(random, "e"), "from": pair[0], "to": pair[1] }))
        .collect();
    let pipelines = json!([{ "name": name(random, "p"), "blocks": members, "edges": joints }]);
    let blocks: Vec<Value> = blocks
        .iter()
        .map(|(name, block)| {
            let mut block = block.clone();
            block["name"] = name.as_str().into();
            block
        })
        .collect();
    json!({
        "apiVersion": "blockyard/v1", "owner": "o", "taxonomy": taxonomy(random),
        "blocks": blocks, "edges": edges, "pipelines": pipelines,
    })
}

#[tokio::test]
async fn random_files_converge() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let seed: u64 = rand::rng().random();
    println!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    for round in 0..12 {
        let names = dice.random_range(1..6);
        let file = random(&mut dice, names);
        let planned = applied(&dan, "dry_run=true&prune=true", &file).await;
        let made = applied(&dan, "prune=true", &file).await;
        assert_eq!(outcomes(&planned), outcomes(&made), "seed {seed}, round {round}");
        let again = applied(&dan, "prune=true", &file).await;
        assert_eq!(again["has_changes"], false, "seed {seed}, round {round}: {again}");
        let exported = export(&dan).await;
        let back = applied(&dan, "dry_run=true", &exported).await;
        assert_eq!(back["has_changes"], false, "seed {seed}, round {round}: {back}");
    }
    let exported = export(&dan).await;
    let elsewhere = Service::start().await;
    let ada = elsewhere.admin().await;
    applied(&ada, "", &exported).await;
    assert_eq!(export(&ada).await, exported, "seed {seed}");
}

#[tokio::test]
async fn a_thousand_things_are_one_transaction() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let blocks: Vec<Value> = (0..1000)
        .map(|n| json!({ "name": format!("b{n}"), "type": "dataset", "metadata": { "n": n } }))
        .collect();
    let file = json!({ "apiVersion": "blockyard/v1", "owner": "o", "blocks": blocks });
    let begun = std::time::Instant::now();
    let made = applied(&dan, "", &file).await;
    println!("1000 blocks created: {:?}", begun.elapsed());
    assert_eq!(made["items"].as_array().map(Vec::len), Some(1000));
    let begun = std::time::Instant::now();
    assert_eq!(applied(&dan, "", &file).await["has_changes"], false);
    println!("1000 blocks unchanged: {:?}", begun.elapsed());
    let names: Vec<Value> = (0..5001).map(|n| json!({ "name": format!("b{n}") })).collect();
    let more = json!({ "apiVersion": "blockyard/v1", "edges": names });
    apply(&dan, "dry_run=true", &more).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
}
