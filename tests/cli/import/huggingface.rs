//! A Hugging Face Hub that is played: its answers are written after what the hub documents, not recorded, and no test
//! asks the real one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::super::Program;
use super::stand_in::{self, Answer};
use super::{Registry, left_out};

fn ok(body: &Value) -> Option<Answer> {
    Some((200, String::new(), body.to_string()))
}

fn sha(digit: char) -> String {
    digit.to_string().repeat(40)
}

fn refused(status: u16, error: &str) -> Option<Answer> {
    Some((status, String::new(), json!({ "error": error }).to_string()))
}

/// A model with two tags and main, its card, and what the card names.
fn play(seen: Arc<Mutex<Vec<String>>>, has_moved_on: Arc<AtomicBool>) -> String {
    stand_in::serve(move |target, head| {
        assert!(head.to_lowercase().contains("authorization: bearer hf_nobody-reads"), "{head}");
        seen.lock().unwrap().push(target.to_owned());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let moved_on = has_moved_on.load(Ordering::SeqCst);
        let main = sha(if moved_on { 'd' } else { 'c' });
        let repo = |id: &str, sha: &str, card: Value| {
            json!({ "_id": "1", "id": id, "sha": sha, "private": false, "gated": false, "tags": ["x"],
                    "pipeline_tag": "text-classification", "library_name": "transformers",
                    "lastModified": "2026-01-01T00:00:00.000Z", "siblings": [], "cardData": card, "colour": "red" })
        };
        let card = json!({
            "license": "mit", "language": ["en"], "datasets": ["acme/reviews", "acme/locked"], "base_model": "bert",
            "model-index": [{ "name": "m", "results": [{
                "dataset": { "name": "Reviews", "type": "reviews" },
                "metrics": [{ "type": "accuracy", "value": 0.9 }] }] }],
        });
        if let Some(rest) = path.strip_prefix("/api/models/acme/mood") {
            return match rest.split('/').collect::<Vec<_>>()[..] {
                [""] => ok(&repo("acme/mood", &main, card)),
                ["", "refs"] => ok(&json!({
                    "tags": [{ "name": "stable", "ref": "refs/tags/stable", "targetCommit": sha('b') },
                             { "name": "v1.0", "ref": "refs/tags/v1.0", "targetCommit": sha('a') }],
                    "branches": [{ "name": "main", "ref": "refs/heads/main", "targetCommit": main }],
                    "converts": [] })),
                ["", "revision", sha] => ok(&repo("acme/mood", sha, card)),
                ["", "commits", at] => ok(&json!([{
                    "id": at, "title": "Train", "authors": [{ "user": "ada" }],
                    // The first one was made after the second.
                    "date": if at == sha('a') { "2026-02-02T00:00:00.000Z" } else { "2026-02-01T00:00:00.000Z" } }])),
                // Two pages, as the hub says where the next one is.
                ["", "tree", _] if !query.contains("cursor") => Some((
                    200,
                    format!("Link: <{target}&cursor=2>; rel=\"next\""),
                    json!([{ "type": "directory", "oid": "0", "size": 0, "path": "onnx" },
                           { "type": "file", "oid": "1", "size": 7, "path": "config.json" }])
                    .to_string(),
                )),
                ["", "tree", _] => ok(
                    &json!([{ "type": "file", "oid": "2", "size": 9, "path": "model.safetensors",
                                               "lfs": { "oid": "f".repeat(64), "size": 9, "pointerSize": 134 } }]),
                ),
                _ => refused(404, "Not found"),
            };
        }
        // Called otherwise now.
        if let Some(rest) = path.strip_prefix("/api/models/bert") {
            return Some((307, format!("Location: /api/models/google/bert{rest}"), String::new()));
        }
        for (at, id) in [
            ("/api/models/google/bert", "google/bert"),
            ("/api/datasets/acme/reviews", "acme/reviews"),
        ] {
            if let Some(rest) = path.strip_prefix(at) {
                return match rest.split('/').collect::<Vec<_>>()[..] {
                    [""] | ["", "revision", _] => ok(&repo(id, &sha('e'), json!({}))),
                    ["", "refs"] => ok(&json!({ "tags": [], "branches": [] })),
                    ["", "commits" | "tree", _] => ok(&json!([])),
                    _ => refused(404, "Not found"),
                };
            }
        }
        match path {
            "/api/datasets/acme/locked" => refused(403, "Access is restricted"),
            "/api/models/acme/private" => refused(401, "Repository not found"),
            "/api/models" => ok(&json!([{ "id": "acme/mood" }])),
            "/api/datasets" => ok(&json!([])),
            _ => refused(404, "Not found"),
        }
    })
}

#[tokio::test]
async fn repositories_come_with_their_revisions_and_only_once() {
    let registry = Registry::start().await;
    let (seen, moved_on) = (Arc::default(), Arc::new(AtomicBool::new(false)));
    let uri = play(Arc::clone(&seen), Arc::clone(&moved_on));
    let token = registry.program.folder().join("token");
    std::fs::write(&token, "hf_nobody-reads\n").unwrap();
    let token = token.display().to_string();
    let import = ["huggingface", "--uri", &uri, "--token-file", &token, "--author", "acme"];
    let asked = ["--model", "acme/private", "--model", "gone", "--model", "a/../b"];
    let import = [&import[..], &asked].concat();

    let told = registry.import(&[&import[..], &["--dry-run"]].concat());
    assert_eq!(told["imported"], json!({ "things": 3, "versions": 5 }), "{told:#}");
    assert_eq!(registry.get("/blocks").await["items"], json!([]));

    let told = registry.import(&import);
    assert_eq!(told["imported"], json!({ "things": 3, "versions": 5 }), "{told:#}");
    for (name, words) in [
        ("acme/private", "HF_TOKEN"),
        ("acme/locked", "gated"),
        ("gone", "none of that name"),
        ("a/../b", "no id of a repository"),
        ("acme/mood", "Must be 1 to 63"),
    ] {
        left_out(&told, name, words);
    }
    assert_eq!(told["unknown_members"]["model.colour"], 4, "{told:#}");

    let versions = async || {
        let page = registry.get("/blocks/acme%2Fmood/versions").await;
        let items = page["items"].as_array().unwrap().iter().rev();
        items.map(|it| it["metadata"]["huggingface"]["version"].clone()).collect::<Vec<_>>()
    };
    // By the times of their commits; what main is, is the last.
    assert_eq!(versions().await, [sha('b'), sha('a'), sha('c')]);
    let block = registry.get("/blocks/acme%2Fmood").await;
    let metadata = &block["metadata"];
    assert_eq!(block["block_type"], "model");
    assert_eq!((&metadata["license"], &metadata["language"]), (&json!("mit"), &json!(["en"])));
    assert_eq!(metadata["metrics"], json!({ "reviews:accuracy": 0.9 }));
    let origin = &metadata["huggingface"];
    assert_eq!(origin["refs"], json!(["main"]));
    assert_eq!(origin["commit_authors"], json!(["ada"]));
    assert_eq!(
        origin["files"],
        json!([{ "path": "config.json", "size": 7, "git_oid": "1" },
               { "path": "model.safetensors", "size": 9, "sha256": "f".repeat(64) }])
    );
    let stable = registry.get("/blocks/acme%2Fmood/aliases/stable").await;
    assert_eq!(stable["version_number"], 1, "{stable}");
    let on = registry.get("/blocks/acme%2Fmood/dependencies").await;
    assert_eq!(
        on["items"].as_array().unwrap().len(),
        2,
        "the data, and what bert is called now: {on}"
    );
    assert_eq!(registry.get("/blocks/acme%2Freviews").await["block_type"], "dataset");
    assert_eq!(registry.get("/blocks/google%2Fbert").await["block_type"], "model");

    // Nothing is new, and no revision is read again; then main has moved on.
    seen.lock().unwrap().clear();
    let again = registry.import(&import);
    assert_eq!(again["imported"], json!({ "things": 0, "versions": 0 }), "{again:#}");
    assert_eq!((&again["aliases_changed"], &again["present"]["versions"]), (&json!(0), &json!(5)));
    assert!(!seen.lock().unwrap().iter().any(|it| it.contains("/revision/")));
    moved_on.store(true, Ordering::SeqCst);
    let again = registry.import(&import);
    assert_eq!((&again["imported"]["versions"], &again["aliases_changed"]), (&json!(1), &json!(1)));
    assert_eq!(versions().await.last().unwrap(), &json!(sha('d')));

    // As a file it takes no registry.
    let file = registry.program.folder().join("hub.yaml").display().to_string();
    let plan = [&["import"], &import[..], &["--plan", &file]].concat();
    let told = Program::new().run(&plan).succeeds();
    assert!(told.output.contains("a file has the newest version alone"), "{}", told.output);
    let told = registry.program.run(&["plan", "-f", &file]);
    assert!(told.errors.is_empty(), "{}", told.errors);
    assert!(!told.output.contains("created"), "it is all there: {}", told.output);
}

#[test]
fn a_hub_that_fails_is_told_of() {
    let program = Program::new()
        .with("BLOCKYARD_URL", "http://127.0.0.1:9")
        .with("BLOCKYARD_API_KEY", "none")
        .with("HF_TOKEN", "hf_nobody-reads");
    let fails = |answer: fn(&str) -> Option<Answer>, words: &[&str]| {
        let uri = stand_in::serve(move |target, _| answer(target));
        let model = ["--model", "acme/mood", "--timeout", "1"];
        let told = program.run(&[&["import", "huggingface", "--uri", &uri], &model[..]].concat());
        assert!(!told.errors.contains("hf_nobody"), "{}", told.errors);
        told.refuses(words);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| fails(|_| refused(500, "x"), &["answers 500", "4 times"]));
        scope.spawn(|| fails(|_| None, &["does not answer in time, 4 times"]));
        scope.spawn(|| fails(|_| Some((200, String::new(), "<html>".into())), &["no JSON"]));
        scope.spawn(|| fails(|_| ok(&json!({})), &["is that a hub?"]));
        scope.spawn(|| fails(|_| refused(401, "Invalid token"), &["401", "Invalid token"]));
        // Round and round.
        scope.spawn(|| {
            fails(
                |target| Some((307, format!("Location: {target}"), String::new())),
                &["answers 307", "not followed"],
            )
        });
        // Somebody else is not told the token, by a redirect or by a next page.
        scope.spawn(|| {
            let asked = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&asked);
            let other = stand_in::serve(move |_, _| {
                count.fetch_add(1, Ordering::SeqCst);
                ok(&json!([]))
            });
            for (status, header) in [(307, "Location: {}/x"), (200, "Link: <{}/x>; rel=\"next\"")] {
                let header = header.replace("{}", &other);
                let uri = stand_in::serve(move |_, _| {
                    Some((status, header.clone(), json!([{ "id": "acme/mood" }]).to_string()))
                });
                let told =
                    program.run(&["import", "huggingface", "--uri", &uri, "--author", "acme"]);
                told.refuses(&[&other]);
            }
            assert_eq!(asked.load(Ordering::SeqCst), 0);
        });
    });
}
