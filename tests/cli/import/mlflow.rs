//! An MLflow that is played: what it has, and how it fails.

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::Program;
use super::stand_in::{self, Answer};
use super::{Registry, left_out};

fn ok(body: &Value) -> Option<Answer> {
    Some((200, String::new(), body.to_string()))
}

fn version(name: &str, number: u32) -> Value {
    json!({ "name": name, "version": number.to_string(), "creation_timestamp": 1_795_912_194_479_u64,
            "run_id": format!("run-{number}"), "source": "s3://models/1", "status": "READY",
            "current_stage": "None", "tags": [{ "key": "n", "value": "1" }] })
}

fn run(id: &str, dataset: &str) -> Value {
    json!({ "run": {
        "info": { "run_id": id, "run_name": "train", "status": "FINISHED", "start_time": 1_795_912_192_949_u64 },
        "data": {
            "metrics": [{ "key": "auc", "value": 0.9 }, { "key": "loss", "value": "NaN" }],
            "params": [{ "key": "depth", "value": "3" }],
            "tags": [{ "key": "mlflow.source.git.commit", "value": "a".repeat(40) },
                     { "key": "mlflow.source.git.repoURL", "value": "https://github.com/acme/churn" },
                     { "key": "mlflow.source.git.branch", "value": "no good" }] },
        "inputs": { "dataset_inputs": [{ "dataset": {
            "name": dataset, "digest": format!("digest of {id}"), "source_type": "s3",
            "source": "{\"uri\":\"s3://x\"}", "profile": "{\"num_rows\":891}" } }] },
        "weather": "fine",
    } })
}

/// What it has: models and versions, two things a page.
#[derive(Default)]
struct Played {
    models: Vec<Value>,
    versions: Vec<Value>,
}

fn play(has: &Arc<Mutex<Played>>, hangs: &Arc<AtomicBool>) -> String {
    let (has, hangs) = (Arc::clone(has), Arc::clone(hangs));
    stand_in::serve(move |target, _| {
        let has = has.lock().unwrap();
        let (member, list) = match target {
            it if it.contains("registered-models/search") => ("registered_models", &has.models),
            it if it.contains("model-versions/search") => ("model_versions", &has.versions),
            it if it.contains("runs/get?run_id=run-9") => {
                return Some((404, String::new(), "{}".to_owned()));
            }
            it if it.contains("runs/get") => {
                let id = it.rsplit_once('=').unwrap().1;
                if id == "run-4" && hangs.load(Ordering::SeqCst) {
                    return None;
                }
                return ok(&run(id, "titanic"));
            }
            _ => return Some((404, String::new(), "{}".to_owned())),
        };
        // filter=name='churn'
        let named = target.split_once("filter=name%3D%27").and_then(|(_, it)| it.split_once("%27"));
        let list: Vec<&Value> =
            list.iter().filter(|it| named.is_none_or(|(name, _)| it["name"] == name)).collect();
        let from = target.split_once("page_token=").map_or(0, |(_, at)| at.parse().unwrap());
        let mut page = json!({ member: list.iter().skip(from).take(2).collect::<Vec<_>>() });
        if list.len() > from + 2 {
            page["next_page_token"] = (from + 2).to_string().into();
        }
        ok(&page)
    })
}

#[tokio::test]
async fn models_come_with_their_versions_and_only_once() {
    let registry = Registry::start().await;
    registry.post("/blocks", json!({ "name": "mine", "block_type": "model" })).await;
    let has = Arc::new(Mutex::new(Played::default()));
    let hangs = Arc::new(AtomicBool::new(true));
    let uri = play(&has, &hangs);
    {
        let mut has = has.lock().unwrap();
        has.models = vec![
            json!({ "name": "churn", "description": "who leaves", "colour": "red",
                    "aliases": [{ "alias": "champion", "version": "3" }, { "alias": "Big", "version": "1" },
                                { "alias": "lost", "version": "2" }],
                    "tags": [{ "key": "team", "value": "fraud" }] }),
            json!({ "name": "Churn" }),
            json!({ "name": "Twin" }),
            json!({ "name": "twin" }),
            json!({ "name": "mine" }),
            json!({ "name": ".." }),
            json!({ "name": "large" }),
        ];
        let mut large = version("large", 1);
        large["tags"] = json!([{ "key": "n", "value": "x".repeat(600_000) }]);
        has.versions = vec![
            version("churn", 4),
            version("churn", 3),
            version("churn", 1),
            version("mine", 1),
            large,
            version("Twin", 1),
            version("twin", 1),
            version("..", 1),
        ];
    }

    // A dry run writes nothing.
    let import = ["mlflow", "--uri", &uri];
    let told = registry.import(&[&import[..], &["--dry-run"]].concat());
    assert_eq!(told["imported"], json!({ "things": 3, "versions": 5 }), "{told:#}");
    assert_eq!(registry.get("/blocks").await["items"].as_array().unwrap().len(), 1);

    // Killed in the middle: what has landed stays.
    let path = registry.program.folder().join("progress");
    let mut child = registry
        .program
        .command(&["import", "mlflow", "--uri", &uri])
        .stderr(File::create(&path).unwrap())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !std::fs::read_to_string(&path).unwrap().contains("4 of 5 versions") {
        assert!(begun.elapsed() < Duration::from_secs(60), "no progress");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(registry.versions("churn").await, [(1, json!(1)), (2, json!(3))]);
    hangs.store(false, Ordering::SeqCst);

    // The next run goes on from there.
    let told = registry.import(&import);
    assert_eq!(told["imported"]["versions"], 2, "version 4, and its data: {told:#}");
    assert_eq!(registry.versions("churn").await, [(1, json!(1)), (2, json!(3)), (3, json!(4))]);
    assert_eq!(told["gaps"], json!([{ "name": "churn", "missing": [2] }]));
    for (name, words) in [
        ("churn", "Must be 1 to 63"),
        ("churn", "version 2, to which it points, is not here"),
        ("churn", "Must not have spaces"),
        ("mine", "does not come from here"),
        ("..", "direction"),
        ("Churn", "no version"),
        ("twin", "case of letters"),
        ("large", "metadata"),
    ] {
        left_out(&told, name, words);
    }
    assert_eq!(told["unknown_members"]["registered_model.colour"], 1, "{told:#}");
    assert_eq!(told["unknown_members"]["run.weather"], 2, "{told:#}");

    // What has come, and what it hangs together with.
    let winner = registry.get("/blocks/churn/aliases/champion").await;
    assert_eq!(winner["version_number"], 2, "{winner}");
    let block = registry.get("/blocks/churn").await;
    let metadata = &block["metadata"];
    assert_eq!(metadata["metrics"], json!({ "auc": 0.9, "loss": "NaN" }));
    assert_eq!(metadata["params"], json!({ "depth": "3" }));
    assert_eq!(metadata["tags"], json!({ "n": "1" }));
    assert_eq!(metadata["mlflow"]["model_tags"], json!({ "team": "fraud" }));
    assert_eq!(metadata["mlflow"]["artifacts"], "s3://models/1");
    assert_eq!(metadata["mlflow"]["run"]["run_name"], "train");
    assert_eq!(metadata["mlflow"]["datasets"][0]["digest"], "digest of run-4");
    assert_eq!(block["description"], "who leaves");
    let repos = registry.get("/blocks/churn/code-repos").await;
    assert_eq!(repos["items"][0]["repo_url"], "https://github.com/acme/churn", "{repos}");
    let dependencies = registry.get("/blocks/churn/dependencies").await;
    assert_eq!(dependencies["items"].as_array().unwrap().len(), 1, "{dependencies}");
    assert_eq!(registry.versions("titanic").await.len(), 3, "each digest is a version");

    // Nothing is new; then one version is.
    let again = registry.import(&import);
    assert_eq!(again["imported"], json!({ "things": 0, "versions": 0 }), "{again:#}");
    assert_eq!((&again["aliases_changed"], &again["present"]["versions"]), (&json!(0), &json!(4)));
    has.lock().unwrap().versions.push(version("churn", 5));
    let again = registry.import(&[&import[..], &["--name", "churn"]].concat());
    assert_eq!(again["imported"]["versions"], 2, "{again:#}");
    assert_eq!(registry.versions("churn").await.last().unwrap(), &(4, json!(5)));

    // Another MLflow is another source, until somebody says that it has only moved.
    let other = play(&has, &hangs);
    let told = registry.import(&["mlflow", "--uri", &other]);
    left_out(&told, "churn", "--source");
    let told = registry.import(&["mlflow", "--uri", &other, "--source", &uri]);
    assert_eq!(
        (&told["imported"]["versions"], &told["present"]["versions"]),
        (&json!(0), &json!(5))
    );

    // As a file it takes no registry, and is the newest of each.
    let file = registry.program.folder().join("registry.yaml").display().to_string();
    let told = Program::new().run(&["import", "mlflow", "--uri", &uri, "--plan", &file]).succeeds();
    assert!(told.output.contains("left out: version of churn 4: a file has"), "{}", told.output);
    let told = registry.program.run(&["plan", "-f", &file]);
    assert_eq!(told.code, Some(1), "large is too large for a file as well");
    let told = Program::new()
        .run(&["import", "mlflow", "--uri", &uri, "--name", "churn", "--plan", &file])
        .succeeds();
    assert!(told.output.contains("would come"), "{}", told.output);
    let told = registry.program.run(&["plan", "-f", &file]);
    assert!(told.errors.is_empty(), "{}", told.errors);
    assert!(!told.output.contains("created"), "it is all there: {}", told.output);
}

#[test]
fn an_mlflow_that_fails_is_told_of() {
    let program = Program::new()
        .with("BLOCKYARD_URL", "http://127.0.0.1:9")
        .with("BLOCKYARD_API_KEY", "none")
        .with("MLFLOW_TRACKING_TOKEN", "a-token-that-nobody-reads");
    let fails = |answer: fn(&str) -> Option<Answer>, words: &[&str]| {
        let uri = stand_in::serve(move |target, head| {
            assert!(head.to_lowercase().contains("authorization: bearer a-token"), "{head}");
            answer(target)
        });
        let told = program.run(&["import", "mlflow", "--uri", &uri, "--timeout", "1"]);
        assert!(!told.errors.contains("a-token"), "{}", told.errors);
        told.refuses(words);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            fails(|_| Some((500, String::new(), "{}".to_owned())), &["answers 500", "4 times"])
        });
        scope.spawn(|| fails(|_| None, &["does not answer in time, 4 times"]));
        scope.spawn(|| fails(|_| Some((200, String::new(), "<html>".to_owned())), &["no JSON"]));
        scope.spawn(|| fails(|_| ok(&json!([])), &["is that an MLflow?"]));
        scope.spawn(|| {
            fails(
                |_| ok(&json!({ "registered_models": [{ "nom": "x" }] })),
                &["missing field `name`"],
            )
        });
        scope.spawn(|| {
            fails(|_| Some((404, String::new(), "{}".to_owned())), &["has no api/2.0", "404"])
        });
        scope.spawn(|| {
            let refused = json!({ "message": "no permission" }).to_string();
            let uri = stand_in::serve(move |_, _| Some((403, String::new(), refused.clone())));
            let told = program.run(&["import", "mlflow", "--uri", &uri]);
            told.refuses(&["answers 403 Forbidden: no permission"]);
        });
        scope.spawn(|| {
            let to = "Location: http://elsewhere.example/login?secret=1".to_owned();
            let uri = stand_in::serve(move |_, _| Some((302, to.clone(), String::new())));
            let told = program.run(&["import", "mlflow", "--uri", &uri]);
            told.refuses(&["answers 302", "http://elsewhere.example, which is not followed"]);
        });
        // Pages without an end, the same one each time.
        let endless = json!({ "registered_models": [{ "name": "a" }], "next_page_token": "x" });
        scope.spawn(|| {
            let uri = stand_in::serve(move |_, _| ok(&endless));
            program.run(&["import", "mlflow", "--uri", &uri]).refuses(&["again and again"]);
        });
        // What fails twice, and then does not; asked with the name and the password of the address.
        scope.spawn(|| {
            let asked = AtomicUsize::new(0);
            let uri = stand_in::serve(move |_, head| {
                assert!(head.to_lowercase().contains("authorization: basic "), "{head}");
                match asked.fetch_add(1, Ordering::SeqCst) {
                    0 => Some((503, String::new(), String::new())),
                    1 => Some((429, "Retry-After: 1".to_owned(), String::new())),
                    _ => ok(&json!({})),
                }
            });
            let uri = uri.replace("http://", "http://ada:secret-word@");
            let told = Program::new()
                .run(&["import", "mlflow", "--uri", &uri, "--plan", "x.yaml", "--format", "json"])
                .succeeds();
            assert!(!told.output.contains("secret-word"), "{}", told.output);
        });
    });
}

/// A workspace of two, of which the other has nothing.
#[tokio::test]
async fn a_workspace_comes_with_what_was_made_since_a_day() {
    let registry = Registry::start().await;
    let uri = stand_in::serve(|target, head| {
        if !head.to_lowercase().contains("x-mlflow-workspace: fraud\r\n") {
            return ok(&json!({}));
        }
        let mut old = version("churn", 1);
        old["creation_timestamp"] = json!(1_793_491_199_999_u64); // 2026-10-31T23:59:59.999Z
        let mut new = version("churn", 2);
        new["creation_timestamp"] = json!(1_793_491_200_000_u64);
        match target {
            it if it.contains("registered-models/search") => {
                ok(&json!({ "registered_models": [{ "name": "churn" }] }))
            }
            it if it.contains("model-versions/search") => {
                ok(&json!({ "model_versions": [new, old] }))
            }
            it if it.contains("runs/get") => ok(&run("run-2", "titanic")),
            _ => Some((404, String::new(), "{}".to_owned())),
        }
    });
    let told = registry.import(&["mlflow", "--uri", &uri]);
    assert_eq!(told["imported"], json!({ "things": 0, "versions": 0 }), "{told:#}");
    let there = ["mlflow", "--uri", &uri, "--workspace", "fraud"];
    let told = registry.import(&[&there[..], &["--since", "2026-11-01"]].concat());
    assert_eq!(told["source"], format!("{uri}#fraud"), "{told:#}");
    assert_eq!(registry.versions("churn").await, [(1, json!(2))]);
    // An older one that comes later is not in use.
    registry.import(&there);
    assert_eq!(registry.versions("churn").await, [(1, json!(2)), (2, json!(1))]);
    assert_eq!(registry.get("/blocks/churn").await["version_number"], 1);
}
