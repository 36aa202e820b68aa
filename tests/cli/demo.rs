//! `blockyard demo`: a registry to look at, and nothing left of it.

use serde_json::{Value, json};

use super::Program;
use super::running::{self, Running};
use super::support::Database;

#[tokio::test]
async fn a_registry_to_look_at_is_made_and_removed() {
    let database = Database::new().await;
    let running = Running::start(running::on(&database)).await;
    let token = running.login().await["access_token"].as_str().unwrap().to_owned();
    let post = async |path: &str, body: Value| -> Value {
        let answer = running.http.post(running.url(path)).bearer_auth(&token).json(&body);
        answer.send().await.unwrap().json().await.unwrap()
    };
    let get = async |path: &str| -> Value {
        let answer = running.http.get(running.url(path)).bearer_auth(&token);
        answer.send().await.unwrap().json().await.unwrap()
    };
    let own = post("/blocks", json!({ "name": "own", "block_type": "model" })).await;
    let key = post("/api-keys", json!({ "name": "demo", "role": "developer" })).await;
    let key = key["key"].as_str().unwrap();
    let program =
        Program::new().with("BLOCKYARD_URL", running.url("")).with("BLOCKYARD_API_KEY", key);
    let seen = async || {
        let mut seen = Vec::new();
        for path in ["/blocks", "/edges", "/pipelines", "/runs", "/taxonomy-categories"] {
            seen.push(get(path).await["items"].as_array().unwrap().len());
        }
        seen
    };

    let told = program.run(&["demo"]).succeeds();
    assert!(told.output.contains(&running.url("/console")), "{}", told.output);
    assert_eq!(seen().await, [7, 4, 3, 3, 3]);
    let resnet = get("/blocks/resnet-50?include=aliases").await;
    assert_eq!(
        (&resnet["version_number"], &resnet["latest_version_number"]),
        (&json!(3), &json!(4))
    );
    assert_eq!(resnet["aliases"][0]["alias"], "champion");
    let unready = get("/pipelines?ready=false&sort=name").await;
    let names: Vec<_> =
        unready["items"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["churn", "weekly-scores"]);

    // Once more, it changes nothing.
    program.run(&["demo"]).succeeds();
    assert_eq!(seen().await, [7, 4, 3, 3, 3]);
    assert_eq!(get("/blocks/resnet-50").await["latest_version_number"], 4);

    // What it has not made stays, and afterwards there is room for another.
    program.run(&["demo", "--remove"]).succeeds();
    assert_eq!(seen().await[..3], [1, 0, 0]);
    assert_eq!(get("/blocks/own").await["block_id"], own["block_id"]);
    program.run(&["demo", "--remove"]).succeeds();
    program.run(&["demo"]).succeeds();
    assert_eq!(seen().await[..3], [7, 4, 3]);
    program.run(&["demo", "--remove"]).succeeds();

    // What somebody else calls the same is not touched.
    post("/blocks", json!({ "name": "churn-model", "block_type": "model" })).await;
    let told = program.run(&["demo"]);
    assert_eq!(told.code, Some(1), "{}", told.output);
    assert!(told.errors.contains("block churn-model is there already"), "{}", told.errors);
    assert_eq!(seen().await[..3], [2, 0, 0]);
}
