//! Generates the client of the document that `OPENAPI` names.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo:rerun-if-env-changed=OPENAPI");
    let document = env::var("OPENAPI").expect("OPENAPI: the path of a document of OpenAPI 3.0");
    println!("cargo:rerun-if-changed={document}");
    let document = fs::read_to_string(document).expect("the document");
    let document: openapiv3::OpenAPI =
        serde_json::from_str(&document).expect("a document of OpenAPI 3.0");
    let mut settings = progenitor::GenerationSettings::default();
    settings.with_interface(progenitor::InterfaceStyle::Builder);
    let client =
        progenitor::Generator::new(&settings).generate_tokens(&document).expect("a client");
    let client = prettyplease::unparse(&syn::parse2(client).expect("Rust"));
    let folder = env::var("OUT_DIR").expect("OUT_DIR");
    fs::write(Path::new(&folder).join("client.rs"), client).expect("the client is written");
}
