//! The life of a block: registered, read, listed, changed, archived, restored, purged.

use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::service::{Person, Service};

pub async fn register(person: &Person<'_>, name: &str) -> String {
    person
        .post(
            "/blocks",
            json!({ "name": name, "block_type": "dataset", "metadata": { "rows": 1 } }),
        )
        .await
        .expect(StatusCode::CREATED)
        .id("block_id")
}

#[tokio::test]
async fn a_block_is_registered_with_its_first_version() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let body = json!({ "name": " imagenet ", "block_type": "dataset", "description": "photographs", "metadata": { "rows": 1.50, "a": [1, null] } });
    let created = dan.post("/blocks", body).await.expect(StatusCode::CREATED);
    assert_eq!(created.body["name"], "imagenet");
    assert_eq!(created.body["block_type"], "dataset");
    assert_eq!(created.body["metadata"], json!({ "rows": 1.5, "a": [1, null] }));
    assert_eq!(created.body["version_number"], 1);
    assert_eq!(created.body["latest_version_number"], 1);
    let me = dan.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(created.body["created_by"], me.body["user_id"]);
    let location = created.header("location");
    assert_eq!(location, format!("/blocks/{}", created.id("block_id")));

    let read = dan.get(location).await.expect(StatusCode::OK);
    assert_eq!(read.body, created.body);
    assert_eq!(read.etag(), created.etag());
    let by_name = dan.get("/blocks/ImageNet").await.expect(StatusCode::OK);
    assert_eq!(by_name.body, created.body);
}

#[tokio::test]
async fn only_developers_and_admins_write_and_everybody_logged_in_reads() {
    let service = Service::start().await;
    let id = register(&service.developer().await, "b").await;
    let path = format!("/blocks/{id}");
    let vera = service.viewer().await;
    vera.get(&path).await.expect(StatusCode::OK);
    let new = json!({ "name": "c", "block_type": "model" });
    vera.post("/blocks", new.clone()).await.refused(StatusCode::FORBIDDEN, "forbidden");
    vera.patch(&path, json!({ "name": "c" })).await.refused(StatusCode::FORBIDDEN, "forbidden");
    vera.delete(&path).await.refused(StatusCode::FORBIDDEN, "forbidden");
    vera.post(&format!("{path}/versions/1/activate"), json!({}))
        .await
        .refused(StatusCode::FORBIDDEN, "forbidden");
    service.admin().await.post("/blocks", new).await.expect(StatusCode::CREATED);

    let nobody = service.nobody();
    for path in [path.as_str(), "/blocks", "/audit-logs"] {
        let refused = nobody.get(path).await.refused(StatusCode::UNAUTHORIZED, "unauthorized");
        assert!(refused.header("www-authenticate").starts_with("Bearer"));
    }
    nobody.post("/blocks", json!({})).await.refused(StatusCode::UNAUTHORIZED, "unauthorized");
}

#[tokio::test]
async fn a_bad_block_is_told_all_its_faults_at_once() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let body = json!({ "name": "", "block_type": "table", "description": 5, "metadata": [], "colour": "red" });
    let refused =
        dan.post("/blocks", body).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(
        refused.pointers(),
        ["/block_type", "/colour", "/description", "/metadata", "/name"]
    );

    let refused =
        dan.post("/blocks", json!({})).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(refused.pointers(), ["/block_type", "/name"]);

    let id = "0198aa00-0000-7000-8000-000000000000";
    for name in [id, "a\u{200b}b", "a\nb", &"x".repeat(201), "   "] {
        let refused = dan.post("/blocks", json!({ "name": name, "block_type": "model" })).await;
        assert_eq!(
            refused.expect(StatusCode::UNPROCESSABLE_ENTITY).pointers(),
            ["/name"],
            "{name:?}"
        );
    }
    for (key, value) in
        [("block_id", json!(id)), ("created_by", json!(id)), ("version_number", json!(7))]
    {
        let mut body = json!({ "name": "n", "block_type": "model" });
        body[key] = value;
        let refused = dan.post("/blocks", body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused.pointers(), [format!("/{key}")]);
    }
}

#[tokio::test]
async fn a_name_is_unique_without_regard_to_case_and_composition() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "Caf\u{e9}").await;
    for name in ["caf\u{e9}", "CAF\u{c9}", "cafe\u{301}", " Café "] {
        let body = json!({ "name": name, "block_type": "model" });
        dan.post("/blocks", body).await.refused(StatusCode::CONFLICT, "name_taken");
    }
    let other = register(&dan, "tea").await;
    dan.patch(&format!("/blocks/{other}"), json!({ "name": "CAFÉ" }))
        .await
        .refused(StatusCode::CONFLICT, "name_taken");
}

#[tokio::test]
async fn a_name_with_a_slash_or_a_space_is_found_when_it_is_escaped() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let id = register(&dan, "meta/llama 3 + ü%").await;
    let found = dan.get("/blocks/meta%2Fllama%203%20+%20%C3%BC%25").await.expect(StatusCode::OK);
    assert_eq!(found.id("block_id"), id);
    dan.get("/blocks/meta%2Fllama%203%20+%20%C3%BC%25/versions").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let service = Service::start().await;
    let dan = service.developer().await;
    for block in
        ["0198aa00-0000-7000-8000-000000000000", "nothing", "%00", "%FF", "a%0Ab", "..%2F..", "'"]
    {
        let path = format!("/blocks/{block}");
        let refused = dan.get(&path).await.refused(StatusCode::NOT_FOUND, "not_found");
        if !block.starts_with('%') && !block.contains("%0A") {
            assert_eq!(refused.body["detail"], "Block not found", "{block}");
        }
        dan.patch(&path, json!({ "name": "x" })).await.refused(StatusCode::NOT_FOUND, "not_found");
        dan.delete(&path).await.refused(StatusCode::NOT_FOUND, "not_found");
        dan.get(&format!("{path}/versions")).await.refused(StatusCode::NOT_FOUND, "not_found");
        dan.get(&format!("{path}/versions/1")).await.refused(StatusCode::NOT_FOUND, "not_found");
        dan.get(&format!("{path}/diff?from=1")).await.refused(StatusCode::NOT_FOUND, "not_found");
        dan.post(&format!("{path}/restore"), json!({}))
            .await
            .refused(StatusCode::NOT_FOUND, "not_found");
    }
}

#[tokio::test]
async fn a_tag_spares_the_body_and_guards_the_change() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let path = format!("/blocks/{}", register(&dan, "b").await);
    let read = dan.get(&path).await.expect(StatusCode::OK);

    for tags in [read.etag().to_owned(), format!("\"x\", W/{}", read.etag()), "*".to_owned()] {
        let known = dan.request(Method::GET, &path).header("If-None-Match", &tags).send().await;
        let known = known.expect(StatusCode::NOT_MODIFIED);
        assert!(known.text.is_empty());
        assert_eq!(known.etag(), read.etag());
    }

    let changed = dan
        .request(Method::PATCH, &path)
        .header("If-Match", read.etag())
        .json(json!({ "description": "x" }))
        .send()
        .await;
    let changed = changed.expect(StatusCode::OK);
    assert_ne!(changed.etag(), read.etag());
    for (method, below) in [
        (Method::PATCH, ""),
        (Method::DELETE, ""),
        (Method::POST, "/versions/1/activate"),
        (Method::POST, "/restore"),
    ] {
        let stale = dan
            .request(method, &format!("{path}{below}"))
            .header("If-Match", read.etag())
            .json(json!({}))
            .send()
            .await;
        stale.refused(StatusCode::PRECONDITION_FAILED, "stale");
    }
    let weak = format!("W/{}", changed.etag());
    let stale =
        dan.request(Method::PATCH, &path).header("If-Match", weak).json(json!({})).send().await;
    stale.refused(StatusCode::PRECONDITION_FAILED, "stale");
    let garbage = dan
        .request(Method::PATCH, &path)
        .header("If-Match", "garbage")
        .json(json!({}))
        .send()
        .await;
    garbage.refused(StatusCode::BAD_REQUEST, "malformed");
    let any = dan
        .request(Method::PATCH, &path)
        .header("If-Match", "*")
        .json(json!({ "description": null }))
        .send()
        .await;
    assert_eq!(any.expect(StatusCode::OK).body["version_number"], 3);

    // With what is included the tag tells of that too.
    let shown = dan.get(&format!("{path}?include=versions")).await.expect(StatusCode::OK);
    dan.patch(&path, json!({ "description": "y" })).await.expect(StatusCode::OK);
    let again = dan
        .request(Method::GET, &format!("{path}?include=versions"))
        .header("If-None-Match", shown.etag())
        .send()
        .await;
    again.expect(StatusCode::OK);
}

#[tokio::test]
async fn archiving_hides_frees_the_name_and_can_be_undone() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let id = register(&dan, "b").await;
    let path = format!("/blocks/{id}");
    service.colleague().await.delete(&path).await.refused(StatusCode::FORBIDDEN, "forbidden");
    dan.delete("/blocks/b").await.expect(StatusCode::NO_CONTENT);

    for person in [dan.clone(), service.admin().await, service.viewer().await] {
        person.get(&path).await.refused(StatusCode::NOT_FOUND, "not_found");
        assert!(person.get("/blocks").await.expect(StatusCode::OK).items("name").is_empty());
        person
            .patch(&path, json!({ "description": "x" }))
            .await
            .refused(StatusCode::NOT_FOUND, "not_found");
        person.delete(&path).await.refused(StatusCode::NOT_FOUND, "not_found");
    }
    assert_eq!(dan.get("/blocks?archived=true").await.expect(StatusCode::OK).items("name"), ["b"]);
    assert!(service.viewer().await.get("/blocks?archived=true").await.items("name").is_empty());

    let second = register(&dan, "B").await;
    dan.post(&format!("{path}/restore"), json!({}))
        .await
        .refused(StatusCode::CONFLICT, "name_taken");
    dan.delete(&format!("/blocks/{second}")).await.expect(StatusCode::NO_CONTENT);
    service
        .colleague()
        .await
        .post(&format!("{path}/restore"), json!({}))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");
    let restored =
        dan.request(Method::POST, &format!("{path}/restore")).send().await.expect(StatusCode::OK);
    assert_eq!(restored.body["archived_at"], json!(null));
    let read = dan.get(&path).await.expect(StatusCode::OK);
    assert_eq!(read.etag(), restored.etag());
    assert_eq!(read.body["version_number"], 1);
}

#[tokio::test]
async fn purging_is_for_admins_and_the_audit_trail_outlives_it() {
    let service = Service::start().await;
    let (dan, ada) = (service.developer().await, service.admin().await);
    let id = register(&dan, "b").await;
    let path = format!("/blocks/{id}");
    dan.delete(&format!("{path}?purge=true")).await.refused(StatusCode::FORBIDDEN, "forbidden");
    dan.delete(&path).await.expect(StatusCode::NO_CONTENT);
    ada.delete(&format!("{path}?purge=true")).await.expect(StatusCode::NO_CONTENT);
    ada.delete(&format!("{path}?purge=true")).await.refused(StatusCode::NOT_FOUND, "not_found");
    ada.post(&format!("{path}/restore"), json!({}))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");
    let history = ada.get(&format!("{path}/history")).await.expect(StatusCode::OK);
    let actions: Vec<_> =
        history.items("action_type").into_iter().zip(history.items("entity_type")).collect();
    assert_eq!(actions[0], (json!("DELETE"), json!("block")));
    assert!(actions.contains(&(json!("CREATE"), json!("metadata"))));
}

#[tokio::test]
async fn a_list_is_filtered_sorted_and_paged() {
    let service = Service::start().await;
    let dan = service.developer().await;
    for (name, kind, description) in [
        ("Zebra", "dataset", "stripes of animals"),
        ("apple", "model", "a running model for fruit"),
        ("Mango", "model", "tropical fruit"),
        ("banana", "dataset", "yellow"),
        ("cherry_tree-v2", "model", "red"),
    ] {
        let body = json!({ "name": name, "block_type": kind, "description": description });
        dan.post("/blocks", body).await.expect(StatusCode::CREATED);
    }
    let names = async |query: &str| {
        dan.get(&format!("/blocks?{query}")).await.expect(StatusCode::OK).items("name")
    };
    assert_eq!(names("").await, ["cherry_tree-v2", "banana", "Mango", "apple", "Zebra"]);
    assert_eq!(
        names("sort=created_at").await,
        ["Zebra", "apple", "Mango", "banana", "cherry_tree-v2"]
    );
    assert_eq!(names("sort=name").await, ["apple", "banana", "cherry_tree-v2", "Mango", "Zebra"]);
    assert_eq!(names("sort=-name&block_type=model").await, ["Mango", "cherry_tree-v2", "apple"]);
    dan.patch("/blocks/zebra", json!({ "description": "black and white" }))
        .await
        .expect(StatusCode::OK);
    assert_eq!(names("sort=-updated_at&limit=1").await, ["Zebra"]);
    assert_eq!(names("sort=updated_at&limit=1").await, ["apple"]);
    assert_eq!(names("name=BANANA").await, ["banana"]);
    assert_eq!(names("name=ban").await, [json!(null); 0]);
    assert_eq!(names("q=fruits").await, ["Mango", "apple"]);
    assert_eq!(names("q=cherry").await, ["cherry_tree-v2"]);
    assert_eq!(names("q=fruit+-tropical").await, ["apple"]);
    assert_eq!(names("q=%22%3A%26").await, [json!(null); 0]);
    assert_eq!(
        names("created_after=2020-01-01&created_before=2020-01-02T00:00:00%2B02:00").await,
        [json!(null); 0]
    );
    assert_eq!(names("created_after=2020-01-01").await.len(), 5);

    for sort in ["name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"] {
        let whole = names(&format!("sort={sort}")).await;
        let mut paged = Vec::new();
        let mut next = format!("/blocks?sort={sort}&limit=2");
        loop {
            let page = dan.get(&next).await.expect(StatusCode::OK);
            paged.extend(page.items("name"));
            match page.body["next_cursor"].as_str() {
                Some(cursor) => {
                    let link = page.header("link");
                    assert!(link.ends_with("; rel=\"next\"") && link.contains(cursor), "{link}");
                    link[1..link.find('>').expect("a link")].clone_into(&mut next);
                }
                None => break,
            }
        }
        assert_eq!(paged, whole, "{sort}");
    }
    let cursor = dan.get("/blocks?sort=name&limit=1").await.id("next_cursor");
    let refused = dan
        .get(&format!("/blocks?sort=-name&cursor={cursor}"))
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.pointers(), ["cursor"]);
    let refused = dan.get("/blocks?limit=0&sort=size&block_type=x&cursor=%%&colour=red&limit=2&include=all&archived=maybe&created_after=now").await;
    let refused = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        refused.pointers(),
        [
            "archived",
            "block_type",
            "colour",
            "created_after",
            "cursor",
            "include",
            "limit",
            "limit",
            "sort"
        ]
    );
}

#[tokio::test]
async fn children_are_embedded_in_one_read() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let id = register(&dan, "b").await;
    dan.patch("/blocks/b", json!({ "metadata": { "rows": 2 } })).await.expect(StatusCode::OK);
    let mut owner = service.database.connect().await;
    sqlx::raw_sql(
        "insert into taxonomy_categories (name) values ('vision'), ('text');
         insert into block_taxonomies (block_id, category_id)
         select b.block_id, c.category_id from blocks b, taxonomy_categories c where c.name = 'vision'",
    )
    .execute(&mut owner)
    .await
    .expect("a category");
    let plain = dan.get(&format!("/blocks/{id}")).await.expect(StatusCode::OK);
    assert!(plain.body.get("versions").is_none() && plain.body.get("categories").is_none());
    for path in [
        format!("/blocks/{id}?include=versions,categories"),
        "/blocks?include=categories,versions".to_owned(),
    ] {
        let answer = dan.get(&path).await.expect(StatusCode::OK);
        let block = answer.body.get("items").map_or(&answer.body, |items| &items[0]);
        let versions = block["versions"].as_array().expect("versions");
        assert_eq!(versions.iter().map(|v| &v["version_number"]).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(versions[0]["metadata"], json!({ "rows": 2 }));
        assert_eq!(versions[0]["is_active"], true);
        assert_eq!(block["categories"][0]["name"], "vision");
    }
    for (query, found) in [("category=VISION", 1), ("category=text", 0), ("category=nothing", 0)] {
        assert_eq!(
            dan.get(&format!("/blocks?{query}")).await.items("name").len(),
            found,
            "{query}"
        );
    }
    let answer = dan.get("/blocks?include=categories").await;
    let category =
        answer.body["items"][0]["categories"][0]["category_id"].as_str().expect("an id").to_owned();
    assert_eq!(dan.get(&format!("/blocks?category={category}")).await.items("name"), ["b"]);
}

#[tokio::test]
async fn a_page_ends_before_it_grows_too_large() {
    let service = Service::start().await;
    let (dan, ada) = (service.developer().await, service.admin().await);
    let fill = "insert into blocks (name, block_type, metadata)
        select 'b' || n, 'model', jsonb_build_object('text', repeat('é', 250000)) from generate_series(11, 50) n";
    let mut owner = service.database.connect().await;
    sqlx::raw_sql(fill).execute(&mut owner).await.unwrap();
    for (path, person, count) in [
        ("/blocks?limit=200&sort=name", &dan, 40),
        ("/blocks?limit=200", &dan, 40),
        ("/audit-logs?limit=200&action_type=CREATE&entity_type=metadata", &ada, 40),
    ] {
        let (mut next, mut found, mut pages) = (path.to_owned(), Vec::new(), 0);
        loop {
            let page = person.get(&next).await.expect(StatusCode::OK);
            assert!(page.text.len() < 9 << 20, "{path}: {}", page.text.len());
            let items = page.body["items"].as_array().unwrap();
            assert!(!items.is_empty());
            found.extend(
                items.iter().map(|item| item["name"].to_string() + &item["log_id"].to_string()),
            );
            pages += 1;
            let Some(cursor) = page.body["next_cursor"].as_str() else { break };
            next = format!("{path}&cursor={cursor}");
        }
        assert!(pages >= 3, "{path}: {pages}");
        found.sort();
        found.dedup();
        assert_eq!(found.len(), count, "{path}");
    }
    // A read that is recorded is recorded also when its page ends early.
    let reads = ada.get("/audit-logs?action_type=READ&entity_type=audit_log").await;
    assert!(reads.body["items"].as_array().unwrap().len() >= 3);

    let versions = "update blocks set metadata = metadata || jsonb_build_object('n', ";
    for n in 0..12 {
        let change = format!("{versions}{n}) where name = 'b11'");
        sqlx::raw_sql(AssertSqlSafe(change)).execute(&mut owner).await.unwrap();
    }
    let block = dan.get("/blocks/b11?include=versions").await.expect(StatusCode::OK);
    let versions = block.body["versions"].as_array().unwrap();
    assert_eq!((versions.len(), &versions[0]["version_number"]), (8, &json!(13)));
}
