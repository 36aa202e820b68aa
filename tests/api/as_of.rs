//! What was so at any time: what is told of an instant is what was told at it, for ever.

use std::time::Duration;

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::RwLock;

use crate::blocks::register;
use crate::changes;
use crate::service::{Person, Service};

/// Now, by the clock of the database.
pub async fn instant(service: &Service) -> String {
    by_owner(service, "app.time_text(clock_timestamp())").await
}

async fn by_owner(service: &Service, expression: &str) -> String {
    let mut owner = service.database.connect().await;
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select {expression}")))
        .fetch_one(&mut owner)
        .await
        .expect("a text")
}

pub fn at(path: &str, instant: &str) -> String {
    format!("{path}{}as_of={instant}", if path.contains('?') { '&' } else { '?' })
}

/// What can be asked of an instant.
const READS: [&str; 26] = [
    "/blocks?limit=200",
    "/blocks?sort=name&include=versions,categories,aliases",
    "/blocks?archived=true&sort=-updated_at",
    "/blocks?q=second",
    "/blocks?where=metadata/rows>1",
    "/blocks?where=alias=champion&sort=name",
    "/blocks/a",
    "/blocks/d?include=versions,aliases,used_by",
    "/blocks/a/versions",
    "/blocks/a/versions/champion",
    "/edges?sort=name",
    "/edges/ab?include=verifications,aliases",
    "/edges/ab/versions/latest/status",
    "/aliases?sort=created_at",
    "/blocks/a/aliases/champion",
    "/pipelines?sort=name&ready=true",
    "/pipelines/p",
    "/pipelines/q/graph",
    "/pipelines/p/readiness",
    "/pipelines/q/lock",
    "/taxonomy-categories?sort=name",
    "/taxonomy-categories/vision/blocks",
    "/dependencies?sort=created_at",
    "/blocks/a/dependents",
    "/lineage?node=block:a&direction=both",
    "/impact?node=edge:ab",
];

/// What no preview makes, and people do.
async fn something_else(rng: &mut StdRng, person: &Person<'_>, admin: &Person<'_>) {
    match rng.random_range(0..8) {
        0 => {
            let name = format!("second {}", rng.random_range(0..5));
            person.patch("/blocks/d", json!({ "description": name })).await;
        }
        1 => {
            let name = format!("e{}", rng.random_range(0..3));
            person.post("/blocks", json!({ "name": name, "block_type": "model" })).await;
            person.delete(&format!("/blocks/{name}")).await;
        }
        2 => {
            let archived = admin.get("/blocks?archived=true&limit=1").await;
            let block = &archived.body["items"][0];
            if let (Some(id), Some(name)) = (block["block_id"].as_str(), block["name"].as_str()) {
                if name.starts_with('e') && rng.random() {
                    admin.delete(&format!("/blocks/{id}?purge=true")).await;
                } else {
                    admin.post(&format!("/blocks/{id}/restore"), json!({})).await;
                }
            }
        }
        3 => {
            person.put("/blocks/a/categories/vision", json!({})).await;
        }
        4 => {
            person.delete("/blocks/a/categories/vision").await;
        }
        5 => {
            let names = ["vision", "sight"];
            let (old, new) = if rng.random() { (0, 1) } else { (1, 0) };
            let path = format!("/taxonomy-categories/{}", names[old]);
            person.patch(&path, json!({ "name": names[new] })).await;
        }
        6 => {
            let dependency = json!({ "dependency_type": "internal", "depends_on_type": "block", "depends_on_id": "a" });
            person.post("/blocks/d/dependencies", dependency).await;
        }
        _ => {
            let all = person.get("/blocks/d/dependencies").await;
            if let Some(id) = all.body["items"][0]["dependency_id"].as_str() {
                person.delete(&format!("/dependencies/{id}")).await;
            }
        }
    }
}

#[tokio::test]
async fn what_was_read_at_500_instants_is_read_again_of_them() {
    let seed = 20_261_129;
    let service = Service::start().await;
    let (dan, dora, ada) =
        (service.developer().await, service.colleague().await, service.admin().await);
    let things = changes::registry(&service, &dan).await;
    dan.post("/taxonomy-categories", json!({ "name": "vision" })).await.expect(StatusCode::CREATED);
    let vera = service.viewer().await;
    // Writers share it; who takes a record of a moment has it alone.
    let gate = RwLock::new(());
    let done = std::sync::atomic::AtomicBool::new(false);
    let writers = (0..8).map(|number| {
        let (gate, done, things, dan, dora, ada) = (&gate, &done, &things, &dan, &dora, &ada);
        async move {
            let mut rng = StdRng::seed_from_u64(seed + number);
            let mut made = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let _turn = gate.read().await;
                let person = if number % 2 == 0 { dan } else { dora };
                if rng.random_range(0..3) == 0 {
                    something_else(&mut rng, person, ada).await;
                } else {
                    changes::make(person, &changes::any(&mut rng, things)).await;
                }
                made += 1;
            }
            made
        }
    });
    let recorder = async {
        let mut rng = StdRng::seed_from_u64(seed + 100);
        let (mut records, mut live) = (Vec::new(), Vec::new());
        for turn in 0..500 {
            tokio::time::sleep(Duration::from_millis(rng.random_range(0..40))).await;
            let read = READS[rng.random_range(0..READS.len())];
            let person = if turn % 3 == 0 { &vera } else { &ada };
            let alone = gate.write().await;
            let when = instant(&service).await;
            let told = person.get(read).await;
            records.push((when, read, turn % 3 == 0, told.status, told.body));
            drop(alone);
            // While all of them write: what is told of the newest instant stays so.
            if turn % 10 == 0 {
                let newest = by_owner(&service, "app.time_text(app.newest_instant())").await;
                let read = READS[rng.random_range(0..READS.len())];
                let told = ada.get(&at(read, &newest)).await;
                live.push((newest, read, false, told.status, told.body));
            }
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        (records, live)
    };
    let (made, (records, live)) = futures_util::future::join(join_all(writers), recorder).await;
    let made: u32 = made.iter().sum();
    assert!(made > 500, "the writers wrote: {made}");
    let mut found = 0;
    for (when, read, by_viewer, status, body) in records.into_iter().chain(live) {
        let person = if by_viewer { &vera } else { &ada };
        let told = person.get(&at(read, &when)).await;
        let context = format!("seed {seed}: {read} at {when}");
        assert_eq!(told.status, status, "{context}: {}", told.text);
        if status == StatusCode::OK {
            found += 1;
            assert_eq!(
                lasting(told.body.clone(), &told.body),
                lasting(body, &told.body),
                "{context}"
            );
        } else {
            assert_eq!(told.body["code"], body["code"], "{context}");
        }
    }
    assert!(found > 300, "most of them are there: {found}");
}

/// An answer without what goes with a purge: of the things that `now` says were purged since.
fn lasting(mut body: Value, now: &Value) -> Value {
    fn purged(value: &Value, found: &mut Vec<Value>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| purged(item, found)),
            Value::Object(members) => {
                if members.contains_key("purged_at") {
                    found.extend(members.get("block_id").cloned());
                }
                members.values().for_each(|member| purged(member, found));
            }
            _ => {}
        }
    }
    fn clear(value: &mut Value, gone: &[Value]) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| clear(item, gone)),
            Value::Object(members) => {
                if members.get("block_id").is_some_and(|id| gone.contains(id)) {
                    for name in ["purged_at", "versions", "metadata"] {
                        members.remove(name);
                    }
                }
                members.values_mut().for_each(|member| clear(member, gone));
            }
            _ => {}
        }
    }
    let mut gone = Vec::new();
    purged(now, &mut gone);
    clear(&mut body, &gone);
    body
}

#[tokio::test]
async fn a_category_that_was_purged_since_says_when() {
    let service = Service::start().await;
    let (dan, ada) = (service.developer().await, service.admin().await);
    let made = dan.post("/taxonomy-categories", json!({ "name": "vision" })).await;
    let path =
        format!("/taxonomy-categories/{}", made.expect(StatusCode::CREATED).id("category_id"));
    let then = instant(&service).await;
    let read = format!("{path}?as_of={then}");
    assert_eq!(dan.get(&read).await.expect(StatusCode::OK).body.get("purged_at"), None);
    ada.delete(&format!("{path}?purge=true")).await.expect(StatusCode::NO_CONTENT);
    let was = dan.get(&read).await.expect(StatusCode::OK);
    assert_eq!(was.body["name"], "vision");
    assert!(was.body["purged_at"].is_string(), "{}", was.body);
    let listed = dan.get(&format!("/taxonomy-categories?as_of={then}")).await;
    assert_eq!(listed.body["items"], json!([was.body]));
}

#[tokio::test]
async fn what_differs_between_two_instants_is_listed() {
    let service = Service::start().await;
    let (dan, ada, vera) =
        (service.developer().await, service.admin().await, service.viewer().await);
    for name in ["stays", "changes", "goes", "sleeps", "wakes"] {
        register(&dan, name).await;
    }
    dan.delete("/blocks/wakes").await.expect(StatusCode::NO_CONTENT);
    let wakes = dan.get("/blocks?archived=true").await.items("block_id")[0].clone();
    let from = instant(&service).await;
    dan.patch("/blocks/changes", json!({ "metadata": { "n": 1 } })).await.expect(StatusCode::OK);
    dan.patch("/blocks/stays", json!({ "description": "x" })).await.expect(StatusCode::OK);
    dan.post("/blocks/stays/versions/1/activate", json!({})).await.expect(StatusCode::OK);
    dan.put("/blocks/changes/aliases/champion", json!({ "version": "2" }))
        .await
        .expect(StatusCode::CREATED);
    for name in ["goes", "sleeps"] {
        dan.delete(&format!("/blocks/{name}")).await.expect(StatusCode::NO_CONTENT);
    }
    let archived = dan.get("/blocks?archived=true&sort=name").await;
    let goes = archived.body["items"][0]["block_id"].as_str().expect("an id");
    ada.delete(&format!("/blocks/{goes}?purge=true")).await.expect(StatusCode::NO_CONTENT);
    let path = format!("/blocks/{}/restore", wakes.as_str().expect("an id"));
    dan.post(&path, json!({})).await.expect(StatusCode::OK);
    dan.post("/blocks/changes/versions/1/withdraw", json!({ "reason": "wrong" }))
        .await
        .expect(StatusCode::OK);
    let to = instant(&service).await;
    register(&dan, "late").await;

    let list = format!("/changes?from={from}&to={to}");
    let told = async |person: &Person<'_>, limit: usize| {
        let mut told = Vec::new();
        let mut next = Some(format!("{list}&limit={limit}"));
        while let Some(path) = next {
            let page = person.get(&path).await.expect(StatusCode::OK);
            told.extend(page.body["items"].as_array().expect("items").clone());
            next = page.body["next_cursor"]
                .as_str()
                .map(|cursor| format!("{list}&limit={limit}&cursor={cursor}"));
        }
        told
    };
    let in_short = |told: &[Value]| -> Vec<String> {
        let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        told.iter()
            .map(|one| [&one["table"], &one["name"], &one["change"]].map(word).join(" "))
            .collect()
    };
    let all = told(&dan, 50).await;
    assert_eq!(
        in_short(&all),
        [
            "blocks changes changed",
            "blocks stays changed",
            "aliases champion created",
            "blocks sleeps archived",
            "blocks goes removed",
            "blocks wakes restored",
            "withdrawals changes created",
        ]
    );
    assert_eq!(
        (&all[0]["before"]["version_number"], &all[0]["after"]["version_number"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(all[0]["before"].get("name"), None, "only what differs");
    // It is in use again as it was, and has one version more.
    assert_eq!(all[1]["after"]["latest_version_number"], 2);
    assert_eq!(all[4]["after"], Value::Null);
    assert_eq!(told(&dan, 1).await, all, "page by page");
    assert_eq!(told(&dan, 50).await, all, "the same for ever");
    // To a viewer what is archived is gone, as it is in lists.
    let seen = in_short(&told(&vera, 50).await);
    assert!(seen.contains(&"blocks sleeps removed".to_owned()), "{seen:?}");
    assert!(seen.contains(&"blocks wakes created".to_owned()), "{seen:?}");

    let backwards = format!("/changes?from={to}&to={from}");
    let refused = dan.get(&backwards).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(refused.pointers(), ["to"]);
}
