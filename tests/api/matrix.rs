//! The permission matrix over HTTP: every cell that the tests of the schema ask in SQL is asked of the routes, which
//! must give the same answer.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, query_scalar, raw_sql};

use crate::permissions::{MATRIX, Reach::No};
use crate::service::{Answer, PASSWORD, Person, Service};
use crate::world;

/// A request that means a verb. `{thing}` is one of the things that `test.furnish` made, `{new}` a name that is free.
enum Ask {
    /// Is it there, by itself?
    Read(String),
    /// Is it in the list; by which column, and which thing is it?
    Find(String, &'static str, &'static str),
    Change(Method, String, &'static str),
    /// No route does this: who asks is told so.
    NoRoute(Method, String),
}

/// The changes over HTTP that are no verb of the matrix.
const BESIDE_THE_MATRIX: &[(&str, &str, &str)] = &[
    ("POST", "/auth/login", "comes before there is a caller"),
    ("POST", "/auth/refresh", "comes before there is a caller"),
    ("POST", "/auth/logout", "comes before there is a caller"),
    ("POST", "/users/{}/password", "passwords are out of reach over SQL"),
    ("POST", "/dagster/events", "comes from the code location, signed: tests/api/engine.rs"),
    ("POST", "/impact/preview", "changes nothing: tests/api/preview.rs"),
    ("POST", "/apply", "makes the changes of others: tests/api/registry_file/"),
    ("POST", "/search", "changes nothing: tests/api/search.rs"),
    ("POST", "/search/resolve", "changes nothing: tests/api/search.rs"),
];

/// Where HTTP shall answer otherwise than SQL, and why: nowhere. The verbs only have other names: `DELETE` archives,
/// revokes an API key and deactivates a user; `?purge=true` deletes.
const OTHERWISE: &[(&str, &str, &str)] = &[];

/// What a verb means for a table.
fn requests(table: &str, verb: &str) -> Vec<Ask> {
    use Ask::{Change, Find, NoRoute, Read};
    let change = |method, path: &str, body: &'static str| Change(method, path.to_owned(), body);
    let delete = |path: &str| change(Method::DELETE, path, "");
    let post = |path: &str, body| change(Method::POST, path, body);
    let patch = |path: &str, body| change(Method::PATCH, path, body);
    let find = |path: &str, column, thing| Find(path.to_owned(), column, thing);

    // Where all of them are, and one of them by the name of the thing.
    let (all, key, thing) = match table {
        "users" => ("/users", "user_id", "user"),
        "api_keys" => ("/api-keys", "api_key_id", "key"),
        "blocks" => ("/blocks", "block_id", "block"),
        "aliases" => ("/blocks/{block}/aliases", "alias_id", "alias_row"),
        "alias_moves" => ("/blocks/{block}/aliases/{alias}/history", "move_id", "alias_move"),
        "block_versions" => ("/blocks/{block}/versions", "version_id", "block_version"),
        "taxonomy_categories" => ("/taxonomy-categories", "category_id", "category"),
        "block_taxonomies" => ("/blocks/{block}/categories", "category_id", "category"),
        "code_repos" => ("/code-repos", "repo_id", "repo"),
        "docker_images" => ("/docker-images", "image_id", "image"),
        "dependencies" => ("/dependencies", "dependency_id", "dependency"),
        "edges" => ("/edges", "edge_id", "edge"),
        "edge_versions" => ("/edges/{edge}/versions", "version_id", "edge_version"),
        "edge_verifications" => ("/verifications", "verification_id", "verification"),
        "pipelines" => ("/pipelines", "pipeline_id", "pipeline"),
        "pipeline_blocks" => ("/pipelines/{pipeline}/blocks", "block_id", "unjoined_block"),
        "pipeline_edges" => ("/pipelines/{pipeline}/edges", "pipeline_edge_id", "pipeline_edge"),
        "pipeline_runs" => ("/runs", "run_id", "run"),
        "pipeline_locks" => ("/locks", "lock_digest", "lock"),
        "block_vector_representations" => {
            ("/block-vector-representations", "vector_id", "block_vector")
        }
        "edge_vector_representations" => {
            ("/edge-vector-representations", "vector_id", "edge_vector")
        }
        "embedding_models" => ("/embedding-models", "model_id", "model"),
        "embeddings" => ("/embeddings", "embedding_id", "embedding"),
        "audit_logs" => ("/audit-logs", "log_id", "log"),
        _ => panic!("no requests for {table}"),
    };
    let one = match table {
        "aliases" => format!("{all}/{{alias}}"),
        "block_versions" | "edge_versions" => format!("{all}/{{version}}"),
        "embeddings" => "/blocks/{block}/embeddings/{model}".to_owned(),
        _ => format!("{all}/{{{thing}}}"),
    };
    let loose = format!("{all}/{{loose_{thing}}}");
    let archived = format!("{all}/{{archived_{thing}}}");
    let archived_thing = match thing {
        "block" => "archived_block",
        "edge" => "archived_edge",
        "category" => "archived_category",
        _ => "archived_pipeline",
    };

    match (table, verb) {
        // Not there by itself.
        ("block_taxonomies", "select") => vec![
            find("/block-taxonomies", "block_taxonomy_id", "block_taxonomy"),
            find(all, key, thing),
            find("/taxonomy-categories/{category}/blocks", "block_id", "block"),
        ],
        ("audit_logs" | "alias_moves", "select") => vec![find(all, key, thing)],
        // There only by themselves, and in the graph.
        ("pipeline_blocks" | "pipeline_edges" | "pipeline_locks", "select") => vec![Read(one)],
        (_, "select") => vec![Read(one), find(all, key, thing)],
        (_, "see archived") => vec![Find(format!("{all}?archived=true"), key, archived_thing)],

        ("users", "insert") => vec![post(
            all,
            r#"{"username": "{new}", "email": "{new}@example.net", "role": "viewer"}"#,
        )],
        ("api_keys", "insert") => vec![post(all, r#"{"user_id": "{user}", "name": "{new}"}"#)],
        ("blocks", "insert") => vec![post(all, r#"{"name": "{new}", "block_type": "model"}"#)],
        ("edges" | "pipelines" | "taxonomy_categories", "insert") => {
            vec![post(all, r#"{"name": "{new}"}"#)]
        }
        ("block_versions", "insert") => vec![post("/blocks/{block}/versions", "")],
        ("edge_versions", "insert") => vec![post("/edges/{edge}/versions", "")],
        ("aliases", "insert") => vec![
            change(Method::PUT, "/blocks/{block}/aliases/{new}", r#"{"version": "1"}"#),
            change(Method::PUT, "/edges/{edge}/aliases/{new}", r#"{"version": "1"}"#),
        ],
        ("block_taxonomies", "insert") => {
            vec![change(Method::PUT, "/blocks/{block}/categories/{loose_category}", "")]
        }
        ("code_repos", "insert") => vec![
            post(
                all,
                r#"{"entity_type": "edge", "entity_id": "{edge}", "repo_url": "https://example.com/{new}"}"#,
            ),
            post("/edges/{edge}/code-repos", r#"{"repo_url": "https://example.com/{new}"}"#),
            post("/blocks/{block}/code-repos", r#"{"repo_url": "https://example.com/{new}"}"#),
        ],
        ("docker_images", "insert") => vec![
            post(
                all,
                r#"{"entity_type": "block", "entity_id": "{block}", "image_tag": "v2", "registry_url": "example.com/{new}"}"#,
            ),
            post(
                "/blocks/{block}/docker-images",
                r#"{"image_tag": "v2", "registry_url": "example.com/{new}"}"#,
            ),
            post(
                "/edges/{edge}/docker-images",
                r#"{"image_tag": "v2", "registry_url": "example.com/{new}"}"#,
            ),
        ],
        ("dependencies", "insert") => vec![
            post(
                all,
                r#"{"entity_type": "block", "entity_id": "{block}", "dependency_type": "internal",
                    "depends_on_type": "edge", "depends_on_id": "{edge}"}"#,
            ),
            post(
                "/blocks/{block}/dependencies",
                r#"{"dependency_type": "internal", "depends_on_type": "edge", "depends_on_id": "{edge}"}"#,
            ),
            post(
                "/edges/{edge}/dependencies",
                r#"{"dependency_type": "internal", "depends_on_type": "block", "depends_on_id": "{block}"}"#,
            ),
        ],
        ("edge_verifications", "insert") => vec![post(
            "/edges/{edge}/versions/{version}/verifications",
            r#"{"verification_status": "passed"}"#,
        )],
        ("pipeline_blocks", "insert") => vec![
            post(all, r#"{"block_id": "{loose_block}"}"#),
            change(
                Method::PUT,
                "/pipelines/{loose_pipeline}/graph",
                r#"{"blocks": [{"block_id": "{loose_block}"}], "edges": []}"#,
            ),
        ],
        ("pipeline_edges", "insert") => vec![post(
            all,
            r#"{"edge_id": "{loose_edge}", "source_block_id": "{block}", "target_block_id": "{target}"}"#,
        )],
        ("pipeline_runs", "insert") => vec![post("/pipelines/{pipeline}/runs", "")],
        ("block_vector_representations", "insert") => vec![
            post(all, r#"{"block_id": "{block}", "vector_db": "db", "vector_key": "{new}"}"#),
            post("/blocks/{block}/vectors", r#"{"vector_db": "db", "vector_key": "{new}"}"#),
        ],
        ("edge_vector_representations", "insert") => vec![
            post(all, r#"{"edge_id": "{edge}", "vector_db": "db", "vector_key": "{new}"}"#),
            post("/edges/{edge}/vectors", r#"{"vector_db": "db", "vector_key": "{new}"}"#),
        ],
        ("embedding_models", "insert") => {
            vec![post(all, r#"{"name": "{new}", "dimensions": 3}"#)]
        }
        ("embeddings", "insert") => vec![
            change(
                Method::PUT,
                "/blocks/{block}/embeddings/{loose_model}",
                r#"{"values": [1, 0, 0]}"#,
            ),
            change(
                Method::PUT,
                "/edges/{edge}/embeddings/{loose_model}",
                r#"{"values": [1, 0, 0]}"#,
            ),
        ],
        (_, "insert") => vec![NoRoute(Method::POST, all.to_owned())],

        ("users", "update") => vec![patch(&one, r#"{"username": "{new}"}"#)],
        ("users", "change role") => vec![patch(&one, r#"{"role": "{another_role}"}"#)],
        ("users", "deactivate") => vec![
            delete(&one),
            patch(&one, r#"{"is_active": false}"#),
            post("/users/{user}/restore", ""),
        ],
        ("users", "delete") => vec![delete("/users/{loose_user}?purge=true")],
        ("api_keys", "update") => {
            vec![patch(&one, r#"{"name": "{new}"}"#), post("/api-keys/{key}/rotate", "")]
        }
        ("blocks" | "edges", "update") => vec![patch(&one, r#"{"metadata": {"changed": true}}"#)],
        ("blocks", "activate") => {
            vec![post("/blocks/{block}/versions/{version}/activate", "")]
        }
        ("edges", "activate") => vec![post("/edges/{edge}/versions/{version}/activate", "")],
        ("block_versions", "update") => vec![
            post("/blocks/{block}/versions/{version}/withdraw", r#"{"reason": "wrong"}"#),
            post("/blocks/{block}/versions/{version}/restore", ""),
        ],
        ("edge_versions", "update") => vec![
            post("/edges/{edge}/versions/{version}/withdraw", r#"{"reason": "wrong"}"#),
            post("/edges/{edge}/versions/{version}/restore", ""),
        ],
        ("aliases", "update") => {
            vec![change(Method::PUT, &one, r#"{"version": "1", "is_protected": false}"#)]
        }
        ("taxonomy_categories", "update") => vec![patch(&one, r#"{"name": "{new}"}"#)],
        ("code_repos", "update") => vec![patch(&one, r#"{"branch": "next"}"#)],
        ("docker_images", "update") => vec![
            patch(&one, r#"{"build_status": "success"}"#),
            post("/docker-images/{image}/logs", "one line"),
        ],
        ("dependencies", "update") => vec![patch(&one, r#"{"dependency_detail": "pandas"}"#)],
        ("edge_verifications", "update") => {
            vec![patch(&one, r#"{"verification_status": "passed"}"#)]
        }
        ("pipelines", "update") => vec![patch(&one, r#"{"description": "changed"}"#)],
        ("pipeline_blocks", "update") => vec![patch(&one, r#"{"block_version_id": null}"#)],
        ("pipeline_edges", "update") => {
            vec![patch(&one, r#"{"edge_version_id": "{edge_version}"}"#)]
        }
        ("pipeline_runs", "update") => {
            vec![patch(&one, r#"{"status": "started"}"#), post("/runs/{run}/cancel", "")]
        }
        ("block_vector_representations" | "edge_vector_representations", "update") => {
            vec![patch(&one, r#"{"vector_db": "other"}"#)]
        }
        ("embeddings", "update") => vec![
            change(Method::PUT, &one, r#"{"values": [0, 1, 0]}"#),
            change(Method::PUT, "/edges/{edge}/embeddings/{model}", r#"{"values": [0, 1, 0]}"#),
        ],
        (_, "update") => vec![NoRoute(Method::PATCH, one)],

        ("pipeline_blocks" | "pipeline_edges", "delete") => vec![
            delete(&one),
            change(Method::PUT, "/pipelines/{pipeline}/graph", r#"{"blocks": [], "edges": []}"#),
        ],
        (
            "api_keys"
            | "block_taxonomies"
            | "code_repos"
            | "docker_images"
            | "dependencies"
            | "block_vector_representations"
            | "edge_vector_representations",
            "delete",
        ) => vec![delete(&one)],
        ("embedding_models", "delete") => vec![delete(&loose)],
        ("embeddings", "delete") => {
            vec![delete(&one), delete("/edges/{edge}/embeddings/{model}")]
        }
        ("aliases", "delete") => vec![delete(&one), delete("/edges/{edge}/aliases/{alias}")],
        (_, "delete") => vec![NoRoute(Method::DELETE, one)],

        (_, "archive") => vec![delete(&loose)],
        (_, "restore") => vec![post(&format!("{archived}/restore"), "")],
        (_, "purge") => vec![delete(&format!("{loose}?purge=true"))],
        _ => panic!("{table} has no verb {verb}"),
    }
}

/// Somebody who asks, and what they have made.
struct Actor<'a> {
    name: &'static str,
    person: Person<'a>,
    own: Things,
}

/// The things of a user, in the role that they have when nothing has happened to them.
struct Things {
    user: Option<(String, &'static str)>,
    ids: Value,
}

impl Things {
    async fn of(owner: &mut PgConnection, user: Option<(String, &'static str)>) -> Self {
        let mut things = Self { user, ids: Value::Null };
        things.renew(owner).await;
        things
    }

    /// Makes them as they were before somebody changed something.
    async fn renew(&mut self, owner: &mut PgConnection) {
        if let Some((id, role)) = &self.user {
            raw_sql(AssertSqlSafe(format!(
                "update users set role = '{role}', is_active = true
                 where user_id = '{id}' and (role <> '{role}' or not is_active)"
            )))
            .execute(&mut *owner)
            .await
            .expect("the user as they were");
        }
        let user = self.user.as_ref();
        let mut ids = world::furnish(owner, user.map(|(id, _)| id.as_str())).await;
        if let Some((id, role)) = user {
            ids["loose_user"] = id.as_str().into();
            let another = if *role == "viewer" { "admin" } else { "viewer" };
            ids["another_role"] = another.into();
        } else {
            for thing in ["user", "loose_user", "key"] {
                ids[thing] = "00000000-0000-7000-8000-000000000000".into();
            }
            ids["another_role"] = "admin".into();
        }
        // Versions go by their numbers, and these are all the first ones.
        ids["version"] = "1".into();
        self.ids = ids;
    }

    fn id(&self, thing: &str) -> &str {
        self.ids[thing].as_str().expect("a thing")
    }

    fn about(&self, text: &str, new: &str) -> String {
        let mut about = text.replace("{new}", new);
        for (thing, id) in self.ids.as_object().expect("things") {
            if let Some(id) = id.as_str() {
                about = about.replace(&format!("{{{thing}}}"), id);
            }
        }
        about
    }
}

/// Somebody new, who can log in.
async fn person(
    owner: &mut PgConnection,
    name: &str,
    role: &'static str,
) -> (String, &'static str) {
    let id = world::person(owner, name, role).await;
    raw_sql(AssertSqlSafe(format!(
        "update users set password_hash = (select password_hash from users where username = 'ada')
         where user_id = '{id}'"
    )))
    .execute(owner)
    .await
    .expect("a password");
    (id, role)
}

async fn logged_in<'a>(service: &'a Service, name: &str) -> Person<'a> {
    let login = json!({ "username": name, "password": PASSWORD });
    let answer = service.nobody().post("/auth/login", login).await;
    service.with_token(&answer.expect(StatusCode::OK).id("access_token"))
}

/// Those of the actors of the schema's matrix whom HTTP knows: nobody logs in as another role of the database or with
/// somebody else's key.
async fn actors<'a>(service: &'a Service, owner: &mut PgConnection) -> Vec<Actor<'a>> {
    let mut actors = Vec::new();
    for (name, role) in [
        ("viewer", "viewer"),
        ("developer", "developer"),
        ("admin", "admin"),
        ("deactivated admin", "admin"),
    ] {
        let username = name.replace(' ', "-");
        let user = person(owner, &username, role).await;
        let logged_in = logged_in(service, &username).await;
        actors.push(Actor { name, person: logged_in, own: Things::of(owner, Some(user)).await });
    }
    raw_sql("update users set is_active = false where username = 'deactivated-admin'")
        .execute(&mut *owner)
        .await
        .expect("a deactivated user");

    let keyed = person(owner, "keyed", "admin").await;
    let admin = logged_in(service, "keyed").await;
    let soon = chrono::Utc::now() + chrono::TimeDelta::seconds(2);
    for (name, wish) in [
        ("viewer-key of an admin", json!({ "name": "narrow", "role": "viewer" })),
        ("expired key of an admin", json!({ "name": "brief", "expires_at": soon })),
    ] {
        let answer = admin.post("/api-keys", wish).await;
        let key = answer.expect(StatusCode::CREATED).id("key");
        actors.push(Actor {
            name,
            person: service.with_key(&key),
            own: Things::of(owner, Some(keyed.clone())).await,
        });
    }
    let expired = actors.last().expect("the expired key").person.clone();
    while expired.get("/auth/me").await.status != StatusCode::UNAUTHORIZED {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }

    person(owner, "gone", "admin").await;
    let gone = logged_in(service, "gone").await;
    raw_sql("delete from users where username = 'gone'")
        .execute(&mut *owner)
        .await
        .expect("an unknown user");
    for (name, person) in [("unknown user", gone), ("nobody", service.nobody())] {
        actors.push(Actor { name, person, own: Things::of(owner, None).await });
    }
    actors
}

/// Whether it was allowed; `Err` is neither that nor a refusal.
fn verdict(answer: &Answer, table: &str, verb: &str) -> Result<bool, String> {
    match answer.status.as_u16() {
        200..300 => Ok(true),
        401 | 403 | 404 => Ok(false),
        // The reason why who has history is not deleted, over SQL as well.
        409 if (table, verb) == ("users", "delete") && answer.body["code"] == "in_use" => Ok(false),
        _ => Err(format!("{} {}", answer.status, answer.text)),
    }
}

/// Whether the list, page after page, has that id in the column.
async fn is_listed(
    person: &Person<'_>,
    path: &str,
    column: &str,
    id: &str,
) -> Result<bool, String> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let first = format!("{path}{separator}limit=200");
    let mut next = first.clone();
    loop {
        let answer = person.get(&next).await;
        if !verdict(&answer, "", "")? {
            return Ok(false);
        }
        if answer.items(column).iter().any(|found| found == id) {
            return Ok(true);
        }
        match answer.body["next_cursor"].as_str() {
            Some(cursor) => next = format!("{first}&cursor={cursor}"),
            None => return Ok(false),
        }
    }
}

/// A path as in the document, whatever its parameters are called there.
fn shape(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    path.split('/')
        .map(|part| if part.starts_with('{') { "{}" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

/// The routes that change something, as the document has them.
fn documented() -> BTreeSet<(String, String)> {
    let document: Value =
        serde_json::from_str(include_str!("../../openapi.json")).expect("the document");
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, methods)| {
            ["post", "put", "patch", "delete"]
                .into_iter()
                .filter(|method| methods.get(method).is_some())
                .map(|method| (method.to_uppercase(), shape(path)))
        })
        .collect()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table, one walk")]
async fn the_routes_allow_what_the_matrix_says_and_nothing_else() {
    let service = Service::start().await;
    let mut owner = world::create(&service.database).await;
    let mut actors = actors(&service, &mut owner).await;
    let stranger = person(&mut owner, "stranger", "developer").await;
    let mut others = Things::of(&mut owner, Some(stranger)).await;
    let documented = documented();

    let mut asked = BTreeSet::new();
    let mut faults = Vec::new();
    let (mut cells, mut allowed, mut without_route, mut apart, mut sent) = (0, 0, 0, 0, 0);
    // Names are shown beside ids (`who.rs`), and have no routes.
    let with_routes = MATRIX.iter().filter(|(table, ..)| *table != "usernames");
    for (table, verb, viewer, developer, admin, key) in with_routes {
        let requests = requests(table, verb);
        for actor in &mut actors {
            let reach = match actor.name {
                "viewer" => *viewer,
                "developer" => *developer,
                "admin" => *admin,
                "viewer-key of an admin" => *key,
                _ => No,
            };
            for (whose, expected) in [("their own", reach.own()), ("another's", reach.others())] {
                let mut found = Vec::new();
                let mut routed = true;
                for ask in &requests {
                    let things = if whose == "their own" { &mut actor.own } else { &mut others };
                    if *table == "users" && *verb == "delete" && whose == "another's" {
                        let name = format!("without-history-{sent}");
                        let loose = world::person(&mut owner, &name, "viewer").await;
                        things.ids["loose_user"] = loose.into();
                    }
                    sent += 1;
                    let new = format!("new-{sent}");
                    found.push(match ask {
                        Ask::Read(path) => {
                            let answer = actor.person.get(&things.about(path, &new)).await;
                            verdict(&answer, table, verb)
                        }
                        Ask::Find(path, column, thing) => {
                            let path = things.about(path, &new);
                            is_listed(&actor.person, &path, column, things.id(thing)).await
                        }
                        Ask::Change(method, path, body) => {
                            asked.insert((method.to_string(), shape(path)));
                            let request =
                                actor.person.request(method.clone(), &things.about(path, &new));
                            let body = things.about(body, &new);
                            let request = match body.chars().next() {
                                None => request,
                                Some('{') => request.raw("application/json", body),
                                Some(_) => request.raw("text/plain", body),
                            };
                            let answer = request.send().await;
                            let verdict = verdict(&answer, table, verb);
                            if answer.status.is_success() {
                                things.renew(&mut owner).await;
                            }
                            verdict
                        }
                        Ask::NoRoute(method, path) => {
                            routed = false;
                            let request = (method.to_string(), shape(path));
                            let path = things.about(path, &new);
                            let answer =
                                actor.person.request(method.clone(), &path).json(json!({}));
                            let status = answer.send().await.status;
                            match status.as_u16() {
                                404 | 405 if !documented.contains(&request) => Ok(false),
                                _ => Err(format!("{status}, where no route is due")),
                            }
                        }
                    });
                }
                let agree = found.iter().all(|found| *found == Ok(expected));
                let otherwise = OTHERWISE.iter().any(|(of, what, _)| (of, what) == (table, verb));
                if agree == otherwise {
                    apart += 1;
                    faults.push(format!(
                        "{table}: {} {verb} {whose}: expected {expected}, found {found:?}",
                        actor.name
                    ));
                }
                cells += 1;
                allowed += usize::from(expected);
                without_route += usize::from(!routed);
            }
        }
    }
    println!(
        "{cells} cells compared in {sent} requests, {} agreed, {apart} apart; {allowed} of them allowed, \
         {without_route} refused for want of a route",
        cells - apart
    );
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));

    let beside = BESIDE_THE_MATRIX
        .iter()
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()));
    asked.extend(beside);
    assert_eq!(asked, documented, "every route that changes something");
    let admins: i64 = query_scalar("select count(*) from users where role = 'admin' and is_active")
        .fetch_one(&mut owner)
        .await
        .expect("a count");
    assert!(admins > 1, "the last admin is another matter");
}
