//! `/console/people`: accounts, for admins.

use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use super::written;
use crate::api::path;
use crate::console::form::{Field, Form};
use crate::console::page::{Shell, Theme, Time, Visit};
use crate::console::refusal::Refusal;
use crate::console::screens::account::Key;
use crate::console::seen::Items;

#[derive(Deserialize)]
struct User {
    user_id: Uuid,
    username: String,
    email: String,
    role: String,
    is_active: bool,
    created_at: Time,
    updated_at: Time,
}

#[derive(Template)]
#[template(path = "people.html")]
struct List<'a> {
    shell: Shell<'a>,
    page: Items<User>,
    next: Option<String>,
    form: Option<Form>,
}

const ROLES: [(&str, &str); 3] = [
    ("viewer", "viewer: reads"),
    ("developer", "developer: also writes"),
    ("admin", "admin: also manages people"),
];

pub(super) async fn list(visit: &mut Visit) -> Result<String, Refusal> {
    let target =
        visit.target("/users", &["cursor", "q", "role", "is_active"], &[("sort", "username")]);
    let page: Items<User> = visit.api.get(&target).await?;
    let next = page.next_cursor.as_deref().map(|cursor| visit.with("cursor", Some(cursor)));
    let form = visit.is_admin().then(|| {
        Form::new(visit, "new", "POST", "/users")
            .button("Add")
            .field(Field::line("username", "Username").required())
            .field(Field::line("email", "Email address").required())
            .field(
                Field::password("password", "Their first password")
                    .required()
                    .help("12 characters at least."),
            )
            .field(Field::choice("role", "Role", ROLES).required())
    });
    written(&List { shell: visit.shell("People", "people"), page, next, form })
}

#[derive(Template)]
#[template(path = "person.html")]
struct Page<'a> {
    shell: Shell<'a>,
    user: &'a User,
    keys: Items<Key>,
    forms: Vec<(&'static str, Form)>,
}

pub(super) async fn show(visit: &mut Visit, name: &str) -> Result<String, Refusal> {
    let user: User = visit.api.get(&path::of(&[&"users", &name])).await?;
    let mut keys = Items { items: Vec::new(), next_cursor: None };
    if visit.is_admin() {
        keys = visit.api.get(&format!("/api-keys?user_id={}", user.user_id)).await?;
    }
    let mut forms = Vec::new();
    if visit.is_admin() {
        let address = path::of(&[&"users", &user.user_id]);
        if user.is_active {
            forms.push((
                "Change it",
                Form::new(visit, "change", "PATCH", &address)
                    .of_revision(user.updated_at.0)
                    .field(Field::line("username", "Username").value(&user.username).required())
                    .field(Field::line("email", "Email address").value(&user.email).required())
                    .field(Field::choice("role", "Role", ROLES).value(&user.role).required()),
            ));
            if user.user_id != visit.me.user_id {
                let form = Form::new(visit, "deactivate", "DELETE", &address);
                forms
                    .push(("Deactivate", form.of_revision(user.updated_at.0).button("Deactivate")));
            }
        } else {
            let form = Form::new(visit, "restore", "POST", &format!("{address}/restore"));
            forms.push(("Activate again", form.of_revision(user.updated_at.0).button("Activate")));
        }
    }
    let shell = visit.shell(user.username.as_str(), "people");
    written(&Page { shell, user: &user, keys, forms })
}
