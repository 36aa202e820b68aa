//! Names: what may be one, in which forms it is understood, how it is found, and where it may stand.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use unicode_normalization::UnicodeNormalization;
use url::Url;

use crate::service::{Answer, Person, Service};
use crate::support::Database;
use crate::world::Client;

/// As JavaScript's `encodeURIComponent` and every other careful client does it.
fn encoded(segment: &str) -> String {
    let mut encoded = String::new();
    for byte in segment.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}

/// The four lists of things with a name, and what else one of them needs to be made.
const KINDS: [&str; 4] = ["/blocks", "/edges", "/pipelines", "/taxonomy-categories"];

fn body(list: &str, name: &str) -> Value {
    match list {
        "/blocks" => json!({ "name": name, "block_type": "dataset" }),
        _ => json!({ "name": name }),
    }
}

fn id(list: &str) -> &'static str {
    match list {
        "/blocks" => "block_id",
        "/edges" => "edge_id",
        "/pipelines" => "pipeline_id",
        _ => "category_id",
    }
}

async fn make(person: &Person<'_>, list: &str, name: &str) -> Answer {
    person.post(list, body(list, name)).await
}

/// The same name as clients send it.
fn forms(name: &str) -> Vec<String> {
    vec![
        name.to_owned(),
        name.nfd().collect(),
        name.nfc().collect(),
        format!("{name} "),
        format!("\u{2003}\t{name}\u{A0}\n"),
        format!("\u{1680}{}\u{202F}", name.nfd().collect::<String>()),
        name.to_uppercase(),
        name.to_uppercase().nfd().collect(),
        name.to_lowercase(),
    ]
}

const IN_MANY_FORMS: [&str; 8] =
    ["cafe\u{301}-x", "Straße", "ΟΔΟΣ", "Ω\u{30A}hm", "각하 ㄱ", "d\u{323}\u{307}z", "ﬁle", "ﾊﾟx"];

#[tokio::test]
async fn what_names_a_thing_when_it_is_written_names_it_when_it_is_read() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let developer = dan.get("/auth/me").await.expect(StatusCode::OK).id("user_id");
    let mut client = Client::user(&service.database, &developer).await;
    for name in IN_MANY_FORMS {
        for list in KINDS {
            let made = make(&dan, list, &format!(" {name}")).await.expect(StatusCode::CREATED);
            assert_eq!(made.body["name"], name.nfc().collect::<String>());
            for form in forms(name) {
                let read = dan.get(&format!("{list}/{}", encoded(&form))).await;
                let read = read.expect(StatusCode::OK);
                assert_eq!(read.body[id(list)], made.body[id(list)], "{list} {form:?}");
                let found = dan.get(&format!("{list}?name={}", encoded(&form))).await;
                assert_eq!(found.expect(StatusCode::OK).items("name"), [made.body["name"].clone()]);
                let taken = make(&dan, list, &form).await;
                taken.refused(StatusCode::CONFLICT, "name_taken");
                let (columns, kind) =
                    if list == "/blocks" { (", block_type", ", 'model'") } else { ("", "") };
                let table = list.trim_start_matches('/').replace('-', "_");
                let insert = format!("insert into {table} (name{columns}) values ('{form}'{kind})");
                let refusal = client.refused(&insert, "23505").await;
                assert_eq!(refusal.constraint, format!("{table}_name_key"), "{form:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_name_is_understood_wherever_a_reference_may_stand() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let name = IN_MANY_FORMS[0];
    for list in KINDS {
        make(&dan, list, name).await.expect(StatusCode::CREATED);
    }
    make(&dan, "/blocks", "other").await.expect(StatusCode::CREATED);
    let ok = async |path: String| dan.get(&path).await.expect(StatusCode::OK);
    for (nth, form) in forms(name).into_iter().enumerate() {
        let path = encoded(&form);
        // In bodies.
        let pipeline = json!({
            "name": format!("p{nth}"),
            "blocks": [{ "block_id": form }, { "block_id": "other" }],
            "edges": [{ "edge_id": form, "source_block_id": form, "target_block_id": "Other " }],
        });
        dan.post("/pipelines", pipeline).await.expect(StatusCode::CREATED);
        let child = json!({ "name": format!("below {nth}"), "parent_id": form });
        dan.post("/taxonomy-categories", child).await.expect(StatusCode::CREATED);
        let dependency = json!({ "entity_type": "block", "entity_id": form, "dependency_type": "internal",
            "depends_on_type": "edge", "depends_on_id": form });
        let made = dan.post("/dependencies", dependency).await.expect(StatusCode::CREATED);
        let vector = json!({ "block_id": form, "vector_db": "db", "vector_key": format!("k{nth}"),
            "taxonomy_filter": { "any": [form] } });
        dan.post("/block-vector-representations", vector).await.expect(StatusCode::CREATED);
        // In paths.
        let link = dan.request(Method::PUT, &format!("/blocks/{path}/categories/{path}"));
        assert!(link.send().await.status.is_success());
        ok(format!("/pipelines/{}/blocks/{path}", encoded(&format!("P{nth}")))).await;
        for below in ["versions", "versions/1", "history", "dependents", "code-repos", "categories"]
        {
            ok(format!("/blocks/{path}/{below}")).await;
        }
        // In filters.
        for (filter, least) in [
            (format!("/pipelines?block={path}"), nth + 1),
            (format!("/pipelines?edge={path}"), nth + 1),
            (format!("/taxonomy-categories?parent_id={path}"), nth + 1),
            (format!("/dependencies?entity_type=block&entity_id={path}"), 1),
            (format!("/block-vector-representations?block_id={path}"), nth + 1),
            (format!("/blocks?category={path}"), 1),
            (format!("/block-taxonomies?block_id={path}&category_id={path}"), 1),
        ] {
            assert_eq!(ok(filter.clone()).await.items("created_at").len(), least, "{filter}");
        }
        dan.delete(&format!("/dependencies/{}", made.id("dependency_id")))
            .await
            .expect(StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn a_person_logs_in_by_every_form_of_their_name() {
    let service = Service::start().await;
    let ada = service.admin().await;
    let password = "correct horse battery staple";
    let (name, email) = ("cafe\u{301}.Ωß", "cafe\u{301}@Exämple.org");
    let body =
        json!({ "username": name, "email": format!(" {email}\u{3000}"), "password": password });
    let made = ada.post("/users", body).await.expect(StatusCode::CREATED);
    for form in forms(name).into_iter().chain(forms(email)) {
        let login = json!({ "username": form, "password": password });
        let answer = service.nobody().post("/auth/login", login).await.expect(StatusCode::OK);
        assert_eq!(answer.body["user"]["user_id"], made.body["user_id"]);
    }
    for form in forms(name) {
        ada.get(&format!("/users/{}", encoded(&form))).await.expect(StatusCode::OK);
        let found = ada.get(&format!("/users?username={}", encoded(&form))).await;
        assert_eq!(found.expect(StatusCode::OK).items("user_id"), [made.body["user_id"].clone()]);
        let body = json!({ "username": form, "email": "other@example.org" });
        ada.post("/users", body).await.refused(StatusCode::CONFLICT, "username_taken");
    }
    for form in forms(email) {
        let body = json!({ "username": "other", "email": form });
        ada.post("/users", body).await.refused(StatusCode::CONFLICT, "email_taken");
        let named = json!({ "username": "third", "email": form, "password": form });
        let refused = ada.post("/users", named).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused.pointers(), ["/password"]);
    }
}

/// Inserts, updates and copies that name a thing so, none of which the database takes.
async fn refused_by_sql(service: &Service, developer: &str, name: &str) {
    let mut client = Client::user(&service.database, developer).await;
    let quoted = format!("'{}'", name.replace('\'', "''"));
    for table in ["blocks", "edges", "pipelines", "taxonomy_categories"] {
        let (columns, values) = match table {
            "blocks" => ("name, block_type", format!("{quoted}, 'model'")),
            _ => ("name", quoted.clone()),
        };
        let check = format!("{table}_name_check");
        let insert = format!("insert into {table} ({columns}) values ({values})");
        assert_eq!(client.refused(&insert, "23514").await.constraint, check, "{name:?}");
        let update = format!("update {table} set name = {quoted} where name = 'there'");
        assert_eq!(client.refused(&update, "23514").await.constraint, check, "{name:?}");
    }
    // COPY is not for those whom policies bind; the owner is bound by the check.
    let mut owner = service.database.connect().await;
    let mut copy = owner.copy_in_raw("copy edges (name) from stdin").await.unwrap();
    let line = name.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n") + "\n";
    copy.send(line.into_bytes()).await.unwrap();
    let error = copy.finish().await.expect_err("it is no name").into_database_error().unwrap();
    assert_eq!(error.constraint(), Some("edges_name_check"), "{name:?}");
}

/// A service with one of each that is called `there`, and the id of the developer.
async fn inhabited() -> (Service, String) {
    let service = Service::start().await;
    let dan = service.developer().await;
    for list in KINDS {
        make(&dan, list, "there").await.expect(StatusCode::CREATED);
    }
    let id = dan.get("/auth/me").await.expect(StatusCode::OK).id("user_id");
    (service, id)
}

#[tokio::test]
async fn what_looks_like_nothing_is_in_no_name() {
    let (service, developer) = inhabited().await;
    let dan = service.developer().await;
    let characters = [
        // ignorable, and fillers
        '\u{AD}',
        '\u{34F}',
        '\u{115F}',
        '\u{1160}',
        '\u{17B4}',
        '\u{180B}',
        '\u{180E}',
        '\u{200B}',
        '\u{200D}',
        '\u{2060}',
        '\u{2065}',
        '\u{3164}',
        '\u{FE0F}',
        '\u{FEFF}',
        '\u{FFA0}',
        '\u{FFF0}',
        '\u{1BCA0}',
        '\u{1D173}',
        '\u{E0041}',
        '\u{E0100}',
        '\u{E0FFF}',
        // what turns the text
        '\u{61C}',
        '\u{200E}',
        '\u{202E}',
        '\u{2066}',
        // noncharacters, controls, ends of lines
        '\u{FDD0}',
        '\u{FFFE}',
        '\u{FFFF}',
        '\u{FFFD}',
        '\u{1FFFE}',
        '\u{10FFFF}',
        '\u{1}',
        '\u{1F}',
        '\u{7F}',
        '\u{9F}',
        '\u{2028}',
        '\u{2029}',
        '\u{85}',
        // what formats, and what is not there
        '\u{FFF9}',
        '\u{13430}',
        '\u{378}',
        '\u{50000}',
        '\u{40000}',
        '\u{897}',
    ];
    for character in characters {
        let (within, alone) = (format!("llama{character}-x"), character.to_string().repeat(3));
        for list in KINDS {
            let refused = make(&dan, list, &within).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
            assert_eq!(refused.pointers(), ["/name"], "{within:?}");
            let sentence = refused.body["errors"][0]["detail"].as_str().unwrap();
            let code =
                format!("Must not have U+{:04X}, which is its character 6: ", u32::from(character));
            assert!(sentence.starts_with(&code) && sentence.ends_with('.'), "{sentence}");
            make(&dan, list, &alone).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
            let renamed = dan.patch(&format!("{list}/there"), json!({ "name": within })).await;
            assert_eq!(renamed.expect(StatusCode::UNPROCESSABLE_ENTITY).pointers(), ["/name"]);
        }
        refused_by_sql(&service, &developer, &within).await;
        let read = dan.get(&format!("/blocks/{}", encoded(&within))).await;
        read.expect(StatusCode::NOT_FOUND);
    }
    // What is no UTF-8 is read as replacement characters, which name nothing.
    dan.get("/blocks/%FF%FE").await.expect(StatusCode::NOT_FOUND);
    for visible in ["a\u{E000}", "☃", "🩷", "ᠠ", "\u{600}1", "〇", "a b"] {
        make(&dan, "/blocks", visible).await.expect(StatusCode::CREATED);
    }
}

#[tokio::test]
async fn what_a_path_loses_is_no_name() {
    let (service, developer) = inhabited().await;
    let dan = service.developer().await;
    for name in
        [".", "..", "%2e", "%2E", ".%2e", "%2E.", "%2e%2E", "", " ", "\u{3000}", " . ", "..\n"]
    {
        for list in KINDS {
            let refused = make(&dan, list, name).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
            assert_eq!(refused.pointers(), ["/name"], "{name:?}");
        }
        refused_by_sql(&service, &developer, name).await;
    }
    let ada = service.admin().await;
    for name in [".", "..", "-", "_x", "me", "ME", "a/b", "a b", "a%2e", "", "a\u{200B}", "☃"] {
        let body = json!({ "username": name, "email": "x@example.org" });
        let refused = ada.post("/users", body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused.pointers(), ["/username"], "{name:?}");
        let mut client =
            Client::user(&service.database, &ada.get("/auth/me").await.id("user_id")).await;
        let insert =
            format!("insert into users (username, email) values ('{name}', 'x@example.org')");
        assert_eq!(client.refused(&insert, "23514").await.constraint, "users_username_check");
    }
}

/// Names of which each character is one that paths, headers, queries or their encodings know.
fn awkward() -> BTreeSet<String> {
    let printable = (' '..='~').map(|character| format!("n{character}{}", u32::from(character)));
    let alone = ('!'..='~').filter(|c| !c.is_ascii_alphabetic() && *c != '.').map(String::from);
    let others = [
        "q?x",
        "a b c",
        "#1",
        "<tag>",
        "raw ü",
        "../..",
        "a/../b",
        "./x",
        "x/.",
        "//",
        "/",
        "a/",
        "...",
        "%2F",
        "%2e%2e%2f",
        "a%",
        "%%",
        "a+b",
        "a&b=c",
        "\\",
        "..\\..",
        "a\\",
        "C:\\x",
        "http://x/y",
        "?",
        "??a",
        "a;b=c",
        "{block}",
        "*",
        "~",
        "'",
        "\"",
        "a\"b",
        "a,b",
        "a>; rel=\"x",
        "versions",
        "history",
    ];
    printable
        .chain(alone)
        .chain(others.map(str::to_owned))
        .chain(IN_MANY_SCRIPTS.map(str::to_owned))
        .collect()
}

const IN_MANY_SCRIPTS: [&str; 40] = [
    "Latin",
    "Ελληνικά",
    "Кириллица",
    "Հայերեն",
    "עברית",
    "العربية",
    "ܣܘܪܝܝܐ",
    "ދިވެހި",
    "देवनागरी",
    "বাংলা",
    "ਗੁਰਮੁਖੀ",
    "ગુજરાતી",
    "ଓଡ଼ିଆ",
    "தமிழ்",
    "తెలుగు",
    "ಕನ್ನಡ",
    "മലയാളം",
    "සිංහල",
    "ไทย",
    "ລາວ",
    "བོད་ཡིག",
    "မြန်မာ",
    "ქართული",
    "한국어",
    "አማርኛ",
    "ᏣᎳᎩ",
    "ᐃᓄᒃᑎᑐᑦ",
    "ᚠᚢᚦᚨᚱᚲ",
    "ខ្មែរ",
    "ᠮᠣᠩᠭᠣᠯ",
    "日本語",
    "カタカナ",
    "中文",
    "ꆈꌠꁱꂷ",
    "𐐔𐐯𐑅𐐨𐑉𐐯𐐻",
    "𞤀𞤣𞤤𞤢𞤥",
    "ⵜⵉⴼⵉⵏⴰⵖ",
    "ߒߞߏ",
    "𝔐𝔞𝔱𝔥",
    "🦙🚀",
];

#[tokio::test]
async fn every_address_that_is_told_can_be_followed() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let base = Url::parse(&service.url("/")).unwrap();
    for block in ["a", "b"] {
        make(&dan, "/blocks", block).await.expect(StatusCode::CREATED);
    }
    make(&dan, "/edges", "e").await.expect(StatusCode::CREATED);
    let follow = async |address: &str| {
        assert!(address.bytes().all(|byte| byte.is_ascii_graphic()), "{address}");
        // As a browser reads it; nothing is taken out of it, and nothing added.
        let followed = base.join(address).unwrap();
        assert_eq!(
            followed.as_str(),
            format!("{}{}", base.as_str().trim_end_matches('/'), address)
        );
        dan.get(address).await
    };
    for name in awkward() {
        make(&dan, "/pipelines", &name).await.expect(StatusCode::CREATED);
        let pipeline = format!("/pipelines/{}", encoded(&name));
        assert_eq!(dan.get(&pipeline).await.expect(StatusCode::OK).body["name"], name);
        for block in ["a", "b"] {
            let added = dan.post(&format!("{pipeline}/blocks"), json!({ "block_id": block })).await;
            let added = added.expect(StatusCode::CREATED);
            let read = follow(added.header("location")).await.expect(StatusCode::OK);
            assert_eq!(read.body, added.body, "{name}");
        }
        let edge = json!({ "edge_id": "e", "source_block_id": "a", "target_block_id": "b" });
        let added = dan.post(&format!("{pipeline}/edges"), edge).await.expect(StatusCode::CREATED);
        let read = follow(added.header("location")).await.expect(StatusCode::OK);
        assert_eq!(read.body, added.body, "{name}");
        // A name that is sent as it is, as far as HTTP allows it.
        let page = dan.get(&format!("{pipeline}/history?limit=1")).await.expect(StatusCode::OK);
        let (address, _) =
            page.header("link").trim_start_matches('<').split_once(">; rel=\"next\"").unwrap();
        assert_ne!(follow(address).await.expect(StatusCode::OK).body, page.body, "{name}");
        // The name is drawn.
        for form in ["image/svg+xml", "text/vnd.mermaid", "text/vnd.graphviz"] {
            let request = dan.request(Method::GET, &format!("{pipeline}/graph"));
            let drawn = request.header("Accept", form).send().await.expect(StatusCode::OK);
            assert!(!drawn.text.is_empty());
        }
    }
}

#[tokio::test]
async fn names_are_read_one_by_one_in_both_directions() {
    let service = Service::start().await;
    let (dan, ada) = (service.developer().await, service.admin().await);
    let names: BTreeSet<String> = awkward()
        .into_iter()
        .chain(
            [
                "İ",
                "ı",
                "i",
                "ſx",
                "ß",
                "Σς",
                "ǅ",
                "ᾳ",
                "Ꭰꭰ",
                "aＡ",
                "é",
                "e\u{301}e",
                "zz",
                "\u{E000}",
                "😀",
            ]
            .map(str::to_owned),
        )
        .collect();
    for (list, column) in
        [("/blocks", "name"), ("/taxonomy-categories", "name"), ("/users", "username")]
    {
        for (nth, name) in names.iter().enumerate() {
            let body = match list {
                "/users" => json!({ "username": name, "email": format!("u{nth}@example.org") }),
                _ => body(list, name),
            };
            let made = ada.post(list, body).await;
            // Not all are usernames, and some are the same.
            assert!(
                made.status == StatusCode::CREATED
                    || list == "/users"
                    || made.status == StatusCode::CONFLICT,
                "{}",
                made.text
            );
        }
        let person = if list == "/users" { &ada } else { &dan };
        let whole = |sort: &'static str| async move {
            let mut seen = Vec::new();
            let mut next = format!("{list}?sort={sort}&limit=200");
            loop {
                let page = person.get(&next).await.expect(StatusCode::OK);
                seen.extend(page.items(column));
                let Some(cursor) = page.body["next_cursor"].as_str() else { return seen };
                next = format!("{list}?sort={sort}&limit=200&cursor={cursor}");
            }
        };
        let (up, down) =
            if list == "/users" { ("username", "-username") } else { ("name", "-name") };
        for sort in [up, down] {
            let expected = whole(sort).await;
            assert!(expected.len() > 40);
            let distinct: BTreeSet<_> = expected.iter().map(Value::to_string).collect();
            assert_eq!(distinct.len(), expected.len(), "each once");
            let mut seen = Vec::new();
            let mut next = format!("{list}?sort={sort}&limit=1");
            loop {
                let page = person.get(&next).await.expect(StatusCode::OK);
                seen.extend(page.items(column));
                let Some(cursor) = page.body["next_cursor"].as_str() else { break };
                next = format!("{list}?sort={sort}&limit=1&cursor={cursor}");
            }
            assert_eq!(seen, expected, "{list} {sort}");
        }
        let mut reversed = whole(down).await;
        reversed.reverse();
        assert_eq!(reversed, whole(up).await);
        let keys: Vec<String> =
            reversed.iter().map(|name| blockyard::api::name::key(name.as_str().unwrap())).collect();
        assert!(keys.is_sorted(), "in the order of their keys, byte by byte");
    }
}

#[tokio::test]
async fn names_are_found_by_their_words() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let found_by = [
        (
            "llama",
            vec![
                "acme/llama",
                "acme-labs/llama-8b",
                "llama.v2",
                "models:/llama/3",
                "llama-50",
                "llama_events",
                "LlamaForCausalLM",
                "Llama2",
                "myLlama",
                "the llama",
                "s3://bucket/llama.parquet",
                "llama@main",
                "team+llama",
                "(llama)",
                "XLlama",
            ],
        ),
        ("resnet", vec!["resnet50", "ResNet-50 resnet", "resnet_101.v2", "vision/resnet:latest"]),
        ("resnet50", vec!["resnet50", "ResNet-50 resnet"]),
        ("Events", vec!["llama_events"]),
        ("8b", vec!["acme-labs/llama-8b"]),
        ("acme/llama", vec!["acme/llama"]),
        ("\"llama for causal\"", vec!["LlamaForCausalLM"]),
        ("llamaforcausallm", vec!["LlamaForCausalLM"]),
        ("LlamaForCausalLM", vec!["LlamaForCausalLM"]),
        ("server", vec!["HTTPServer"]),
        ("HTTPServer", vec!["HTTPServer"]),
        ("models:/llama/3", vec!["models:/llama/3"]),
        ("cafe\u{301}", vec!["Café/menu"]),
        ("labs -8b", vec!["labs.small"]),
        ("labs -llama-8b", vec!["labs.small"]),
        ("menu or events", vec!["Café/menu", "llama_events"]),
        ("v2 -llama", vec!["resnet_101.v2"]),
        ("llama.v3", vec![]),
        ("lama", vec![]),
    ];
    let names: BTreeSet<&str> = found_by
        .iter()
        .flat_map(|(_, names)| names)
        .copied()
        .chain(["labs.small", "ollama"])
        .collect();
    for list in ["/blocks", "/edges", "/pipelines"] {
        for name in &names {
            make(&dan, list, name).await.expect(StatusCode::CREATED);
        }
        for (q, expected) in &found_by {
            let found = dan.get(&format!("{list}?limit=200&q={}", encoded(q))).await;
            let found: BTreeSet<String> = found
                .expect(StatusCode::OK)
                .items("name")
                .iter()
                .map(|name| name.as_str().unwrap().to_owned())
                .collect();
            let expected: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{list}?q={q}");
        }
        let described = json!({ "description": "trained on acme/whale-2b, see docs" });
        dan.patch(&format!("{list}/ollama"), described).await.expect(StatusCode::OK);
        for q in ["whale", "acme/whale", "whale-2b", "docs -llama"] {
            let found = dan.get(&format!("{list}?q={}", encoded(q))).await.expect(StatusCode::OK);
            assert_eq!(found.items("name"), ["ollama"], "{list}?q={q}");
        }
    }
    the_index_of_words_is_read(&service.database).await;
}

async fn the_index_of_words_is_read(database: &Database) {
    let mut owner = database.connect().await;
    sqlx::raw_sql("set enable_seqscan = off").execute(&mut owner).await.unwrap();
    for (table, words, index) in [
        ("blocks", "(search || metadata_words)", "blocks_words_idx"),
        ("edges", "(search || metadata_words)", "edges_words_idx"),
        ("pipelines", "search", "pipelines_search_idx"),
    ] {
        let explain =
            format!("explain select from {table} where {words} @@ app.search_query('acme/llama')");
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain))
            .persistent(false)
            .fetch_all(&mut owner)
            .await
            .unwrap();
        assert!(plan.iter().any(|line| line.contains(index)), "{plan:#?}");
    }
}
