//! The difference of two locks in words.

use serde_json::Value;

/// One line for each thing that differs; none when nothing does.
pub fn summary(from: &Value, to: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if from["pipeline_id"] != to["pipeline_id"] {
        lines.push(format!(
            "another pipeline: {} → {}",
            text(&from["pipeline_id"]),
            text(&to["pipeline_id"])
        ));
    }
    if from["dagster_pipeline_config"] != to["dagster_pipeline_config"] {
        lines.push("dagster_pipeline_config changed".to_owned());
    }
    for kind in [BLOCKS, EDGES] {
        kind.compare(&from[kind.list], &to[kind.list], &mut lines);
    }
    lines
}

struct Kind {
    list: &'static str,
    word: &'static str,
    /// What makes two of them the same one.
    identity: &'static [&'static str],
}

const BLOCKS: Kind = Kind { list: "blocks", word: "block", identity: &["block_id"] };
const EDGES: Kind = Kind {
    list: "edges",
    word: "edge",
    identity: &["edge_id", "source_block_id", "target_block_id"],
};

impl Kind {
    fn compare(&self, from: &Value, to: &Value, lines: &mut Vec<String>) {
        let empty = Vec::new();
        let before = from.as_array().unwrap_or(&empty);
        let after = to.as_array().unwrap_or(&empty);
        for old in before {
            match after.iter().find(|new| self.same(old, new)) {
                Some(new) => self.changes(old, new, lines),
                None => lines.push(format!("{} removed", self.called(old))),
            }
        }
        for new in after {
            if !before.iter().any(|old| self.same(old, new)) {
                let version = &new["version_number"];
                lines.push(format!("{} added, version {version}", self.called(new)));
            }
        }
    }

    fn same(&self, one: &Value, other: &Value) -> bool {
        self.identity.iter().all(|id| one[*id] == other[*id])
    }

    fn called(&self, part: &Value) -> String {
        format!("{} {}", self.word, text(&part["name"]))
    }

    fn changes(&self, old: &Value, new: &Value, lines: &mut Vec<String>) {
        let called = self.called(new);
        if old["version_id"] != new["version_id"] {
            let (before, after) = (&old["version_number"], &new["version_number"]);
            lines.push(format!("{called}: version {before} → {after}"));
            if old["metadata_digest"] == new["metadata_digest"] {
                lines.push(format!("{called}: the metadata is the same"));
            }
        } else if old["verification"] != new["verification"] {
            let change = match (&old["verification"], &new["verification"]) {
                (Value::Null, _) => "verified",
                (_, Value::Null) => "verification revoked",
                _ => "verified anew",
            };
            lines.push(format!("{called}: {change}"));
        }
        if old["alias"] != new["alias"] {
            lines.push(match new["alias"].as_str() {
                Some(alias) => format!("{called}: follows {alias}"),
                None => format!("{called}: follows {} no more", text(&old["alias"])),
            });
        }
        for (list, word) in [("repos", "repositories"), ("images", "images")] {
            if old[list] != new[list] {
                let (before, after) = (sources(&old[list]), sources(&new[list]));
                lines.push(format!("{called}: {word} {before} → {after}"));
            }
        }
    }
}

/// `https://…@main`, `registry.example.org/app:v1`, `registry.example.org/app:v1@sha256:…`.
fn sources(list: &Value) -> String {
    let each: Vec<String> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|source| match &source["repo_url"] {
            Value::String(url) => format!("{url}@{}", text(&source["branch"])),
            _ => {
                let tag =
                    format!("{}:{}", text(&source["registry_url"]), text(&source["image_tag"]));
                match &source["image_digest"] {
                    Value::String(digest) => format!("{tag}@{digest}"),
                    _ => tag,
                }
            }
        })
        .collect();
    match each.as_slice() {
        [] => "none".to_owned(),
        each => each.join(", "),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}
