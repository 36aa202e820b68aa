//! Checkouts that use DVC and GTO, made by git. Their files have the forms in which DVC 3.67.1 and GTO 1.10.1 wrote
//! those of a repository of the same stages (`dvc add`, `repro`, `import-url`, `import`; `gto register`, `assign`).

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

pub struct Checkout(TempDir);

impl Checkout {
    /// A folder without a repository.
    pub fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn new() -> Self {
        let checkout = Self::empty();
        checkout.git(&["init", "-q", "-b", "main"], 0);
        checkout
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The folder, as an argument.
    pub fn folder(&self) -> String {
        self.path().display().to_string()
    }

    /// What git answers, at the n-th minute of a day.
    pub fn git(&self, arguments: &[&str], minute: u32) -> String {
        let date = format!("2026-11-01T10:{minute:02}:00Z");
        let output = Command::new("git")
            .arg("-C")
            .arg(self.path())
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.org")])
            .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.org")])
            .envs([("GIT_AUTHOR_DATE", &date), ("GIT_COMMITTER_DATE", &date)])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub fn write(&self, file: impl AsRef<OsStr>, text: &str) {
        let path = self.path().join(file.as_ref());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Commits all that is there.
    pub fn commit(&self, title: &str, minute: u32) -> String {
        self.git(&["add", "--all", "--force"], minute);
        self.git(&["commit", "-q", "--no-verify", "-m", title], minute);
        self.git(&["rev-parse", "HEAD"], minute)
    }

    /// A tag as GTO makes them.
    pub fn tag(&self, name: &str, commit: &str, minute: u32) {
        self.git(&["tag", "-a", "-m", "by GTO", name, commit], minute);
    }
}

/// No number, as which YAML would read digits alone: DVC puts those in quotes.
pub fn digest(letter: char) -> String {
    format!("da{}", letter.to_string().repeat(30))
}

/// A lock in which the features, the model and the learning rate are these.
pub fn lock(features: char, model: char, rate: f64) -> String {
    let (raw, features, model) = (digest('1'), digest(features), digest(model));
    format!(
        "schema: '2.0'
stages:
  prepare:
    cmd: python prep.py
    deps:
    - path: data/raw.csv
      hash: md5
      md5: {raw}
      size: 4
    - path: prep.py
      hash: md5
      md5: {raw}
      size: 114
    params:
      params.yaml:
        prepare:
          split: 0.2
          seed: 1
    outs:
    - path: data/features
      hash: md5
      md5: {features}.dir
      size: 4
      nfiles: 1
  train:
    cmd: python train.py
    deps:
    - path: data/features
      hash: md5
      md5: {features}.dir
      size: 4
      nfiles: 1
    params:
      params.yaml:
        train.depth: 3
        train.lr: {rate}
        train.most: .inf
    outs:
    - path: model.pkl
      hash: md5
      md5: {model}
      size: 62
  evaluate:
    cmd: python evaluate.py
    deps:
    - path: model.pkl
      hash: md5
      md5: {model}
      size: 62
    outs:
    - path: metrics.json
      hash: md5
      md5: {raw}
      size: 32
    - path: roc.csv
      hash: md5
      md5: {raw}
      size: 8
  copy@a:
    cmd: cp data/raw.csv out_a.csv
    deps:
    - path: data/raw.csv
      hash: md5
      md5: {raw}
      size: 4
    outs:
    - path: out_a.csv
      hash: md5
      md5: {raw}
      size: 4
    - path: counts_a.json
      hash: md5
      md5: {raw}
      size: 4
  sub:
    cmd: cp ../data/raw.csv x.csv
    deps:
    - path: ../data/raw.csv
      hash: md5
      md5: {raw}
      size: 4
    outs:
    - path: x.csv
      hash: md5
      md5: {raw}
      size: 4
"
    )
}

const PROJECT: &str = "vars:
- kinds: [a, b]
stages:
  prepare:
    cmd: python prep.py
    deps: [prep.py, data/raw.csv]
    params: [prepare]
    outs: [data/features]
  train:
    desc: Fits it
    cmd: python train.py
    deps: [data/features, train.py]
    params: [train.lr, train.depth]
    outs:
    - model.pkl:
        desc: the model
  evaluate:
    cmd: python evaluate.py
    deps: [evaluate.py, model.pkl]
    metrics:
    - metrics.json:
        cache: false
    plots:
    - roc.csv:
        cache: false
        x: x
        y: y
  copy:
    foreach: ${kinds}
    do:
      cmd: cp data/raw.csv out_${item}.csv
      deps: [data/raw.csv]
      outs: ['out_${item}.csv']
      metrics: ['counts_${item}.json']
  sub:
    wdir: sub
    cmd: cp ../data/raw.csv x.csv
    deps: [../data/raw.csv]
    outs: [x.csv]
  never:
    cmd: python never.py
artifacts:
  survival:
    path: model.pkl
    type: model
    desc: who survives
    labels: [tabular, prod]
    meta: {owner: fraud}
  notes:
    path: notes.txt
    type: report
";

pub fn single(digest: &str, path: &str) -> String {
    format!("outs:\n- md5: {digest}\n  size: 4\n  hash: md5\n  path: {path}\n")
}

/// A checkout of three commits, its two versions and its stages.
pub fn survival() -> (Checkout, [String; 3]) {
    let checkout = Checkout::new();
    let remote = "https://ada:secret-word@github.com/acme/survival.git";
    checkout.git(&["remote", "add", "origin", remote], 0);
    let config = "[core]\n    remote = store\n    analytics = false\n['remote \"store\"']\n    url = s3://bucket/dvc\n";
    checkout.write(".dvc/config", config);
    checkout.write("dvc.yaml", PROJECT);
    checkout.write("dvc.lock", &lock('2', '3', 0.1));
    checkout.write("data/raw.csv.dvc", &single(&digest('1'), "raw.csv"));
    checkout.write("data/gone.csv.dvc", &single(&digest('1'), "gone.csv"));
    checkout.write("metrics.json", "{\"auc\": 0.8, \"by\": {\"men\": NaN}}");
    checkout.write("counts_a.json", "{\"rows\": 1}");
    checkout.write("notes.txt", "Nothing");
    let first = checkout.commit("First", 1);
    checkout.tag("survival@v1.0.0", &first, 2);
    checkout.tag("survival#prod#1", &first, 3);

    checkout.write("dvc.lock", &lock('2', '4', 0.2));
    checkout.write("metrics.json", "{\"auc\": 0.9}");
    checkout.write("data/raw.csv.dvc", &single(&digest('5'), "raw.csv"));
    let second = checkout.commit("Lower the rate", 4);
    checkout.tag("survival@v1.1.0", &second, 5);
    checkout.tag("survival#dev#2", &second, 6);
    checkout.tag("survival#prod#3", &second, 7);
    checkout.tag("survival#Big#4", &second, 8);

    std::fs::remove_file(checkout.path().join("data/gone.csv.dvc")).unwrap();
    checkout.write(
        "data/local.txt.dvc",
        &format!(
            "md5: {md5}\nfrozen: true\ndeps:\n- md5: {md5}\n  size: 2\n  hash: md5\n  path: https://ada:secret-word@example.org/x?sig=secret-word\nouts:\n- md5: {md5}\n  size: 2\n  hash: md5\n  path: local.txt\n",
            md5 = digest('6')
        ),
    );
    checkout.write(
        "data/borrowed.dvc",
        &format!(
            "md5: {md5}\nfrozen: true\ndeps:\n- path: get-started/data.xml\n  repo:\n    url: https://github.com/treeverse/dataset-registry\n    rev_lock: {sha}\nouts:\n- md5: {md5}.dir\n  size: 2\n  nfiles: 3\n  hash: md5\n  path: borrowed\n",
            md5 = digest('7'),
            sha = "f".repeat(40)
        ),
    );
    let third = checkout.commit("Bring more", 9);
    // Of the whole: what is no tag of GTO.
    checkout.git(&["tag", "first-light", &first], 10);
    checkout.git(&["tag", "v2026.11", &second], 10);
    (checkout, [first, second, third])
}
