//! `/console/account`: one's own keys, password and sessions.

use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use super::written;
use crate::api::path;
use crate::auth::account::Role;
use crate::console::form::{Field, Form};
use crate::console::page::{Shell, Theme, Time, Visit};
use crate::console::queries::{self, Session};
use crate::console::refusal::Refusal;
use crate::console::seen::Items;

/// An API key, as lists show it.
#[derive(Deserialize)]
pub(super) struct Key {
    pub(super) api_key_id: Uuid,
    pub(super) name: String,
    pub(super) key_prefix: String,
    pub(super) role: Option<String>,
    pub(super) created_at: Time,
    pub(super) expires_at: Option<Time>,
    pub(super) last_used_at: Option<Time>,
    pub(super) is_active: bool,
}

#[derive(Template)]
#[template(path = "account.html")]
struct Page<'a> {
    shell: Shell<'a>,
    keys: Vec<(Key, Option<Form>)>,
    sessions: Vec<Session>,
    new_key: Form,
    password: Form,
}

const ROLES: [(&str, &str); 4] =
    [("", "as mine"), ("viewer", "viewer"), ("developer", "developer"), ("admin", "admin")];

pub(super) async fn show(visit: &mut Visit) -> Result<String, Refusal> {
    let keys: Items<Key> = visit.api.get("/api-keys?user_id=me&limit=200").await?;
    let (db, caller) = (visit.db()?, visit.caller.clone());
    let sessions = db.run(&caller, async |scope| queries::sessions(scope).await).await?;
    let keys = keys.items.into_iter().map(|key| {
        let form = key.is_active.then(|| {
            let address = path::of(&[&"api-keys", &key.api_key_id]);
            let form = Form::new(visit, format!("revoke-{}", key.api_key_id), "DELETE", &address);
            form.small().then("/account?done=1").button("Revoke")
        });
        (key, form)
    });
    let new_key = Form::new(visit, "key", "POST", "/api-keys")
        .button("Make a key")
        .field(Field::line("name", "Name").required().help("What it is for."))
        .field(Field::choice("role:skip", "Role", ROLES).required())
        .field(
            Field::line("expires_at:skip", "Ends")
                .help("A date, such as 2027-06-30; without one it does not end."),
        );
    let password = Form::new(visit, "password", "POST", "/users/me/password")
        .then("/account?done=1")
        .button("Set it")
        .field(Field::password("current_password", "Current password").required())
        .field(
            Field::password("new_password", "New password")
                .required()
                .help("12 characters at least. All browsers and programs that are signed in have to sign in again."),
        );
    let keys = keys.collect();
    written(&Page {
        shell: visit.shell("Your account", "account"),
        keys,
        sessions,
        new_key,
        password,
    })
}

#[derive(Deserialize)]
struct Issued {
    name: String,
    key: Option<String>,
}

#[derive(Template)]
#[template(path = "issued.html")]
struct IssuedPage<'a> {
    shell: Shell<'a>,
    name: &'a str,
    key: &'a str,
}

/// The one page that shows a key; `None` when there is none in the answer.
pub(in crate::console) fn issued(
    visit: &Visit,
    body: &[u8],
) -> Result<Option<askama::Result<String>>, Refusal> {
    let issued: Issued = serde_json::from_slice(body).map_err(|_| Refusal::internal())?;
    let shell = visit.shell("A new key", "account");
    Ok(issued.key.map(|key| IssuedPage { shell, name: &issued.name, key: &key }.render()))
}
