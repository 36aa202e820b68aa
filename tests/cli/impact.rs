//! `blockyard impact`: a build stops at what a change would break.

use serde_json::{Value, json};

use super::Program;
use super::running::{self, Running};
use super::support::Database;

#[tokio::test]
async fn a_build_stops_at_what_a_change_would_break() {
    let database = Database::new().await;
    let running = Running::start(running::on(&database)).await;
    let token = running.login().await["access_token"].as_str().unwrap().to_owned();
    let post = async |path: &str, body: Value| -> Value {
        let answer = running.http.post(running.url(path)).bearer_auth(&token).json(&body);
        let answer = answer.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    };
    for name in ["a | b", "c"] {
        post("/blocks", json!({ "name": name, "block_type": "model" })).await;
    }
    post("/edges", json!({ "name": "e" })).await;
    post("/edges/e/versions/1/verifications", json!({ "verification_status": "passed" })).await;
    let edge = json!({ "edge_id": "e", "source_block_id": "a | b", "target_block_id": "c" });
    let graph = json!({
        "name": "p | q", "blocks": [{ "block_id": "a | b" }, { "block_id": "c" }], "edges": [edge],
    });
    post("/pipelines", graph).await;
    let key = post("/api-keys", json!({ "name": "ci", "role": "viewer" })).await;
    let developer = post("/api-keys", json!({ "name": "ci" })).await;

    let ask = |key: &str| {
        Program::new().with("BLOCKYARD_URL", running.url("")).with("BLOCKYARD_API_KEY", key)
    };
    let ci = ask(developer["key"].as_str().unwrap());
    let safe = r#"{"operation": "update_pipeline", "pipeline": "p | q", "body": {"description": "words"}}"#;
    let warn = r#"{"operation": "update_block", "block": "c", "body": {"metadata": {"n": 2}}}"#;
    let breaking = r#"{"operation": "update_edge", "edge": "e", "body": {"metadata": {"n": 2}}}"#;
    for (changes, bar, code) in [
        (vec![safe], "warn", 0),
        (vec![warn], "warn", 1),
        (vec![warn], "breaking", 0),
        (vec![warn, breaking], "breaking", 1),
        (vec![breaking], "never", 0),
    ] {
        let mut arguments = vec!["impact", "--fail-on", bar];
        for change in &changes {
            arguments.extend(["--change", change]);
        }
        let told = ci.run(&arguments);
        assert_eq!(told.code, Some(code), "{changes:?}: {}{}", told.output, told.errors);
    }
    let told = ci.run(&["impact", "--change", breaking]);
    assert!(
        told.output.starts_with("breaking\n  breaking  Pipeline p | q may run now"),
        "{}",
        told.output
    );
    let comment = ci.run(&["impact", "--change", breaking, "--format", "markdown"]);
    assert!(comment.output.contains("| breaking | Pipeline p \\| q may"), "{}", comment.output);
    let file = format!(r#"{{"changes": [{warn}, {breaking}]}}"#);
    let told = ci.run_with_input(&["impact", "--file", "-", "--format", "json"], &file);
    let answer: Value = serde_json::from_str(&told.output).unwrap();
    assert_eq!((told.code, &answer["verdict"]), (Some(1), &json!("breaking")));

    // No verdict is another end.
    let viewer = ask(key["key"].as_str().unwrap());
    let told = viewer.run(&["impact", "--change", warn]);
    assert!(told.code == Some(1) && told.output.contains("would be refused"), "{}", told.output);
    for (program, change, words) in [
        (&ci, r#"{"operation": "fly"}"#, "/changes/0/operation"),
        (&ci, "{", "--change"),
        (&ask("nobody"), warn, "401"),
        (&ask("nobody").with("BLOCKYARD_URL", "http://127.0.0.1:1/"), warn, "error"),
    ] {
        let told = program.run(&["impact", "--change", change]);
        assert_eq!(told.code, Some(2), "{change}: {}{}", told.output, told.errors);
        assert!(told.errors.contains(words), "{words}: {}", told.errors);
    }
    assert_eq!(ci.run(&["impact"]).code, Some(2));
    running.stop();
}
