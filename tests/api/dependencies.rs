//! Dependencies: what they are on, that they form no cycle, what depends on what.

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::blocks::register;
use crate::parts::connect_blocks;
use crate::service::{Answer, Person, Service};

async fn depend(person: &Person<'_>, owner: &str, kind: &str, on: &str) -> Answer {
    person
        .post(
            &format!("/{owner}/dependencies"),
            json!({ "dependency_type": "internal", "depends_on_type": kind, "depends_on_id": on }),
        )
        .await
}

#[tokio::test]
async fn an_internal_dependency_is_on_something_and_an_external_one_says_what() {
    let service = Service::start().await;
    let dan = service.developer().await;
    for name in ["a", "b"] {
        register(&dan, name).await;
    }
    let edge = connect_blocks(&service, "e").await;
    let made = depend(&dan, "blocks/a", "edge", "E").await.expect(StatusCode::CREATED);
    assert_eq!(made.body["depends_on_id"], edge.as_str());
    assert_eq!(made.body["dependency_detail"], "");
    depend(&dan, "blocks/a", "edge", &edge).await.refused(StatusCode::CONFLICT, "already_exists");
    for (body, faults) in [
        (json!({}), &["/dependency_type"][..]),
        (json!({ "dependency_type": "internal" }), &["/depends_on_id", "/depends_on_type"]),
        (
            json!({ "dependency_type": "external", "dependency_detail": " ", "depends_on_type": "block", "depends_on_id": "b" }),
            &["/dependency_detail", "/depends_on_id", "/depends_on_type"],
        ),
        (
            json!({ "dependency_type": "internal", "depends_on_type": "pipeline", "depends_on_id": "b", "version_constraint": "x".repeat(201) }),
            &["/depends_on_type", "/version_constraint"],
        ),
        (
            json!({ "dependency_type": "internal", "depends_on_type": "block", "depends_on_id": "nothing" }),
            &["/depends_on_id"],
        ),
        (
            json!({ "dependency_type": "internal", "depends_on_type": "block", "depends_on_id": edge }),
            &["/depends_on_id"],
        ),
    ] {
        let refused = dan.post("/blocks/a/dependencies", body).await;
        assert_eq!(refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid").pointers(), faults);
    }

    // One may turn into the other, as long as it is whole.
    let location = made.header("location");
    let change = |body: Value| dan.patch(location, body);
    for body in [
        json!({ "dependency_type": "external" }),
        json!({ "depends_on_id": null }),
        json!({ "depends_on_id": "nothing" }),
        json!({ "depends_on_type": "block" }),
    ] {
        change(body).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    }
    let external = change(json!({
        "dependency_type": "external", "dependency_detail": "PyPI: torch", "depends_on_type": null,
        "depends_on_id": null, "version_constraint": ">=2"
    }))
    .await
    .expect(StatusCode::OK);
    assert_eq!(external.body["depends_on_id"], Value::Null);
    let internal = change(json!({
        "dependency_type": "internal", "dependency_detail": null, "depends_on_type": "block",
        "depends_on_id": "b", "version_constraint": null
    }))
    .await
    .expect(StatusCode::OK);
    assert_eq!(internal.body["depends_on_type"], "block");
    assert_eq!(internal.body["version_constraint"], Value::Null);
    for (query, found) in [
        ("depends_on_type=block&depends_on_id=b", 1),
        ("depends_on_type=edge", 0),
        ("dependency_type=internal", 1),
        ("dependency_type=external", 0),
        ("depends_on_type=block&depends_on_id=nothing", 0),
    ] {
        let page = dan.get(&format!("/dependencies?{query}")).await.expect(StatusCode::OK);
        assert_eq!(page.items("dependency_id").len(), found, "{query}");
    }
    let refused = dan.get("/dependencies?depends_on_id=b").await;
    assert_eq!(refused.expect(StatusCode::UNPROCESSABLE_ENTITY).pointers(), ["depends_on_type"]);
}

#[tokio::test]
async fn what_something_depends_on_is_not_archived_and_forms_no_cycle() {
    let service = Service::start().await;
    let dan = service.developer().await;
    for name in ["a", "b", "c"] {
        register(&dan, name).await;
    }
    connect_blocks(&service, "e").await;
    depend(&dan, "blocks/a", "block", "a").await.refused(StatusCode::CONFLICT, "cycle");
    depend(&dan, "blocks/a", "block", "b").await.expect(StatusCode::CREATED);
    depend(&dan, "blocks/b", "edge", "e").await.expect(StatusCode::CREATED);
    depend(&dan, "edges/e", "block", "a").await.refused(StatusCode::CONFLICT, "cycle");
    let made = depend(&dan, "edges/e", "block", "c").await.expect(StatusCode::CREATED);
    dan.patch(made.header("location"), json!({ "depends_on_id": "a" }))
        .await
        .refused(StatusCode::CONFLICT, "cycle");
    let refused = dan.delete("/blocks/b").await.refused(StatusCode::CONFLICT, "in_use");
    assert_eq!(refused.body["used_by"][0]["name"], "a");
}

#[tokio::test]
async fn of_fifty_halves_of_cycles_at_once_none_closes() {
    let service = Service::start().await;
    let dan = service.developer().await;
    for n in 0..50 {
        register(&dan, &format!("b{n}")).await;
    }
    // Together a ring.
    let halves = (0..50).map(|n| {
        let (dan, owner, on) = (dan.clone(), format!("blocks/b{n}"), format!("b{}", (n + 1) % 50));
        async move { depend(&dan, &owner, "block", &on).await }
    });
    let answers = join_all(halves).await;
    let refused: Vec<_> =
        answers.into_iter().filter(|answer| answer.status != StatusCode::CREATED).collect();
    assert_eq!(refused.len(), 1);
    for answer in refused {
        answer.refused(StatusCode::CONFLICT, "cycle");
    }
    let mut owner = service.database.connect().await;
    sqlx::query("delete from dependencies").execute(&mut owner).await.expect("none");
    // In pairs, each on the other.
    let halves = (0..50).map(|n| {
        let (dan, owner, on) = (dan.clone(), format!("blocks/b{n}"), format!("b{}", n ^ 1));
        async move { depend(&dan, &owner, "block", &on).await }
    });
    let answers = join_all(halves).await;
    for pair in answers.chunks(2) {
        let mut statuses = [pair[0].status.as_u16(), pair[1].status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
    }
}

#[tokio::test]
async fn dependents_come_nearest_first_with_the_path_to_each() {
    let service = Service::start().await;
    let dan = service.developer().await;
    for name in ["base", "left", "right", "top", "apart"] {
        register(&dan, name).await;
    }
    connect_blocks(&service, "e").await;
    for (owner, on) in [
        ("blocks/left", "base"),
        ("blocks/right", "base"),
        ("blocks/top", "left"),
        ("blocks/top", "right"),
        ("edges/e", "top"),
        ("blocks/apart", "right"),
        ("edges/e", "base"),
    ] {
        depend(&dan, owner, "block", on).await.expect(StatusCode::CREATED);
    }
    let sorted = |answer: &Answer| {
        let mut found: Vec<_> = answer.body["items"]
            .as_array()
            .expect("a page")
            .iter()
            .map(|item| {
                (
                    item["depth"].as_i64().expect("a depth"),
                    item["name"].as_str().expect("a name").to_owned(),
                )
            })
            .collect();
        found.sort();
        found
    };
    let direct = dan.get("/blocks/base/dependents").await.expect(StatusCode::OK);
    let expected =
        [(1, "e"), (1, "left"), (1, "right")].map(|(depth, name)| (depth, name.to_owned()));
    assert_eq!(sorted(&direct), expected);
    let all = dan.get("/blocks/base/dependents?recursive=true").await.expect(StatusCode::OK);
    let expected = [(1, "e"), (1, "left"), (1, "right"), (2, "apart"), (2, "top")]
        .map(|(depth, name)| (depth, name.to_owned()));
    assert_eq!(sorted(&all), expected);
    for item in all.body["items"].as_array().expect("a page") {
        let path = item["path"].as_array().expect("a path");
        assert_eq!(item["depth"], path.len());
        assert_eq!(path[path.len() - 1]["entity_id"], item["entity_id"]);
    }
    let apart =
        all.body["items"].as_array().expect("a page").iter().find(|item| item["name"] == "apart");
    assert_eq!(apart.expect("it")["path"][0]["name"], "right");
    let mut seen = Vec::new();
    let mut path = "/blocks/base/dependents?recursive=true&limit=2".to_owned();
    loop {
        let page = dan.get(&path).await.expect(StatusCode::OK);
        seen.extend(page.items("name"));
        let Some(cursor) = page.body["next_cursor"].as_str() else {
            break;
        };
        path = format!("/blocks/base/dependents?recursive=true&limit=2&cursor={cursor}");
    }
    assert_eq!(seen, all.items("name"));
    assert!(
        dan.get("/edges/e/dependents?recursive=true")
            .await
            .expect(StatusCode::OK)
            .items("name")
            .is_empty()
    );
    for path in ["/blocks/nothing/dependents", "/edges/nothing/dependents"] {
        dan.get(path).await.refused(StatusCode::NOT_FOUND, "not_found");
    }
    // What is archived depends on nothing any more.
    dan.delete("/blocks/apart").await.expect(StatusCode::NO_CONTENT);
    let all = dan.get("/blocks/base/dependents?recursive=true").await;
    assert_eq!(all.items("name").len(), 4);
}

#[tokio::test]
async fn many_ways_to_one_thing_do_not_multiply() {
    let service = Service::start().await;
    let dan = service.developer().await;
    // 40 layers of two, each on both of the layer before: 2^40 paths.
    let mut owner = service.database.connect().await;
    sqlx::raw_sql(
        "insert into blocks (name, block_type) select 'n' || layer || '-' || side, 'model'
         from generate_series(0, 40) layer, generate_series(0, 1) side;
         insert into dependencies (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id)
         select 'block', u.block_id, 'internal', 'block', l.block_id
         from generate_series(1, 40) layer, generate_series(0, 1) us, generate_series(0, 1) ls,
         lateral (select block_id from blocks where name = 'n' || layer || '-' || us) u,
         lateral (select block_id from blocks where name = 'n' || layer - 1 || '-' || ls) l",
    )
    .execute(&mut owner)
    .await
    .expect("layers");
    let all =
        dan.get("/blocks/n0-0/dependents?recursive=true&limit=200").await.expect(StatusCode::OK);
    assert_eq!(all.items("name").len(), 80);
    assert_eq!(all.items("depth")[79], 40);
}
