//! Search: words, filters, vectors, and who sees what is found.

use reqwest::StatusCode;
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use crate::pipelines::{edge, verify};
use crate::service::{Answer, Person, Service};
use crate::taxonomy::category;

async fn block(person: &Person<'_>, name: &str, kind: &str, description: &str, metadata: Value) {
    let body = json!({ "name": name, "block_type": kind, "description": description, "metadata": metadata });
    person.post("/blocks", body).await.expect(StatusCode::CREATED);
}

/// Six blocks, an edge, a pipeline and two categories.
async fn registry(service: &Service) {
    let dan = service.developer().await;
    for (name, kind, description, metadata) in [
        (
            "imagenet-1k",
            "dataset",
            "Labelled photographs",
            json!({"rows": 1281167, "license": "research", "tags": ["vision", "large"]}),
        ),
        (
            "resnet-50",
            "model",
            "Classifies photographs of imagenet-1k",
            json!({"accuracy": 0.76, "license": "mit", "train": {"epochs": 90, "framework": "pytorch"}}),
        ),
        (
            "ChurnForest",
            "model",
            "Says who leaves",
            json!({"accuracy": 0.91, "license": "apache-2.0", "files": ["s3://models/churn.onnx"]}),
        ),
        (
            "customers",
            "dataset",
            "Who bought what; churn is marked",
            json!({"rows": 20000, "license": "mit"}),
        ),
        (
            "bert-base",
            "model",
            "Encodes text",
            json!({"accuracy": 0.82, "note": "100% (of [x]) \"quoted\" a.*b"}),
        ),
        ("old-model", "model", "Photographs, long ago", json!({"accuracy": 0.5})),
    ] {
        block(&dan, name, kind, description, metadata).await;
    }
    dan.delete("/blocks/old-model").await.expect(StatusCode::NO_CONTENT);
    edge(service, "train-churn").await;
    dan.patch(
        "/edges/train-churn",
        json!({ "description": "Trains the forest on customers", "metadata": {"epochs": 3} }),
    )
    .await
    .expect(StatusCode::OK);
    dan.post("/pipelines", json!({ "name": "churn weekly", "description": "Scores customers",
        "blocks": [{"block_id": "customers"}, {"block_id": "ChurnForest"}],
        "edges": [{"edge_id": "train-churn", "source_block_id": "customers", "target_block_id": "ChurnForest"}] }))
        .await
        .expect(StatusCode::CREATED);
    category(&dan, "vision", None).await;
    category(&dan, "photographs", Some("vision")).await;
    dan.put("/blocks/imagenet-1k/categories/photographs", json!({})).await;
    dan.put("/blocks/resnet-50/categories/vision", json!({})).await;
}

fn with(path: &str, value: &str) -> String {
    path.chars().chain(byte_serialize(value.as_bytes()).flat_map(str::chars)).collect()
}

fn names(answer: &Answer) -> Vec<&str> {
    answer.body["hits"]
        .as_array()
        .expect("hits")
        .iter()
        .map(|hit| hit["name"].as_str().expect("a name"))
        .collect()
}

async fn found(person: &Person<'_>, body: Value) -> Answer {
    person.post("/search", body).await.expect(StatusCode::OK)
}

#[tokio::test]
async fn words_find_names_descriptions_and_metadata() {
    let service = Service::start().await;
    registry(&service).await;
    let vera = service.viewer().await;
    for (words, wanted) in [
        // An exact name comes first, whatever else has its words.
        ("imagenet-1k", vec!["imagenet-1k", "resnet-50"]),
        ("IMAGENET-1K", vec!["imagenet-1k", "resnet-50"]),
        // Names split where people split them; the last word need not be ended.
        ("forest", vec!["ChurnForest", "train-churn"]),
        ("photogr", vec!["imagenet-1k", "resnet-50"]),
        ("resnet 5", vec!["resnet-50"]),
        // Keys and values of metadata, also within lists and addresses.
        ("pytorch", vec!["resnet-50"]),
        ("onnx", vec!["ChurnForest"]),
        ("1281167", vec!["imagenet-1k"]),
        // Phrases, or, without.
        ("\"labelled photographs\"", vec!["imagenet-1k"]),
        ("photographs -labelled", vec!["resnet-50"]),
        ("pytorch or onnx", vec!["ChurnForest", "resnet-50"]),
        // Words of two fields.
        ("resnet mit", vec!["resnet-50"]),
        ("nothing like that", vec![]),
        ("- or \"\"", vec![]),
        ("", vec![]),
        ("🚀 ؟שלום", vec![]),
        // Nothing in it is a pattern; `a` is everywhere, and so is looked for in no text.
        ("a.*b|(", vec!["bert-base", "customers"]),
    ] {
        let answer = vera.get(&with("/search?q=", words)).await.expect(StatusCode::OK);
        let mut have = names(&answer);
        if have.first().is_some_and(|first| !first.eq_ignore_ascii_case(words)) {
            have.sort_unstable();
        }
        assert_eq!(have, wanted, "{words}");
        assert_eq!(found(&vera, json!({ "text": words })).await.body["hits"], answer.body["hits"]);
        assert_eq!(answer.body["total"], wanted.len(), "{words}");
        assert_eq!(answer.body["is_complete"], true);
    }
}

#[tokio::test]
async fn an_answer_says_why_and_counts() {
    let service = Service::start().await;
    registry(&service).await;
    verify(&service, "train-churn", "passed").await;
    let vera = service.viewer().await;
    let answer = found(
        &vera,
        json!({ "text": "churn", "explain": true,
        "facets": ["kind", "block_type", "category", "verified", "pipeline"] }),
    )
    .await;
    assert_eq!(answer.body["total"], 4);
    assert_eq!(
        answer.body["facets"],
        json!({
            "kind": [{"value": "block", "count": 2}, {"value": "edge", "count": 1}, {"value": "pipeline", "count": 1}],
            "block_type": [{"value": "dataset", "count": 1}, {"value": "model", "count": 1}],
            "category": [],
            "verified": [{"value": "true", "count": 1}],
            "pipeline": [{"value": "churn weekly", "count": 3, "id": answer.body["facets"]["pipeline"][0]["id"]}]
        })
    );
    let hits = answer.body["hits"].as_array().expect("hits");
    let hit = |name: &str| hits.iter().find(|hit| hit["name"] == name).expect("a hit");
    assert_eq!(hit("customers")["snippet"], "Who bought what; **churn** is marked");
    assert_eq!(hit("customers")["explain"], json!([{"field": "description", "words": ["churn"]}]));
    assert_eq!(hit("customers")["matched_by"][0]["mode"], "words");
    assert_eq!(hit("ChurnForest")["explain"][0]["field"], "name");
    assert_eq!(hit("ChurnForest")["explain"][1], json!({"field": "metadata", "words": ["churn"]}));
    assert_eq!(hit("train-churn")["verification_status"], "passed");
    assert_eq!(hit("ChurnForest")["version_number"], 1);

    // By its id, and exactly; of one kind only.
    let id = hit("customers")["id"].as_str().expect("an id");
    let by_id = vera.get(&format!("/search?q={id}")).await.expect(StatusCode::OK);
    assert_eq!(names(&by_id), ["customers"]);
    assert_eq!(by_id.body["hits"][0]["matched_by"][0]["mode"], "exact");
    assert_eq!(names(&vera.get("/search?q=churn&kind=pipeline,edge&limit=1").await).len(), 1);
    let edges = vera.get("/search?q=churn&kind=edge").await;
    assert_eq!(names(&edges), ["train-churn"]);

    // What is mistyped is mended when nothing has it, and only then.
    let mended = vera.get("/search?q=chrun").await.expect(StatusCode::OK);
    assert_eq!(mended.body["spelling"], "churn");
    assert_eq!(mended.body["total"], 4);
    assert_eq!(mended.body["hits"][0]["matched_by"][0]["mode"], "spelling");
    assert_eq!(answer.body.get("spelling"), None);
    assert_eq!(vera.get("/search?q=zzzzzz").await.body.get("spelling"), None);
    // Without words, all, the newest first.
    assert_eq!(
        names(&vera.get("/search?kind=block").await),
        ["bert-base", "customers", "ChurnForest", "resnet-50", "imagenet-1k"]
    );
}

#[tokio::test]
async fn a_filter_is_the_same_in_json_in_short_and_in_lists() {
    let service = Service::start().await;
    registry(&service).await;
    verify(&service, "train-churn", "passed").await;
    let dan = service.developer().await;
    dan.put("/blocks/customers/aliases/gold", json!({ "version": "1" }))
        .await
        .expect(StatusCode::CREATED);
    for (short, filter, wanted) in [
        (
            "metadata/license=mit",
            json!({"metadata": {"/license": "mit"}}),
            vec!["customers", "resnet-50"],
        ),
        (
            "metadata/accuracy>=0.82",
            json!({"metadata": {"/accuracy": {"gte": 0.82}}}),
            vec!["ChurnForest", "bert-base"],
        ),
        (
            "metadata/accuracy>0.82 and metadata/accuracy<1",
            json!({"metadata": {"/accuracy": {"gt": 0.82, "lt": 1}}}),
            vec!["ChurnForest"],
        ),
        (
            "metadata/accuracy<=0.76",
            json!({"metadata": {"/accuracy": {"lte": 0.76}}}),
            vec!["resnet-50"],
        ),
        (
            "metadata/license in (mit, \"apache-2.0\")",
            json!({"metadata": {"/license": {"in": ["mit", "apache-2.0"]}}}),
            vec!["ChurnForest", "customers", "resnet-50"],
        ),
        // Not equal, or not there at all.
        (
            "metadata/license!=mit and metadata/accuracy exists",
            json!({"metadata": {"/license": {"ne": "mit"}, "/accuracy": {"exists": true}}}),
            vec!["ChurnForest", "bert-base"],
        ),
        (
            "metadata/rows missing and block_type=model",
            json!({"block_type": "model", "metadata": {"/rows": {"exists": false}}}),
            vec!["ChurnForest", "bert-base", "resnet-50"],
        ),
        // Within, in lists, at a place in a list, as it stands.
        ("metadata/train/epochs=90", json!({"metadata": {"/train/epochs": 90}}), vec!["resnet-50"]),
        ("metadata/tags=vision", json!({"metadata": {"/tags": "vision"}}), vec!["imagenet-1k"]),
        ("metadata/tags/1=large", json!({"metadata": {"/tags/1": "large"}}), vec!["imagenet-1k"]),
        ("metadata/tags/0=large", json!({"metadata": {"/tags/0": "large"}}), vec![]),
        ("metadata/license/0=mit", json!({"metadata": {"/license/0": "mit"}}), vec![]),
        (
            "metadata/files*=CHURN.",
            json!({"metadata": {"/files": {"contains": "CHURN."}}}),
            vec!["ChurnForest"],
        ),
        (
            "metadata/note*=\"(of [x]) \\\"quoted\\\" a.*b\"",
            json!({"metadata": {"/note": {"contains": "(of [x]) \"quoted\" a.*b"}}}),
            vec!["bert-base"],
        ),
        ("metadata/note*=\"a.b\"", json!({"metadata": {"/note": {"contains": "a.b"}}}), vec![]),
        (
            "category=vision and recursive=true",
            json!({"taxonomy": {"all": ["vision"], "recursive": true}}),
            vec!["imagenet-1k", "resnet-50"],
        ),
        ("category=vision", json!({"taxonomy": {"all": ["vision"]}}), vec!["resnet-50"]),
        (
            "category in (vision, photographs) and category!=photographs",
            json!({"taxonomy": {"any": ["vision", "photographs"], "none": ["photographs"]}}),
            vec!["resnet-50"],
        ),
        (
            "category!=vision and metadata/license=mit",
            json!({"taxonomy": {"none": ["vision"]}, "metadata": {"/license": "mit"}}),
            vec!["customers"],
        ),
        (
            "used_by=\"churn weekly\" and block_type=model",
            json!({"used_by": "churn weekly", "block_type": "model"}),
            vec!["ChurnForest"],
        ),
        ("alias=gold", json!({"alias": "gold"}), vec!["customers"]),
        (
            "author=dan and block_type=dataset",
            json!({"author": "dan", "block_type": "dataset"}),
            vec!["customers", "imagenet-1k"],
        ),
        ("author=vera", json!({"author": "vera"}), vec![]),
        ("created<2020-01-01", json!({"created_before": "2020-01-01"}), vec![]),
        (
            "updated>=2020-01-01 and metadata/rows=20000",
            json!({"updated_after": "2020-01-01", "metadata": {"/rows": 20000}}),
            vec!["customers"],
        ),
        ("metadata/accuracy=null", json!({"metadata": {"/accuracy": {"eq": null}}}), vec![]),
    ] {
        let mut answers = [
            found(&dan, json!({ "where": filter, "kinds": ["block"] })).await,
            dan.get(&with("/search?kind=block&where=", short)).await.expect(StatusCode::OK),
        ]
        .iter()
        .map(|answer| names(answer).into_iter().map(str::to_owned).collect::<Vec<_>>())
        .collect::<Vec<_>>();
        let list = dan.get(&with("/blocks?where=", short)).await.expect(StatusCode::OK);
        answers.push(
            list.items("name")
                .iter()
                .map(|name| name.as_str().expect("a name").to_owned())
                .collect(),
        );
        for mut have in answers {
            have.sort_unstable();
            assert_eq!(have, wanted, "{short}");
        }
    }
    // All, any and none.
    let answer = found(&dan, json!({ "where": { "metadata": {
        "any": [{"/license": "mit"}, {"/accuracy": {"gt": 0.9}}], "none": [{"/rows": {"exists": true}}] } } }))
    .await;
    let mut have = names(&answer);
    have.sort_unstable();
    assert_eq!(have, ["ChurnForest", "resnet-50"]);
    // Words and a filter; edges by what only they have; pipelines have no metadata.
    let answer =
        found(&dan, json!({ "text": "photographs", "where": {"metadata": {"/license": "mit"}} }))
            .await;
    assert_eq!(names(&answer), ["resnet-50"]);
    for path in [
        "/edges?where=verified=true",
        "/edges?where=metadata/epochs=3",
        "/edges?where=metadata/epochs<4",
    ] {
        assert_eq!(
            dan.get(path).await.expect(StatusCode::OK).items("name"),
            ["train-churn"],
            "{path}"
        );
    }
    assert!(dan.get("/edges?where=verified=false").await.items("name").is_empty());
    assert_eq!(dan.get("/pipelines?where=author=dan").await.items("name"), ["churn weekly"]);
    assert!(dan.get("/pipelines?where=metadata/epochs<4").await.items("name").is_empty());
    dan.get("/blocks?archived=true&where=alias=gold")
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
}

#[tokio::test]
async fn nobody_finds_what_they_may_not_see() {
    let service = Service::start().await;
    registry(&service).await;
    let dan = service.developer().await;
    // Archived, by the one who archived it and by an admin, who see it elsewhere.
    for person in [&dan, &service.admin().await, &service.viewer().await] {
        assert!(names(&found(person, json!({ "text": "old-model" })).await).is_empty());
        let counts = found(
            person,
            json!({ "where": {"metadata": {"/accuracy": {"lte": 0.5}}}, "facets": ["kind"] }),
        )
        .await;
        assert_eq!(
            (&counts.body["total"], &counts.body["facets"]["kind"]),
            (&json!(0), &json!([]))
        );
    }
    service.nobody().get("/search?q=churn").await.refused(StatusCode::UNAUTHORIZED, "unauthorized");
    service
        .nobody()
        .post("/search", json!({ "text": "churn" }))
        .await
        .refused(StatusCode::UNAUTHORIZED, "unauthorized");
    let key = dan
        .post("/api-keys", json!({ "name": "ci", "role": "viewer" }))
        .await
        .expect(StatusCode::CREATED);
    let key = service.with_key(key.body["key"].as_str().expect("a key"));
    assert_eq!(found(&key, json!({ "text": "churn" })).await.body["total"], 4);
    // The functions that look past the policies are the service's alone.
    let mut person = service.by_sql("dan").await;
    for call in [
        "app.find_matching('block', '{}')",
        "app.matching('{block}', '{}', null, null, 1)",
        "app.find('{block}', '{}', 'churn', null, null, false, 1, '{}')",
        "app.facets('{}', '{}')",
    ] {
        assert!(person.run(&format!("select * from {call}")).await.is_err(), "{call}");
    }
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_refused() {
    let service = Service::start().await;
    let vera = service.viewer().await;
    let long = "word ".repeat(10_000);
    let deep = (0..20).fold(json!({"/a": 1}), |inner, _| json!({ "all": [inner] }));
    let many = (0..101).map(|at| (format!("/m{at}"), json!(1))).collect::<serde_json::Map<_, _>>();
    let ninety = |at: usize| {
        (0..90)
            .map(|place| (format!("/m{at}-{place}"), json!(1)))
            .collect::<serde_json::Map<_, _>>()
    };
    for (body, pointer) in [
        (json!({ "text": long }), "/text"),
        (json!({ "text": "a\u{0}b" }), "/text"),
        (json!({ "kinds": [] }), "/kinds"),
        (json!({ "kinds": ["user"] }), "/kinds/0"),
        (json!({ "facets": ["name"] }), "/facets/0"),
        (json!({ "limit": 201 }), "/limit"),
        (json!({ "limit": 0 }), "/limit"),
        (json!({ "where": [] }), "/where"),
        (json!({ "where": {"name": "a"} }), "/where/name"),
        (json!({ "where": {"metadata": {}} }), "/where/metadata"),
        (json!({ "where": {"metadata": {"accuracy": 1}} }), "/where/metadata/accuracy"),
        (json!({ "where": {"metadata": {"/a~2": 1}} }), "/where/metadata/~1a~02"),
        (json!({ "where": {"metadata": {"/a": {"like": 1}}} }), "/where/metadata/~1a/like"),
        (json!({ "where": {"metadata": {"/a": [1]}} }), "/where/metadata/~1a"),
        (json!({ "where": {"metadata": {"/a": {"gt": true}}} }), "/where/metadata/~1a/gt"),
        (json!({ "where": {"metadata": {"/a": {"in": []}}} }), "/where/metadata/~1a/in"),
        (
            json!({ "where": {"metadata": {"/a": {"contains": ""}}} }),
            "/where/metadata/~1a/contains",
        ),
        (json!({ "where": {"metadata": {"/1/2/3/4": 1}} }), "/where/metadata/~11~12~13~14"),
        (json!({ "where": {"metadata": {"any": []}} }), "/where/metadata/any"),
        (json!({ "where": {"metadata": {"any": [1]}} }), "/where/metadata/any/0"),
        (json!({ "where": {"metadata": many} }), "/where/metadata"),
        (json!({ "where": {"metadata": {"all": [ninety(1), ninety(2)]}} }), "/where/metadata"),
        (json!({ "where": {"alias": "latest"} }), "/where/alias"),
        (json!({ "where": {"taxonomy": {}} }), "/where/taxonomy"),
        (json!({ "vector": {"values": [1]} }), "/vector/model"),
        (json!({ "vector": {"model": "none", "values": [1]} }), "/vector/model"),
    ] {
        let refused = vera
            .post("/search", body.clone())
            .await
            .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(refused.pointers(), [pointer], "{body}");
    }
    let refused = vera.post("/search", json!({ "where": {"metadata": deep} })).await;
    assert!(
        refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid").pointers()[0]
            .starts_with("/where/metadata/all/0")
    );
    for short in [
        "",
        "metadata",
        "metadata/a",
        "metadata/a=",
        "metadata/a=1 or metadata/b=2",
        "metadata/a=1 and",
        "name=x",
        "block_type=x",
        "block_type!=model",
        "metadata/a in 1",
        "metadata/a in (1",
        "metadata/a=\"x",
        "metadata/~=1",
        "recursive=true",
        "verified=maybe",
        "alias=a and alias=b",
        "created=2020-01-01",
        "used_by exists",
        "'; drop table blocks --",
    ] {
        for path in ["/search?where=", "/blocks?where=", "/edges?where=", "/pipelines?where="] {
            let refused = vera
                .get(&with(path, short))
                .await
                .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
            assert_eq!(refused.pointers(), ["where"], "{short}");
        }
    }
    vera.get(&with("/search?where=", &"x".repeat(2001)))
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    vera.get(&with("/search?q=", &"x".repeat(1001)))
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
}

/// Three models of three dimensions, and which blocks and edges have which vector.
async fn embedded(service: &Service) {
    registry(service).await;
    let dan = service.developer().await;
    for (name, distance) in [("cos", "cosine"), ("euclid", "l2"), ("dot", "inner_product")] {
        dan.post(
            "/embedding-models",
            json!({ "name": name, "dimensions": 3, "distance": distance }),
        )
        .await
        .expect(StatusCode::CREATED);
        for (path, values) in [
            ("/blocks/imagenet-1k", [1.0, 0.0, 0.0]),
            ("/blocks/resnet-50", [2.0, 1.0, 0.0]),
            ("/blocks/customers", [0.0, 0.0, 1.0]),
            ("/edges/train-churn", [0.0, 1.0, 4.0]),
        ] {
            dan.put(&format!("{path}/embeddings/{name}"), json!({ "values": values }))
                .await
                .expect(StatusCode::CREATED);
        }
    }
}

#[tokio::test]
async fn vectors_find_what_is_near_by_the_distance_of_their_model() {
    let service = Service::start().await;
    embedded(&service).await;
    let dan = service.developer().await;
    let near = async |model: &str| {
        found(&dan, json!({ "vector": {"model": model, "values": [1, 0.1, 0]} })).await
    };
    for (model, wanted, distance) in [
        (
            "cos",
            ["imagenet-1k", "resnet-50", "train-churn", "customers"],
            1.0 - 1.0 / 1.01_f64.sqrt(),
        ),
        ("euclid", ["imagenet-1k", "customers", "resnet-50", "train-churn"], 0.1),
        ("dot", ["resnet-50", "imagenet-1k", "train-churn", "customers"], -2.1),
    ] {
        let answer = near(model).await;
        let mut have = names(&answer);
        if model == "euclid" {
            have.swap(1, 2);
        }
        assert_eq!(have, wanted, "{model}");
        let first = &answer.body["hits"][0]["matched_by"][0];
        assert!(
            (first["distance"].as_f64().expect("a distance") - distance).abs() < 1e-6,
            "{first}"
        );
        assert_eq!(
            (&first["mode"], &first["stale"], &answer.body["exact"]),
            (&json!("vector"), &json!(false), &json!(true))
        );
    }
    // With a filter, by kind, with words.
    let body = |more: Value| {
        let mut body = json!({ "vector": {"model": "cos", "values": [1, 0.1, 0]} });
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        body
    };
    assert_eq!(names(&found(&dan, body(json!({ "kinds": ["edge"] }))).await), ["train-churn"]);
    assert_eq!(
        names(&found(&dan, body(json!({ "where": {"metadata": {"/license": "mit"}} }))).await),
        ["resnet-50", "customers"]
    );
    assert!(names(&found(&dan, body(json!({ "kinds": ["pipeline"] }))).await).is_empty());
    let both = found(&dan, body(json!({ "text": "photographs" }))).await;
    assert_eq!(names(&both)[..2], ["imagenet-1k", "resnet-50"]);
    let modes: Vec<_> = both.body["hits"][0]["matched_by"]
        .as_array()
        .expect("matches")
        .iter()
        .map(|m| &m["mode"])
        .collect();
    assert_eq!(modes, ["words", "vector"]);

    // Stale once the text is another one; found all the same, unless only fresh ones are wanted.
    dan.patch("/blocks/imagenet-1k", json!({ "description": "Something else" }))
        .await
        .expect(StatusCode::OK);
    let answer = near("cos").await;
    assert_eq!(names(&answer)[0], "imagenet-1k");
    assert_eq!(answer.body["hits"][0]["matched_by"][0]["stale"], true);
    assert_eq!(names(&found(&dan, body(json!({ "fresh": true }))).await)[0], "resnet-50");
    let work = dan.get("/embeddings?stale=true&model=cos").await.expect(StatusCode::OK);
    assert_eq!(work.items("model"), ["cos"]);
    let text = dan.get("/blocks/imagenet-1k/embedding-text").await.expect(StatusCode::OK);
    assert!(
        text.body["text"].as_str().expect("a text").starts_with("imagenet-1k\nSomething else\n{")
    );
    let renewed = dan
        .put(
            "/blocks/imagenet-1k/embeddings/cos",
            json!({ "values": [1, 0, 0], "source_digest": text.body["digest"] }),
        )
        .await
        .expect(StatusCode::OK);
    assert_eq!(renewed.body["is_stale"], false);
    assert!(dan.get("/embeddings?stale=true&model=cos").await.items("model").is_empty());
    // Of a text that is not today's.
    let other = format!("sha256:{}", "0".repeat(64));
    let made = dan
        .put(
            "/blocks/imagenet-1k/embeddings/cos",
            json!({ "values": [1, 0, 0], "source_digest": other }),
        )
        .await;
    assert_eq!(made.expect(StatusCode::OK).body["is_stale"], true);

    // Archived things are not near.
    dan.delete("/blocks/imagenet-1k").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(names(&near("cos").await)[0], "resnet-50");
    dan.get("/blocks/imagenet-1k/embeddings/cos").await.refused(StatusCode::NOT_FOUND, "not_found");
}

#[tokio::test]
async fn an_embedding_is_one_of_its_model_and_among_the_representations() {
    let service = Service::start().await;
    embedded(&service).await;
    let dan = service.developer().await;
    for path in ["/blocks/imagenet-1k", "/edges/train-churn"] {
        let one = format!("{path}/embeddings/COS");
        let read = dan.get(&one).await.expect(StatusCode::OK);
        assert_eq!(read.body["model"], "cos");
        assert_eq!(read.body["values"].as_array().map(Vec::len), Some(3));
        let rows = dan
            .get(&format!("{path}/vectors?vector_db=pgvector&sort=created_at"))
            .await
            .expect(StatusCode::OK);
        assert_eq!(rows.items("vector_key"), ["cos", "euclid", "dot"]);
        for (values, detail) in [
            (json!([1, 0]), "Has 2 values; the model has 3 dimensions."),
            (json!([1, 0, 0, 0]), "Has 4 values; the model has 3 dimensions."),
            (json!([0, 0, 0]), "Is zero, or nearly: its length must be at least 0.01."),
            (json!([1, 0, 20000]), "Has a value that is no number between -10000 and 10000."),
        ] {
            for (answer, pointer) in [
                (dan.put(&one, json!({ "values": values })).await, "/values"),
                (
                    dan.post("/search", json!({ "vector": {"model": "cos", "values": values} }))
                        .await,
                    "/vector/values",
                ),
            ] {
                let refused = answer.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
                assert_eq!(refused.pointers(), [pointer], "{values}");
                assert_eq!(refused.body["errors"][0]["detail"], detail);
            }
        }
        for values in ["[1, 0, NaN]", "[1, 0, Infinity]"] {
            let body = format!(r#"{{"values": {values}}}"#);
            dan.request(reqwest::Method::PUT, &one)
                .raw("application/json", body)
                .send()
                .await
                .refused(StatusCode::BAD_REQUEST, "malformed");
        }
        dan.put(&format!("{path}/embeddings/none"), json!({ "values": [1] }))
            .await
            .refused(StatusCode::NOT_FOUND, "not_found");
        dan.delete(&one).await.expect(StatusCode::NO_CONTENT);
        let rows = dan.get(&format!("{path}/vectors?vector_db=pgvector&sort=created_at")).await;
        assert_eq!(rows.items("vector_key"), ["euclid", "dot"]);
    }
    let unknown = dan.post("/search", json!({ "vector": {"model": "none", "values": [1]} })).await;
    assert_eq!(
        unknown.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid").body["errors"][0]["detail"],
        "There is no such embedding model. There are: cos, dot, euclid."
    );
    dan.post("/embedding-models", json!({ "name": "COS", "dimensions": 3 }))
        .await
        .refused(StatusCode::CONFLICT, "name_taken");
    service
        .admin()
        .await
        .delete("/embedding-models/cos")
        .await
        .refused(StatusCode::CONFLICT, "in_use");
    // By SQL the same holds.
    let mut person = service.by_sql("dan").await;
    for vector in [
        "'{1,0}'",
        "'{1,0,NaN}'",
        "'{1,0,Infinity}'",
        "'{0,0,0}'",
        "'{1,0,null}'",
        "'{{1,0,0}}'",
        "null",
    ] {
        assert!(
            person.run(&format!("update embeddings set vector = {vector}")).await.is_err(),
            "{vector}"
        );
    }
    assert!(person.run("update embeddings set model_id = app.uuid_v7()").await.is_err());
    assert!(person.run("update embedding_models set dimensions = 4").await.is_err());
}

#[tokio::test]
async fn a_taxonomy_filter_decides_where_its_embedding_is_found() {
    let service = Service::start().await;
    embedded(&service).await;
    let dan = service.developer().await;
    let row = dan.get("/blocks/imagenet-1k/vectors?vector_db=pgvector&vector_key=cos").await;
    let row = format!(
        "/block-vector-representations/{}",
        row.items("vector_id")[0].as_str().expect("an id")
    );
    let nearest = async || {
        let answer =
            found(&dan, json!({ "vector": {"model": "cos", "values": [1, 0.1, 0]} })).await;
        names(&answer)[0].to_owned()
    };
    // It is in photographs, which is below vision.
    for (filter, wanted) in [
        (json!({"any": ["vision"]}), "resnet-50"),
        (json!({"any": ["vision"], "recursive": true}), "imagenet-1k"),
        (json!({"all": ["photographs", "vision"], "recursive": true}), "imagenet-1k"),
        (json!({"all": ["photographs", "vision"]}), "resnet-50"),
        (json!({"none": ["vision"], "recursive": true}), "resnet-50"),
        (json!({"none": ["vision"]}), "imagenet-1k"),
        (Value::Null, "imagenet-1k"),
    ] {
        dan.patch(&row, json!({ "taxonomy_filter": filter })).await.expect(StatusCode::OK);
        assert_eq!(nearest().await, wanted, "{filter}");
        let resolved = dan
            .post(
                "/search/resolve",
                json!({ "hits": [{"vector_db": "pgvector", "vector_key": "cos", "score": 0.5}] }),
            )
            .await
            .expect(StatusCode::OK);
        let part = if wanted == "imagenet-1k" { "hits" } else { "refused" };
        let there = resolved.body[part]
            .as_array()
            .expect("hits")
            .iter()
            .any(|hit| hit["name"] == "imagenet-1k");
        assert!(there, "{filter}: {}", resolved.body);
    }
    let filter = dan.get(&format!("{row}/filter?for=qdrant")).await.expect(StatusCode::OK);
    assert_eq!(filter.body, json!({ "for": "qdrant", "field": "categories", "filter": null }));
    dan.patch(&row, json!({ "taxonomy_filter": {"any": ["vision"], "recursive": true} }))
        .await
        .expect(StatusCode::OK);
    let ids = [
        dan.get("/taxonomy-categories/vision").await.id("category_id"),
        dan.get("/taxonomy-categories/photographs").await.id("category_id"),
    ];
    for (store, wanted) in [
        ("qdrant", json!({"must": [{"key": "categories", "match": {"any": ids}}], "must_not": []})),
        ("pinecone", json!({"$and": [{"categories": {"$in": ids}}]})),
    ] {
        let filter = dan.get(&format!("{row}/filter?for={store}")).await.expect(StatusCode::OK);
        assert_eq!(filter.body["filter"], wanted);
    }
    dan.get(&format!("{row}/filter?for=other"))
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
}

#[tokio::test]
async fn what_another_store_has_found_is_told() {
    let service = Service::start().await;
    registry(&service).await;
    verify(&service, "train-churn", "passed").await;
    let dan = service.developer().await;
    for (path, key) in
        [("/blocks/customers", "c#1"), ("/edges/train-churn", "e#1"), ("/blocks/bert-base", "b#1")]
    {
        dan.post(&format!("{path}/vectors"), json!({ "vector_db": "Pinecone", "vector_key": key }))
            .await
            .expect(StatusCode::CREATED);
    }
    dan.delete("/blocks/bert-base").await.expect(StatusCode::NO_CONTENT);
    let hit = |db: &str, key: &str, score: f64| json!({ "vector_db": db, "vector_key": key, "score": score });
    let asked = json!({ "hits": [hit("Pinecone", "e#1", 0.9), hit("Pinecone", "b#1", 0.8), hit("Pinecone", "c#1", 0.7), hit("Qdrant", "c#1", 0.6)] });
    let answer =
        service.viewer().await.post("/search/resolve", asked.clone()).await.expect(StatusCode::OK);
    assert_eq!(names(&answer), ["train-churn", "customers"]);
    let first = &answer.body["hits"][0];
    assert_eq!(
        (&first["kind"], &first["score"], &first["verification_status"], &first["stale"]),
        (&json!("edge"), &json!(0.9), &json!("passed"), &json!(false))
    );
    // What is archived is as unknown as what never was.
    assert_eq!(
        answer.body["unknown"],
        json!([hit("Pinecone", "b#1", 0.8), hit("Qdrant", "c#1", 0.6)])
    );
    assert_eq!(answer.body["refused"], json!([]));
    dan.patch("/blocks/customers", json!({ "metadata": {"rows": 1} })).await.expect(StatusCode::OK);
    let answer = dan.post("/search/resolve", asked).await.expect(StatusCode::OK);
    assert_eq!(answer.body["hits"][1]["stale"], true);
    for (body, pointer) in [
        (json!({}), "/hits"),
        (json!({ "hits": [] }), "/hits"),
        (json!({ "hits": [{"vector_db": "x"}] }), "/hits/0/vector_key"),
        (json!({ "hits": vec![hit("x", "y", 0.1); 501] }), "/hits"),
    ] {
        assert_eq!(
            dan.post("/search/resolve", body)
                .await
                .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid")
                .pointers(),
            [pointer]
        );
    }
}
