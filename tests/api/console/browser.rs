//! The console in a real Chromium: where there is none, these tests say so and are left out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Ids, furnished, screens};
use crate::chromium::Chromium;
use crate::service::{PASSWORD, Service, Setup};

async fn sign_in(browser: &Chromium, service: &Service, username: &str) {
    browser.open(&service.url("/console/sign-in")).await;
    browser.write("#username", username).await;
    browser.write("#password", PASSWORD).await;
    browser.click("button.main").await;
    browser.says("What needs you").await;
}

/// A person's day: from registering to a run.
async fn day(browser: &Chromium, service: &Service) {
    sign_in(browser, service, "dan").await;
    for (kind, name) in [("blocks", "photographs"), ("blocks", "classifier"), ("edges", "training")]
    {
        browser.open(&service.url(&format!("/console/{kind}/new"))).await;
        browser.write("#new-name", name).await;
        browser.write("#new-metadata", "{\"by\": \"hand\"").await;
        browser.click("#form-new button").await;
        browser.says("Is no JSON").await;
        browser.write("#new-metadata", "{\"by\": \"hand\"}").await;
        browser.click("#form-new button").await;
        // Not what was entered, which the form says as well.
        browser.says("Version 1 is active").await;
    }
    browser.open(&service.url("/console/pipelines/new")).await;
    browser.write("#new-name", "nightly").await;
    browser
        .write("#new-blocks", r#"[{"block_id": "photographs"}, {"block_id": "classifier"}]"#)
        .await;
    let edges = r#"[{"edge_id": "training", "source_block_id": "photographs", "target_block_id": "classifier"}]"#;
    browser.write("#new-edges", edges).await;
    browser.click("#form-new button").await;
    browser.says("It may not run").await;
    browser.says("was never verified").await;
    browser.click(".verdict details summary").await;
    browser.click(".verdict form button").await;
    browser.says("It may run now").await;
    browser.click("#form-run button").await;
    browser.says("queued").await;
    browser.click("#form-report button").await;
    browser.says("started").await;
    browser.click(".who button").await;
    browser.says("Password").await;
    browser.open(&service.url("/console/blocks")).await;
    browser.says("Password").await;
}

#[tokio::test]
async fn a_day_in_the_console_with_scripts_and_without() {
    let Some(browser) = Chromium::start().await else { return };
    for is_off in [false, true] {
        let service = Service::start().await;
        browser.command("Emulation.setScriptExecutionDisabled", json!({ "value": is_off })).await;
        day(&browser, &service).await;
    }
    let mut complaints = browser.complaints().await;
    // It calls a refusal a failure to load.
    complaints.retain(|complaint| !complaint.contains("status of 422"));
    assert_eq!(complaints, Vec::<String>::new());
}

/// The screens that are pages.
fn pages(ids: &Ids) -> Vec<String> {
    screens(ids).into_iter().filter(|place| !place.contains("/drawing")).collect()
}

#[tokio::test]
async fn every_screen_fits_and_loads_nothing_from_elsewhere() {
    let Some(browser) = Chromium::start().await else { return };
    let service = Service::start().await;
    let ids = furnished(&service).await;
    sign_in(&browser, &service, "ada").await;
    let loaded = "return performance.getEntriesByType('resource').map((entry) => entry.name)";
    let width =
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    for size in [360, 768, 1280] {
        browser.resize(size).await;
        for place in pages(&ids) {
            browser.open(&service.url(&place)).await;
            let over = browser.run(width).await;
            assert_eq!(over, json!(0), "{place} is wider than {size}");
            for address in browser.run(loaded).await.as_array().expect("addresses") {
                let address = address.as_str().expect("a text");
                assert!(address.starts_with(&service.url("/console/")), "{place} loads {address}");
            }
        }
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// WCAG 2.2, levels A and AA, as far as axe-core can see. `.ci/axe` fetches it.
#[tokio::test]
async fn every_screen_can_be_used_by_everybody() {
    let Some(browser) = Chromium::start().await else { return };
    let Ok(path) = std::env::var("BLOCKYARD_AXE") else {
        eprintln!("left out: BLOCKYARD_AXE names no axe.min.js (just console-browser)");
        return;
    };
    let axe = std::fs::read_to_string(path).expect("axe-core");
    let mut setup = Setup::default();
    setup.config.jwt_trusted_issuers = vec!["https://ref.supabase.co/auth/v1".to_owned()];
    let service = Service::with(setup).await;
    let ids = furnished(&service).await;
    let mut faults = Vec::new();
    for username in ["nobody", "vera", "dora", "ada"] {
        let places = if username == "nobody" {
            vec!["/console/sign-in".to_owned()]
        } else {
            sign_in(&browser, &service, username).await;
            pages(&ids)
        };
        for place in places {
            // What is dark is the same page in other colours.
            let schemes = [
                ("light", "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']"),
                ("dark", "['color-contrast']"),
            ];
            browser.prefer("light").await;
            browser.open(&service.url(&place)).await;
            browser
                .run("for (const one of document.querySelectorAll('details')) one.open = true")
                .await;
            browser.run(&axe).await;
            for (scheme, rules) in schemes {
                browser.prefer(scheme).await;
                let run = format!("axe.run({{ runOnly: {rules}, resultTypes: ['violations'] }})");
                let found = browser.resolve(&run).await;
                let violations =
                    found["violations"].as_array().unwrap_or_else(|| panic!("{place}: {found}"));
                faults.extend(violations.iter().map(|fault: &Value| {
                    format!(
                        "{username} {place} {scheme}: {} at {}",
                        fault["help"], fault["nodes"][0]["html"]
                    )
                }));
            }
        }
        if username != "nobody" {
            browser.open(&service.url("/console")).await;
            browser.click(".who button").await;
            browser.says("Password").await;
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// The registry that `blockyard demo` makes.
async fn demo(service: &Service) {
    let dan = service.developer().await;
    let key = dan.post("/api-keys", json!({ "name": "demo" })).await.expect(StatusCode::CREATED);
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_blockyard"))
        .arg("demo")
        .env("BLOCKYARD_URL", service.url(""))
        .env("BLOCKYARD_API_KEY", key.body["key"].as_str().expect("a key"))
        .output()
        .expect("the program");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = json!({ "name": "nightly builds", "role": "viewer", "expires_at": "2099-06-30" });
    service.admin().await.post("/api-keys", key).await.expect(StatusCode::CREATED);
}

/// Writes what `docs/console` shows to the folder that `BLOCKYARD_PICTURES` names (`just console-pictures`).
#[tokio::test]
async fn pictures() {
    let Ok(folder) = std::env::var("BLOCKYARD_PICTURES") else { return };
    let browser = Chromium::start().await.expect("a Chromium");
    let service = Service::start().await;
    demo(&service).await;
    std::fs::create_dir_all(&folder).expect("a folder");
    browser.prefer("light").await;
    browser.resize(1280).await;
    browser.open(&service.url("/console/sign-in")).await;
    let take = async |name: &str| {
        let picture = STANDARD.decode(browser.picture().await).expect("a picture");
        std::fs::write(format!("{folder}/{name}.png"), picture).expect("a file");
    };
    take("sign-in").await;
    sign_in(&browser, &service, "ada").await;
    let run = service.developer().await.get("/runs?status=failure").await.items("run_id");
    let run = format!("/runs/{}", run[0].as_str().expect("an id"));
    let pipeline = service.developer().await.get("/pipelines/churn").await.id("pipeline_id");
    let lineage = format!("/lineage?node=pipeline:{pipeline}");
    for (name, place, scheme, width) in [
        ("home", "", "light", 1280),
        ("pipelines", "/pipelines", "light", 1280),
        ("pipeline", "/pipelines/churn", "light", 1280),
        ("pipeline-dark", "/pipelines/image-training", "dark", 1280),
        ("pipeline-narrow", "/pipelines/churn", "light", 360),
        ("verify", "/verify", "light", 1280),
        ("blocks", "/blocks", "light", 1280),
        ("block", "/blocks/resnet-50?columns=training.accuracy,training.epochs", "light", 1280),
        ("block-new", "/blocks/new", "light", 1280),
        ("edges", "/edges", "light", 1280),
        ("version", "/edges/fit-churn/versions/1", "light", 1280),
        ("difference", "/blocks/resnet-50/diff?from=active&to=latest", "light", 1280),
        ("lineage", &lineage, "light", 1280),
        ("runs", "/runs", "light", 1280),
        ("run", &run, "light", 1280),
        ("run-new", "/pipelines/image-training", "light", 768),
        ("search", "/search?q=imagenet", "light", 1280),
        ("taxonomy", "/taxonomy/classification", "light", 1280),
        ("audit", "/audit?entity_type=pipeline", "light", 1280),
        ("people", "/people", "light", 1280),
        ("account", "/account", "dark", 1280),
    ] {
        browser.prefer(scheme).await;
        browser.resize(width).await;
        browser.open(&service.url(&format!("/console{place}"))).await;
        take(name).await;
    }
    // What a change of an edge would break, asked where it is made.
    browser.prefer("light").await;
    browser.open(&service.url("/console/edges/train-classifier")).await;
    browser.click(".doing details:has(#form-change) summary").await;
    browser.write("#change-description", "Trains on half of the pictures.").await;
    browser.click("#form-change button[name=_preview]").await;
    browser.says("nothing is changed yet").await;
    take("preview").await;
}
