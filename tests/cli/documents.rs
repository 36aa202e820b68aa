//! What is written about the variables is what the program says of them. `BLESS=1 cargo test`
//! rewrites the files.

use std::fs;
use std::path::PathBuf;

use blockyard::config::description;

const BEGIN: &str = "<!-- settings: begin -->\n";
const END: &str = "<!-- settings: end -->";

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[track_caller]
fn assert_is(name: &str, expected: &str) {
    let found = fs::read_to_string(file(name)).unwrap_or_default();
    if found != expected && std::env::var_os("BLESS").is_some() {
        fs::write(file(name), expected).unwrap();
        return;
    }
    assert!(
        found == expected,
        "{name} is not what src/config/settings.rs says; BLESS=1 cargo test rewrites it"
    );
}

#[test]
fn env_example_has_every_variable() {
    assert_is(".env.example", &description::env_example());
}

#[test]
fn the_readme_has_every_variable() {
    let readme = fs::read_to_string(file("README.md")).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the table's beginning");
    let (_, after) = rest.split_once(END).expect("the table's end");
    let table = description::markdown();
    assert_is("README.md", &format!("{before}{BEGIN}{table}{END}{after}"));
}

/// The codes of refusals in a source file: the first literal of each `Problem::new(…)` or `Problem::conflict(…)`.
fn codes(source: &str) -> Vec<&str> {
    ["Problem::new(", "Problem::conflict(", "Self::new(", "Self::conflict("]
        .into_iter()
        .flat_map(|maker| source.split(maker).skip(1))
        .filter_map(|made| made.split(')').next()?.split('"').nth(1))
        .filter(|code| code.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .collect()
}

#[test]
fn the_api_has_every_code_of_a_refusal() {
    let document = fs::read_to_string(file("docs/api.md")).unwrap();
    let mut folders = vec![file("src")];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            for code in codes(&source) {
                found += 1;
                assert!(
                    document.contains(&format!("`{code}`")),
                    "docs/api.md lacks `{code}`, of {}",
                    path.display()
                );
            }
        }
    }
    assert!(found > 30, "{found} codes");
}
