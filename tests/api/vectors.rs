//! Vector representations: their filter, and that both tables say the same.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::blocks::register;
use crate::parts::connect_blocks;
use crate::service::Service;
use crate::taxonomy::category;

#[tokio::test]
async fn a_filter_names_categories_that_are_there_and_keeps_their_ids() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "it").await;
    connect_blocks(&service, "it").await;
    let vision = category(&dan, "Vision", None).await;
    let text = category(&dan, "Text", None).await;
    category(&dan, "twice", Some("text")).await;
    category(&dan, "twice", Some("vision")).await;
    for path in ["/blocks/it/vectors", "/edges/it/vectors"] {
        let body = |filter: Value| json!({ "vector_db": " Pinecone ", "vector_key": "k", "taxonomy_filter": filter });
        let made = dan
            .post(
                path,
                body(json!({ "any": ["vision", text, vision], "none": [], "recursive": true })),
            )
            .await
            .expect(StatusCode::CREATED);
        assert_eq!(made.body["vector_db"], "Pinecone");
        assert_eq!(
            made.body["taxonomy_filter"],
            json!({ "any": [vision, text], "none": [], "recursive": true })
        );
        let location = made.header("location");
        for (filter, faults) in [
            (json!([]), &["/taxonomy_filter"][..]),
            (json!({}), &["/taxonomy_filter"]),
            (json!({ "any": [], "recursive": true }), &["/taxonomy_filter"]),
            (
                json!({ "any": "vision", "all": [1, "x"], "some": [], "recursive": 1, "a/b": 1 }),
                &[
                    "/taxonomy_filter/all/0",
                    "/taxonomy_filter/any",
                    "/taxonomy_filter/a~1b",
                    "/taxonomy_filter/recursive",
                    "/taxonomy_filter/some",
                ],
            ),
            (
                json!({ "any": ["vision", "nothing"], "none": ["0198aa00-0000-7000-8000-000000000000", "twice"] }),
                &["/taxonomy_filter/any/1", "/taxonomy_filter/none/0", "/taxonomy_filter/none/1"],
            ),
            (json!({ "any": vec!["vision"; 101] }), &["/taxonomy_filter/any"]),
        ] {
            for answer in [
                dan.post(path, body(filter.clone())).await,
                dan.patch(location, json!({ "taxonomy_filter": filter })).await,
            ] {
                let refused = answer.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
                assert_eq!(refused.pointers(), faults, "{filter}");
            }
        }
        // A renamed category stays the same one.
        let new_name = format!("Seeing {}", path.len());
        dan.patch(&format!("/taxonomy-categories/{vision}"), json!({ "name": new_name }))
            .await
            .expect(StatusCode::OK);
        let same = dan.patch(location, json!({ "vector_key": "k2" })).await.expect(StatusCode::OK);
        assert_eq!(same.body["taxonomy_filter"], made.body["taxonomy_filter"]);
        dan.patch(&format!("/taxonomy-categories/{vision}"), json!({ "name": "Vision" }))
            .await
            .expect(StatusCode::OK);
        let cleared = dan.patch(location, json!({ "taxonomy_filter": null })).await;
        assert_eq!(cleared.expect(StatusCode::OK).body["taxonomy_filter"], Value::Null);
        dan.patch(location, json!({ "taxonomy_filter": { "all": ["text"] } }))
            .await
            .expect(StatusCode::OK);
    }
    let ada = service.admin().await;
    ada.delete("/taxonomy-categories/text?purge=true&reparent=true")
        .await
        .refused(StatusCode::CONFLICT, "in_use");
}

#[tokio::test]
async fn blocks_and_edges_have_lists_of_their_own() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "it").await;
    connect_blocks(&service, "it").await;
    for key in ["k1", "k2"] {
        let body = json!({ "vector_db": "pgvector", "vector_key": key });
        dan.post("/blocks/it/vectors", body).await.expect(StatusCode::CREATED);
    }
    let body = json!({ "vector_db": "Pinecone", "vector_key": "k1" });
    let of_edge = dan.post("/edges/it/vectors", body).await.expect(StatusCode::CREATED);
    assert!(of_edge.body.get("block_id").is_none());
    for (path, found) in [
        ("/block-vector-representations", 2),
        ("/block-vector-representations?vector_key=k1", 1),
        ("/block-vector-representations?vector_db=Pinecone", 0),
        ("/edge-vector-representations", 1),
        ("/edge-vector-representations?edge_id=it&vector_db=Pinecone&vector_key=k1", 1),
        ("/edges/it/vectors", 1),
        ("/blocks/it/vectors?vector_key=k2", 1),
    ] {
        let page = dan.get(path).await.expect(StatusCode::OK);
        assert_eq!(page.items("vector_id").len(), found, "{path}");
    }
    // An edge's is no block's.
    let id = of_edge.id("vector_id");
    dan.get(&format!("/block-vector-representations/{id}"))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");
    dan.delete(&format!("/block-vector-representations/{id}"))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");
}
