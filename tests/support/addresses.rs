//! What can be read of a service.

use serde_json::Value;

/// Every address of the document that is read, with these ids in it; none is left out.
pub fn addresses(things: &Value) -> Vec<String> {
    let document: Value =
        serde_json::from_str(include_str!("../../openapi.json")).expect("a document");
    let thing = |path: &str, parameter: &str| match parameter {
        "alias" => "alias",
        "block" => "block",
        "edge" => "edge",
        "pipeline" => "pipeline",
        "pipeline_edge" => "pipeline_edge",
        "category" => "category",
        "run_id" => "run",
        "repo_id" => "repo",
        "image_id" => "image",
        "dependency_id" => "dependency",
        "verification" => "verification",
        "lock_digest" => "lock",
        "user" => "user",
        "api_key_id" => "key",
        "model" => "model",
        "vector_id" if path.starts_with("/edge") => "edge_vector",
        "vector_id" => "block_vector",
        other => panic!("{path}: no {other}: add it to tests/schema/fixture.sql"),
    };
    let mut addresses = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        if operations["get"].is_null() || path == "/metrics" {
            continue;
        }
        let mut address = String::new();
        for piece in path.split_inclusive('/') {
            let parameter = piece.trim_end_matches('/');
            match parameter.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some("version") => address += &piece.replace(parameter, "active"),
                Some(name) => {
                    let id = things[thing(path, name)].as_str().expect("an id");
                    address += &piece.replace(parameter, id);
                }
                None => address += piece,
            }
        }
        let parameters: Vec<&str> = operations["get"]["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        let lock = things["lock"].as_str().expect("a digest");
        match path.as_str() {
            "/lineage" | "/impact" => {
                address += &format!("?node=block:{}", things["block"].as_str().expect("an id"));
            }
            // Until the moment of the reading.
            "/changes" => address += &format!("?from={}&to=NOW", instant()),
            "/locks/diff" => address += &format!("?a={lock}&b={lock}"),
            path if path.ends_with("/diff") => address += "?from=1&to=1",
            path if path.ends_with("/filter") => address += "?for=qdrant",
            _ => {}
        }
        if parameters.contains(&"include") {
            let include = match path.as_str() {
                path if path.starts_with("/blocks") => "versions,categories",
                path if path.starts_with("/edges") => "versions,verifications",
                path if path.starts_with("/docker") => "build_logs",
                "/pipelines" => "blocks,edges",
                _ => "blocks,edges,runs",
            };
            addresses.push(format!("{address}?include={include}"));
        }
        for parameter in ["archived", "tree", "recursive"] {
            if parameters.contains(&parameter) {
                let joint = if address.contains('?') { '&' } else { '?' };
                addresses.push(format!("{address}{joint}{parameter}=true"));
            }
        }
        addresses.push(address);
    }
    addresses
}

pub fn instant() -> String {
    chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
