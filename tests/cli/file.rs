//! `blockyard plan`, `diff`, `apply` and `export`: a registry from a file.

use std::fs;

use serde_json::{Value, json};

use super::Program;
use super::running::{self, Running};
use super::support::Database;

const FILE: &str = "\
apiVersion: blockyard/v1
owner: team-fraud
taxonomy: [tabular]
blocks:
  - &passengers
    name: passengers
    type: dataset
    metadata: { rows: 891 }
    categories: [tabular]
---
apiVersion: blockyard/v1
edges:
  - name: train
pipelines:
  - name: nightly
    blocks: [passengers]
";

#[tokio::test]
async fn a_registry_is_made_of_a_file() {
    let database = Database::new().await;
    let running = Running::start(running::on(&database)).await;
    let token = running.login().await["access_token"].as_str().unwrap().to_owned();
    let post = async |path: &str, body: Value| -> Value {
        let answer = running.http.post(running.url(path)).bearer_auth(&token).json(&body);
        answer.send().await.unwrap().json().await.unwrap()
    };
    let key = post("/api-keys", json!({ "name": "ci" })).await;
    let key = key["key"].as_str().unwrap();
    let ci = Program::new().with("BLOCKYARD_URL", running.url("")).with("BLOCKYARD_API_KEY", key);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (file, plan, out) = (path("registry.yaml"), path("plan.json"), path("out.yaml"));
    fs::write(&file, FILE).unwrap();

    // Planned, kept, carried out, and nothing to do any more.
    let told = ci.run(&["plan", "-f", &file, "--out", &plan]);
    assert_eq!(told.code, Some(2), "{}{}", told.output, told.errors);
    for line in ["+ block passengers: created, version 1", "    +   rows: 891", "4 created; safe"] {
        assert!(told.output.contains(line), "{line}: {}", told.output);
    }
    assert!(!told.output.contains('\u{1B}'), "no colours in a pipe: {}", told.output);
    let told = ci.run(&["apply", "-f", &file]);
    assert_eq!(told.code, Some(1), "nobody is there to be asked: {}", told.output);
    let told = ci.run(&["apply", &plan]);
    assert_eq!(told.code, Some(0), "{}{}", told.output, told.errors);
    assert_eq!(told.output, "applied: 4 created; safe\n");
    for command in ["plan", "diff"] {
        assert_eq!(ci.run(&[command, "-f", &file]).code, Some(0));
    }
    let told = ci.run(&["apply", &plan]);
    assert_eq!(told.code, Some(1), "the registry has moved");
    assert!(told.errors.contains("plan again"), "{}", told.errors);

    // A table of blocks beside it.
    let table = path("blocks.csv");
    fs::write(&table, "name,type,metadata/rows\npassengers,dataset,891\n").unwrap();
    assert_eq!(ci.run(&["plan", "-f", &table]).code, Some(0), "it says what is so");
    fs::write(&table, "name,type,metadata\n\"crew\n\",dataset,\nx,table,{}\n").unwrap();
    ci.run(&["plan", "-f", &file, "-f", &table]).refuses(&["blocks.csv:4:1: /type: "]);
    fs::write(&table, "name,type,metadata\nx,dataset,7\n").unwrap();
    ci.run(&["plan", "-f", &table]).refuses(&["blocks.csv", "/blocks/0/metadata", "JSON object"]);

    // What is printed is read alike, as YAML and as JSON.
    let told = ci.run(&["export", "--out", &out]);
    assert_eq!(told.code, Some(0), "{}", told.errors);
    assert_eq!(
        ci.run(&["plan", "-f", &out]).code,
        Some(0),
        "{}",
        fs::read_to_string(&out).unwrap()
    );
    let json = ci.run(&["export", "--json", "--kind", "block"]);
    let exported: Value = serde_json::from_str(&json.output).unwrap();
    assert_eq!(exported["blocks"][0]["name"], "passengers");
    assert_eq!(exported.get("edges"), None);
    fs::write(path("out.json"), &json.output).unwrap();
    assert_eq!(ci.run(&["diff", "-f", &path("out.json")]).code, Some(0));

    // A difference is one of lines, and a folder is one file.
    let more = path("more");
    fs::create_dir(&more).unwrap();
    fs::write(format!("{more}/b.yaml"), FILE.replace("891", "892")).unwrap();
    fs::write(format!("{more}/README.md"), "no file of ours").unwrap();
    let told = ci.run(&["diff", "-f", &more]);
    assert_eq!(told.code, Some(2), "{}{}", told.output, told.errors);
    assert!(told.output.contains("    -   rows: 891\n    +   rows: 892"), "{}", told.output);
    let told = ci.run(&["apply", "--yes", "-f", &more, "--color", "always"]);
    assert_eq!(told.code, Some(0), "{}{}", told.output, told.errors);
    assert!(
        told.output.contains("\u{1B}[33m~ block passengers: updated, version 2"),
        "{}",
        told.output
    );

    // Faults name file, line and column, wherever they are found.
    fs::write(&file, FILE.replace("type: dataset", "type: table")).unwrap();
    let told = ci.run(&["plan", "-f", &file]);
    assert_eq!(told.code, Some(1));
    assert!(told.errors.contains("registry.yaml:6:5: /type: Must be"), "{}", told.errors);
    fs::write(&file, FILE.replace("edges:", "edgse:")).unwrap();
    let told = ci.run(&["plan", "-f", &file]);
    assert_eq!(told.code, Some(1));
    assert!(told.errors.contains("registry.yaml:12:1: "), "{}", told.errors);
    let told = ci.run(&["plan", "-f", &path("nothing.yaml")]);
    assert!(told.code == Some(1) && told.errors.contains("nothing.yaml"), "{}", told.errors);
    assert_eq!(ci.run(&["plan"]).code, Some(2), "a command line that makes no sense");
}
