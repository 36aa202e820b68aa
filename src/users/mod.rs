//! Users: who interacts with the registry. Their rows are [`crate::auth::account::User`].

pub mod password_route;
mod queries;
pub mod routes;

use std::borrow::Cow;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de::Error};
use utoipa::IntoParams;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::entity::Entity;
use crate::api::fields::{Fields, FromFields};
use crate::api::name;
use crate::api::page::Limit;
use crate::api::page::{Cursor, CursorText};
use crate::api::path;
use crate::api::query::{FromParams, Params, SearchText};
use crate::api::text;
use crate::api::time::DateTime;
use crate::api::word::Word;
use crate::auth::account::Role;
use crate::auth::account::User;
use crate::auth::passwords::{NewPassword, Password};
use crate::resource::verbs::Resource;

/// What a user is called: 1 to 100 letters, digits, `.`, `_` and `-`, the first one a letter or a
/// digit; neither an id nor `me`, which name a user in a path (`app.is_username`).
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 100, example = "ada")]
pub struct Username(String);

impl Username {
    /// Reads a username in whatever form it was sent.
    ///
    /// # Errors
    /// A sentence for the client.
    pub fn parse(text: &str) -> Result<Self, Cow<'static, str>> {
        let username = name::tidy(text);
        text::length(&username, 1, 100)?;
        if let Some(refusal) = name::unfit(&username) {
            return Err(refusal.into());
        }
        if username.starts_with(['.', '_', '-']) || !name::is_of_usernames(&username) {
            return Err(
                "Must be of letters, digits, `.`, `_` and `-`, and begin with a letter or a digit."
                    .into(),
            );
        }
        if name::key(&username) == "me" || name::is_id(&username) {
            return Err("Must be neither `me` nor look like an id.".into());
        }
        Ok(Self(username))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Username {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Where a user gets mail (`app.is_email`).
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = Email, min_length = 3, max_length = 254, example = "ada@example.org")]
pub struct Email(String);

impl Email {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let email = name::tidy(&String::deserialize(deserializer)?);
        text::length(&email, 3, 254).map_err(D::Error::custom)?;
        if let Some(refusal) = name::unfit(&email) {
            return Err(D::Error::custom(refusal));
        }
        let whole = email.split_once('@').is_some_and(|(mailbox, domain)| {
            !mailbox.is_empty() && !domain.is_empty() && !domain.contains('@')
        });
        if !whole || email.contains(char::is_whitespace) {
            return Err(D::Error::custom("Must be an email address."));
        }
        Ok(Self(email))
    }
}

const PASSWORD_IS_NAME: &str = "Must not be the username or the email address.";

/// Body of `POST /users`.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({
    "username": "ada",
    "email": "ada@example.org",
    "role": "developer",
    "password": "correct horse battery staple"
}))]
#[read(check = Self::with_a_password_of_its_own)]
pub struct NewUser {
    pub username: Username,
    pub email: Email,
    /// `viewer` when missing.
    #[read(with = Word)]
    pub role: Option<Role>,
    /// 12 to 256 characters. Without one the user logs in elsewhere, or has only API keys.
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 256)]
    pub password: Option<NewPassword>,
}

impl NewUser {
    fn with_a_password_of_its_own(self, fields: &mut Fields) -> Option<Self> {
        let names = [self.username.as_str(), self.email.as_str()];
        if let Some(password) = &self.password
            && password.is_any_of(&names)
        {
            fields.fault("password", PASSWORD_IS_NAME);
            return None;
        }
        Some(self)
    }
}

/// What to change of a user. What is missing stays.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "email": "ada@example.com" }))]
pub struct UserPatch {
    #[schema(value_type = Username, required = false)]
    #[read(changed)]
    pub username: Option<Username>,
    #[schema(value_type = Email, required = false)]
    #[read(changed)]
    pub email: Option<Email>,
    /// Only admins change it.
    #[schema(value_type = Role, required = false)]
    #[read(changed, with = Word)]
    pub role: Option<Role>,
    /// Only admins change it.
    #[schema(value_type = bool, required = false)]
    #[read(changed)]
    pub is_active: Option<bool>,
}

/// A new password.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({
    "current_password": "correct horse battery staple",
    "new_password": "wrong donkey accumulator clip"
}))]
pub struct PasswordChange {
    /// Required for one's own.
    #[schema(value_type = Option<String>, format = Password, max_length = 256)]
    pub current_password: Option<Password>,
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 256)]
    pub new_password: NewPassword,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_can_stand_in_a_path() {
        for good in ["ada", "a", "Ada.Lovelace-1815_x", "élodie", " ada "] {
            assert!(serde_json::from_value::<Username>(good.into()).is_ok(), "{good}");
        }
        for bad in [
            "",
            " ",
            "-ada",
            "ada lovelace",
            "ada@example.org",
            "a/b",
            "me",
            "ME",
            "a\0b",
            "01a20575-84d9-79db-a493-fbb455308177",
        ] {
            assert!(serde_json::from_value::<Username>(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_email_address_has_two_sides() {
        for good in ["a@b", "ada@example.org", " ada+x@example.org\n"] {
            assert!(serde_json::from_value::<Email>(good.into()).is_ok(), "{good}");
        }
        for bad in ["", "ada", "@b", "a@", "a@b@c", "a b@c", "a@b\0"] {
            assert!(serde_json::from_value::<Email>(bad.into()).is_err(), "{bad}");
        }
    }
}

/// Which users.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UserList {
    pub role: Option<Role>,
    pub is_active: Option<bool>,
    /// Exactly this username, without regard to case.
    pub username: Option<String>,
    /// Exactly this email address, without regard to case.
    pub email: Option<String>,
    /// A part of the username or of the email address.
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// `created_at` or `username`, with `-` before it for the reverse.
    #[param(value_type = Option<UserSort>, example = "username")]
    pub sort: Sort,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<CursorText>)]
    pub cursor: Option<Cursor>,
}

impl FromParams for UserList {
    fn from_params(params: &mut Params) -> Option<Self> {
        let role = params.optional("role");
        let is_active = params.optional("is_active");
        let username = params.optional("username");
        let email = params.optional("email");
        let q = params.optional::<SearchText>("q");
        let sort = params.optional::<Sort>("sort");
        let limit = params.optional("limit");
        let in_order = sort.flatten().unwrap_or_default();
        let cursor = params.cursor(|cursor| {
            cursor.sort == in_order.as_str() && (!in_order.is_by_time() || cursor.time().is_some())
        });
        Some(Self {
            role: role?.map(|Word(role)| role),
            is_active: is_active?,
            username: username?,
            email: email?,
            q: q?.map(|SearchText(text)| text),
            sort: sort?.unwrap_or_default(),
            limit: limit?.unwrap_or_default(),
            cursor: cursor?,
        })
    }
}

/// `created_at` or `username`, with `-` before it for the reverse.
#[derive(ToSchema)]
#[schema(value_type = String, pattern = "^-?(created_at|username)$", default = "-created_at")]
#[allow(dead_code, reason = "the document only")]
pub struct UserSort(String);

/// In which order users are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    #[default]
    Newest,
    Oldest,
    Username,
    UsernameReversed,
}

impl Sort {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "-created_at",
            Self::Oldest => "created_at",
            Self::Username => "username",
            Self::UsernameReversed => "-username",
        }
    }

    fn is_by_time(self) -> bool {
        matches!(self, Self::Newest | Self::Oldest)
    }

    fn cursor(self, user: &User) -> Cursor {
        if self.is_by_time() {
            return Cursor::at(self.as_str(), user.created_at, user.user_id);
        }
        Cursor { sort: self.as_str().to_owned(), key: user.username.clone(), id: user.user_id }
    }
}

impl FromStr for Sort {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Newest, Self::Oldest, Self::Username, Self::UsernameReversed]
            .into_iter()
            .find(|sort| sort.as_str() == text)
            .ok_or("Must be created_at or username, with - before it for the reverse.")
    }
}

impl Resource for User {
    const WHAT: &'static str = "User";
    const ENTITY: Entity = Entity::User;

    fn id(&self) -> Uuid {
        self.user_id
    }

    fn location(&self) -> String {
        path::of(&[&"users", &self.user_id])
    }

    fn created_at(&self) -> DateTime {
        self.created_at
    }

    fn revision(&self) -> DateTime {
        self.updated_at
    }
}
