//! What a checkout tracks with DVC and GTO, and what a stranger's would like to do.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::super::Program;
use super::checkout::{Checkout, digest, lock, single, survival};
use super::{Registry, left_out};

#[tokio::test]
async fn what_dvc_tracks_comes_with_its_versions_and_only_once() {
    let registry = Registry::start().await;
    let (checkout, [first, second, third]) = survival();
    let folder = checkout.folder();
    let import = ["dvc", folder.as_str()];

    let told = registry.import(&["dvc", &folder, "--dry-run"]);
    let all = json!({ "things": 7, "versions": 9 });
    assert_eq!(told["imported"], all, "{told:#}");
    assert_eq!(registry.get("/blocks").await["items"], json!([]));

    let told = registry.import(&import);
    assert_eq!(told["imported"], all, "{told:#}");
    assert_eq!(told["source"], "github.com/acme/survival");
    for (name, words) in [
        ("data/gone.csv", "tracked no more"),
        ("notes", "DVC does not track it"),
        ("dvc.yaml:never", "has not run"),
        ("survival", "Must be 1 to 63"),
        ("v2026.11", "no alias"),
    ] {
        left_out(&told, name, words);
    }
    assert_eq!(told["unknown_members"], json!({}), "{told:#}");

    // A model, of which GTO says what its versions are.
    assert_eq!(registry.versions("survival").await, [(1, json!("v1.0.0")), (2, json!("v1.1.0"))]);
    let block = registry.get("/blocks/survival").await;
    assert_eq!(
        (&block["block_type"], &block["description"]),
        (&json!("model"), &json!("who survives"))
    );
    assert_eq!(
        block["metadata"],
        json!({
            "labels": ["tabular", "prod"],
            "meta": { "owner": "fraud" },
            "metrics": { "auc": 0.9 },
            "params": { "train.depth": 3, "train.lr": 0.2, "train.most": ".inf" },
            "dvc": {
                "source": "github.com/acme/survival", "name": "survival", "version": "v1.1.0",
                "commit": second, "commit_title": "Lower the rate", "commit_author": "Ada",
                "committed_at": "2026-11-01T10:04:00Z", "tags": ["survival@v1.1.0"],
                "path": "model.pkl", "file": "dvc.lock", "remote": "store", "type": "model",
                "hash": "md5", "md5": digest('4'), "size": 62,
                "stage": { "name": "train", "cmd": "python train.py", "desc": "Fits it" },
                "deps": [{ "path": "data/features", "hash": "md5", "md5": format!("{}.dir", digest('2')), "size": 4, "nfiles": 1 }],
            },
        })
    );
    let older = registry.get("/blocks/survival/versions/1").await;
    assert_eq!(
        older["metadata"]["metrics"],
        json!({ "auc": 0.8, "by": { "men": "NaN" } }),
        "{older:#}"
    );
    for alias in ["prod", "dev"] {
        let alias = registry.get(&format!("/blocks/survival/aliases/{alias}")).await;
        assert_eq!(alias["version_number"], 2, "{alias}");
    }
    let repos = registry.get("/blocks/survival/code-repos").await;
    let repo = &repos["items"][0];
    let told = (&repo["repo_url"], &repo["branch"]);
    assert_eq!(told, (&json!("https://github.com/acme/survival.git"), &json!("main")), "{repos}");

    // Datasets: what a commit has changed is a version, and what made them is known.
    let raw = registry.versions("data%2Fraw.csv").await;
    assert_eq!(raw, [(1, json!(first)), (2, json!(second))]);
    let light = registry.get("/blocks/data%2Fraw.csv/aliases/first-light").await;
    assert_eq!(light["version_number"], 1, "{light}");
    let block = registry.get("/blocks/data%2Fraw.csv").await;
    assert_eq!(block["block_type"], "dataset");
    assert_eq!(block["metadata"]["dvc"]["tags"], json!(["v2026.11"]));
    assert_eq!(registry.versions("data%2Flocal.txt").await, [(1, json!(third))]);
    let copy = registry.get("/blocks/out_a.csv").await;
    assert_eq!(copy["metadata"]["metrics"], json!({ "rows": 1 }));
    let whole = registry.get("/export").await;
    let on = |name: &str| {
        let blocks = whole["blocks"].as_array().unwrap_or_else(|| panic!("{whole:#}"));
        blocks.iter().find(|it| it["name"] == name).unwrap()["dependencies"].clone()
    };
    let raw = json!([{ "block": "data/raw.csv" }]);
    assert_eq!(on("survival"), json!([{ "block": "data/features" }]));
    assert_eq!(
        (on("data/features"), on("sub/x.csv"), on("out_a.csv")),
        (raw.clone(), raw.clone(), raw)
    );
    assert_eq!(on("data/raw.csv"), json!(null));
    assert_eq!(on("data/local.txt"), json!([{ "external": "https://example.org/x" }]));
    let borrowed = "https://github.com/treeverse/dataset-registry get-started/data.xml";
    assert_eq!(on("data/borrowed"), json!([{ "external": borrowed }]));
    assert!(!whole.to_string().contains("secret-word"));

    // Nothing is new, from whatever clone; then a release of the older line is, and the newer stays in use.
    checkout.git(&["remote", "set-url", "origin", "git@github.com:acme/survival.git"], 11);
    let again = registry.import(&import);
    assert_eq!(again["imported"], json!({ "things": 0, "versions": 0 }), "{again:#}");
    assert_eq!((&again["aliases_changed"], &again["present"]["versions"]), (&json!(0), &json!(9)));
    checkout.git(&["checkout", "-q", "-b", "fix", &first], 12);
    checkout.write("dvc.lock", &lock('2', '8', 0.1));
    let fix = checkout.commit("Fix it", 12);
    checkout.tag("survival@v1.0.1", &fix, 13);
    checkout.git(&["checkout", "-q", "main"], 13);
    let again = registry.import(&import);
    assert_eq!(again["imported"], json!({ "things": 0, "versions": 1 }), "{again:#}");
    assert_eq!(registry.versions("survival").await[2], (3, json!("v1.0.1")));
    let block = registry.get("/blocks/survival").await;
    assert_eq!(block["metadata"]["dvc"]["version"], "v1.1.0", "{block:#}");
    let third = registry.get("/blocks/survival/versions/3").await;
    assert_eq!(third["metadata"]["dvc"]["md5"], digest('8'));

    // As a file it takes no registry.
    let file = registry.program.folder().join("dvc.yaml").display().to_string();
    let told = Program::new().run(&["import", "dvc", &folder, "--plan", &file]).succeeds();
    assert!(
        told.output.contains("left out: version of survival v1.0.0: a file"),
        "{}",
        told.output
    );
    let told = registry.program.run(&["plan", "-f", &file]);
    assert!(told.errors.is_empty(), "{}", told.errors);
    assert!(!told.output.contains("created"), "it is all there: {}", told.output);
    let told =
        registry.import(&["dvc", &folder, "--name", "survival", "--name", "nothing", "--dry-run"]);
    assert_eq!(told["found"], json!({ "things": 1, "versions": 3 }));
    left_out(&told, "nothing", "nothing of that name");
    let told = registry.import(&["dvc", &folder, "--since", "2026-11-02", "--dry-run"]);
    assert_eq!(told["found"], json!({ "things": 0, "versions": 0 }));
}

/// A release of an older line, as late as that minute.
fn release_older(checkout: &Checkout, first: &str, version: &str, minute: u32) {
    checkout.git(&["checkout", "-q", "-b", version, first], minute);
    checkout.write("fix.txt", version);
    let fix = checkout.commit("Fix it", minute);
    checkout.tag(&format!("survival@{version}"), &fix, minute);
    checkout.git(&["checkout", "-q", "main"], minute);
}

#[tokio::test]
async fn a_late_release_leaves_in_use_what_people_use() {
    let registry = Registry::start().await;
    let (checkout, [first, ..]) = survival();
    let folder = checkout.folder();
    registry.import(&["dvc", &folder, "--name", "survival"]);
    let apply = async |block: Value| {
        let told = json!({ "apiVersion": "blockyard/v1", "blocks": [block] });
        let told = registry.post("/apply", told).await;
        assert!(told["items"].is_array(), "{told:#}");
    };
    let in_use = async || registry.get("/blocks/survival").await["version_number"].clone();

    // What somebody has put right has the origin of what it was made of.
    let mut metadata = registry.get("/blocks/survival").await["metadata"].clone();
    metadata["note"] = "put right".into();
    apply(json!({ "name": "survival", "metadata": metadata })).await;
    release_older(&checkout, &first, "v1.0.1", 12);
    let since = "2026-11-01T10:11:00Z";
    let told = registry.import(&["dvc", &folder, "--name", "survival", "--since", since]);
    assert_eq!(told["imported"]["versions"], 1, "{told:#}");
    assert_eq!(registry.versions("survival").await[3], (4, json!("v1.0.1")));
    assert_eq!(in_use().await, 3);

    // What somebody has gone back to stays as well, and a newest release is used at once.
    apply(json!({ "name": "survival", "active": 1 })).await;
    release_older(&checkout, &first, "v1.0.2", 13);
    registry.import(&["dvc", &folder, "--name", "survival"]);
    assert_eq!(registry.versions("survival").await[4], (5, json!("v1.0.2")));
    assert_eq!(in_use().await, 1);
    release_older(&checkout, &first, "v1.2.0", 14);
    registry.import(&["dvc", &folder, "--name", "survival"]);
    assert_eq!(in_use().await, 6);

    // Where changes are reviewed, people say what is used.
    apply(json!({ "name": "survival", "activation": "reviewed" })).await;
    metadata["note"] = "nobody has decided".into();
    apply(json!({ "name": "survival", "metadata": metadata })).await;
    release_older(&checkout, &first, "v1.0.3", 15);
    let told = registry.import(&["dvc", &folder, "--name", "survival"]);
    assert_eq!(told["imported"]["versions"], 1, "{told:#}");
    assert_eq!(registry.versions("survival").await[7], (8, json!("v1.0.3")));
    assert_eq!(in_use().await, 6);
}

#[tokio::test]
async fn an_alias_that_may_not_be_moved_is_told() {
    let registry = Registry::start().await;
    let (checkout, [.., third]) = survival();
    let folder = checkout.folder();
    let key = registry.post("/api-keys", json!({ "name": "dev", "role": "developer" })).await;
    let developer = Program::new()
        .with("BLOCKYARD_URL", registry.running.url(""))
        .with("BLOCKYARD_API_KEY", key["key"].as_str().unwrap());
    registry.import(&["dvc", &folder]);
    let prod = json!({ "prod": { "version": 1, "protected": true } });
    let blocks = json!([{ "name": "survival", "aliases": prod }]);
    let told = json!({ "apiVersion": "blockyard/v1", "blocks": blocks });
    registry.post("/apply", told).await;

    checkout.git(&["tag", "fresh", &third], 11);
    let told = developer.run(&["import", "dvc", &folder, "--format", "json"]).succeeds();
    let told: Value = serde_json::from_str(&told.output).unwrap();
    left_out(&told, "survival", "403");
    assert_eq!(told["aliases_changed"], 6, "those of the outputs: {told:#}");
    let prod = registry.get("/blocks/survival/aliases/prod").await;
    assert_eq!((&prod["version_number"], &prod["is_protected"]), (&json!(1), &json!(true)));
    let fresh = registry.get("/blocks/data%2Fraw.csv/aliases/fresh").await;
    assert_eq!(fresh["version_number"], 2, "{fresh}");
}

/// What would come, and what is told.
fn planned(program: &Program, checkout: &Checkout) -> (String, Value) {
    let file = program.folder().join("plan.yaml").display().to_string();
    let folder = checkout.folder();
    let told =
        program.run(&["import", "dvc", &folder, "--plan", &file, "--format", "json"]).succeeds();
    (std::fs::read_to_string(file).unwrap(), serde_json::from_str(&told.output).unwrap())
}

#[test]
fn a_checkout_of_a_stranger_runs_nothing_and_leads_nowhere() {
    let (checkout, _) = survival();
    let mark = checkout.path().join("ran");
    let evil = checkout.path().join("evil.sh");
    checkout.write("evil.sh", &format!("#!/bin/sh\ntouch {}\ncat\n", mark.display()));
    Command::new("chmod").arg("+x").arg(&evil).status().unwrap();
    let evil = evil.display().to_string();

    // What is no name, and what is elsewhere.
    let outside = tempfile::tempdir().unwrap();
    let stolen = outside.path().join("stolen.dvc");
    std::fs::write(&stolen, single(&digest('9'), "stolen-content")).unwrap();
    std::os::unix::fs::symlink(&stolen, checkout.path().join("link.dvc")).unwrap();
    std::os::unix::fs::symlink(outside.path(), checkout.path().join("elsewhere")).unwrap();
    checkout.write("out.dvc", &single(&digest('9'), "../../etc/passwd"));
    checkout.write("two\nlines.dvc", &single(&digest('9'), "\"two\\nlines\""));
    checkout.write("--upload-pack=x.dvc", &single(&digest('9'), "--upload-pack=x"));
    checkout.write(OsStr::from_bytes(b"\xff.dvc"), &single(&digest('9'), "no-text"));
    checkout.write(":a.dvc", &single(&digest('9'), "colon"));
    let far = format!("{}x", "far/".repeat(20_000));
    checkout.write("far/dvc.yaml", &format!("artifacts:\n  far:\n    path: {far}\n"));
    checkout.write("list.dvc", "[]\n");
    checkout.write("empty.dvc", "");
    checkout.write("binary.dvc", "outs:\0");
    checkout.write("up.dvc", &format!("wdir: ../..\n{}", single(&digest('9'), "x")));
    checkout.write("twice.dvc", &single(&digest('9'), "DATA/RAW.CSV"));
    let mut bomb = "schema: '2.0'\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        bomb +=
            &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(", "));
    }
    checkout.write("bomb/dvc.lock", &bomb);
    checkout.write("deep/dvc.yaml", &"[".repeat(100_000));
    checkout.write("large/x.dvc", &format!("# {}\n", "x".repeat(17 * 1024 * 1024)));
    checkout.write(".gitattributes", "* diff=evil filter=evil\n");
    let head = checkout.commit("Take this", 20);
    checkout.git(&["update-ref", "refs/tags/--exec=evil", &head], 20);
    checkout.git(&["update-ref", "refs/tags/survival@v9.9.9", &head], 20);
    checkout.git(&["update-ref", "refs/tags/far=far@v1.0.0", &head], 20);
    for (name, value) in [
        ("core.fsmonitor", evil.as_str()),
        ("core.pager", &evil),
        ("core.sshCommand", &evil),
        ("core.hooksPath", &checkout.folder()),
        ("core.alternateRefsCommand", &evil),
        ("pager.log", &evil),
        ("diff.external", &evil),
        ("diff.evil.textconv", &evil),
        ("diff.evil.command", &evil),
        ("filter.evil.smudge", &evil),
        ("filter.evil.clean", &evil),
        ("log.showSignature", "true"),
        ("gpg.program", &evil),
        ("alias.rev-list", &format!("!{evil}")),
        ("credential.helper", &evil),
    ] {
        checkout.git(&["config", name, value], 20);
    }
    let _ = std::fs::remove_file(&mark);

    let program = Program::new()
        .with("GIT_DIR", "/nowhere")
        .with("GIT_WORK_TREE", "/nowhere")
        .with("GIT_OBJECT_DIRECTORY", "/nowhere")
        .with("GIT_EXTERNAL_DIFF", &evil)
        .with("GIT_LITERAL_PATHSPECS", "1")
        .with("GIT_PAGER", &evil);
    let (file, told) = planned(&program, &checkout);
    assert!(!mark.exists(), "something of the checkout has run");
    for word in ["stolen-content", "secret-word", "passwd", "no-text"] {
        assert!(!file.contains(word), "{word} in {file}");
    }
    for (name, words) in [
        ("HEAD", "not UTF-8"),
        ("../../etc/passwd", "outside of the checkout"),
        ("two\nlines", "U+000A"),
        ("bomb/dvc.lock", "1"),
        ("deep/dvc.yaml", "1:"),
        ("list.dvc", "invalid type"),
        ("binary.dvc", "1:"),
        ("large/x.dvc", "bytes"),
        ("up.dvc", "wdir is elsewhere"),
        ("data/raw.csv", "case of letters"),
        ("--exec=evil", "no alias"),
        ("link.dvc", "it is a link"),
        ("far:far", "neither DVC nor git has far/far/"),
    ] {
        left_out(&told, name, words);
    }
    for word in ["--upload-pack=x", "v9.9.9", "name: colon"] {
        assert!(file.contains(word), "no {word} in {file}");
    }

    // What a partial clone lacks is not fetched.
    let lock = checkout.git(&["rev-parse", "HEAD:dvc.lock"], 20);
    let (folder, object) = lock.split_at(2);
    std::fs::remove_file(checkout.path().join(format!(".git/objects/{folder}/{object}"))).unwrap();
    for (name, value) in [
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", &format!("ext::{evil}")),
        ("protocol.ext.allow", "always"),
    ] {
        checkout.git(&["config", name, value], 20);
    }
    let folder = checkout.folder();
    let told = program.run(&["import", "dvc", &folder, "--plan", "x.yaml"]);
    told.refuses(&["dvc.lock", "nothing is fetched"]);
    assert!(!mark.exists(), "something of the checkout has run");
}

#[test]
fn what_cannot_be_read_is_told() {
    let program = Program::new();
    let plan = |folder: &Path| {
        program.run(&["import", "dvc", &folder.display().to_string(), "--plan", "x.yaml"])
    };
    let outside = tempfile::tempdir().unwrap();
    plan(outside.path()).refuses(&["that is no git checkout"]);
    plan(&outside.path().join("nothing")).refuses(&["No such file or directory"]);
    let checkout = Checkout::new();
    plan(checkout.path()).refuses(&["it has no commit yet"]);
    checkout.write("README.md", "Nothing of DVC");
    checkout.commit("One", 1);
    let (file, told) = planned(&program, &checkout);
    assert_eq!(
        (told["found"]["things"].as_u64(), file.contains("blocks: []")),
        (Some(0), true),
        "{file}"
    );
    checkout.write("README.md", "More");
    checkout.commit("Two", 2);

    // Not to be seen is that it is a clone of the same machine.
    let shallow = Checkout::empty();
    let from = format!("file://{}", checkout.folder());
    shallow.git(&["clone", "-q", "--depth", "1", &from, "."], 3);
    plan(shallow.path()).refuses(&["a shallow clone", "git fetch --unshallow"]);

    let nowhere = Program::new().with("PATH", outside.path().display().to_string());
    let told = nowhere.run(&["import", "dvc", &checkout.folder(), "--plan", "x.yaml"]);
    told.refuses(&["the program git, which is not here"]);
    let told = program.run(&["import", "dvc", &checkout.folder()]);
    told.refuses(&["where to?"]);
}

#[test]
fn a_checkout_is_the_same_from_any_folder_of_it() {
    let program = Program::new();
    let (checkout, _) = survival();
    checkout.write("sub/deep/x.csv.dvc", &single(&digest('8'), "x.csv"));
    checkout.commit("In a folder", 11);
    checkout.git(&["remote", "remove", "origin"], 11);
    let bare = Checkout::empty();
    bare.git(&["clone", "-q", "--bare", &checkout.folder(), "."], 12);
    let plan = |folder: &Path| {
        let folder = folder.display().to_string();
        let file = program.folder().join("plan.yaml").display().to_string();
        let told = program.run(&["import", "dvc", &folder, "--source", "x", "--plan", &file]);
        let told = told.succeeds().output;
        (told, std::fs::read_to_string(file).unwrap())
    };
    let whole = plan(checkout.path());
    assert!(whole.1.contains("sub/deep/x.csv"), "{}", whole.1);
    assert_eq!(plan(&checkout.path().join("sub/deep")), whole);
    // Another remote than none is all that a clone has.
    bare.git(&["remote", "remove", "origin"], 12);
    assert_eq!(plan(bare.path()), whole);

    // Without a remote and another word it is known by where it begins.
    let folder = checkout.path().join("sub/deep").display().to_string();
    let told = program.run(&["import", "dvc", &folder, "--plan", "x.yaml", "--format", "json"]);
    let told: Value = serde_json::from_str(&told.succeeds().output).unwrap();
    assert_eq!(told["source"], checkout.path().canonicalize().unwrap().display().to_string());
}

#[test]
fn what_gto_knows_and_dvc_does_not_comes_as_well() {
    let program = Program::new();
    let (checkout, [first, second, third]) = survival();
    checkout.tag("notes@v1.0.0", &first, 20);
    checkout.write("metrics.json", "0.5");
    let bare = checkout.commit("A bare number", 20);
    checkout.tag("survival@v1.2.0", &bare, 20);
    checkout.tag("lone@v0.1.0", &second, 21);
    checkout.tag("lone@deprecated", &second, 22);
    checkout.tag("taken-back@v1.0.0", &second, 23);
    checkout.tag("taken-back@v1.0.0!", &second, 24);
    checkout.write("dvc.lock", "<<<<<<< HEAD\n=======\n");
    let broken = checkout.commit("In conflict", 25);
    checkout.write("dvc.lock", &lock('2', '4', 0.2));
    checkout
        .write("models/dvc.yaml", "artifacts:\n  small:\n    path: small.onnx\n    colour: red\n");
    checkout.write("models/small.onnx.dvc", &single(&digest('9'), "small.onnx"));
    let last = checkout.commit("And on", 26);
    let (file, told) = planned(&program, &checkout);
    for (name, words) in [
        ("lone", "deprecated"),
        ("survival", "its metrics metrics.json have no names"),
        ("taken-back", "no version of it is registered any more"),
        ("dvc.lock", "invalid type"),
    ] {
        left_out(&told, name, words);
    }
    let of_lock = told["left_out"].as_array().unwrap().iter().filter(|it| it["name"] == "dvc.lock");
    assert_eq!(of_lock.map(|it| &it["version"]).collect::<Vec<_>>(), [&json!(broken)]);
    assert_eq!(told["unknown_members"], json!({ "artifact.colour": 1 }));
    let told = program.run(&[
        "import",
        "dvc",
        &checkout.folder(),
        "--plan",
        "x.yaml",
        "--name",
        "survival",
        "--format",
        "json",
    ]);
    let told: Value = serde_json::from_str(&told.succeeds().output).unwrap();
    left_out(&told, "survival", "data/features, of which it was made, is not here");

    let plan: Value = serde_saphyr::from_str(&file).unwrap();
    let block = |name: &str| {
        let mut blocks = plan["blocks"].as_array().unwrap().iter();
        blocks.find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name} in {file}"))
    };
    let notes = &block("notes")["metadata"]["dvc"];
    assert_eq!(notes["git_oid"], checkout.git(&["rev-parse", "HEAD:notes.txt"], 27));
    assert_eq!((&notes["size"], &notes["tags"]), (&json!(7), &json!(["notes@v1.0.0"])));
    let lone = block("lone");
    assert_eq!(
        (&lone["type"], &lone["metadata"]["dvc"]["commit"]),
        (&json!("model"), &json!(second))
    );
    let small = block("models:small");
    assert_eq!(
        (&small["type"], &small["metadata"]["dvc"]["version"]),
        (&json!("model"), &json!(last))
    );
    assert_eq!(block("data/local.txt")["metadata"]["dvc"]["version"], third);
    // The same digest as before the conflict.
    assert_eq!(block("data/features")["metadata"]["dvc"]["version"], first);
}
