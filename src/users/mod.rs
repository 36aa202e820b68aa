//! Users: who interacts with the registry. Their rows are [`crate::auth::account::User`].

mod password_route;
mod queries;
pub mod routes;

use serde::{Deserialize, Deserializer, de::Error};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::fields::{Fields, FromFields};
use crate::api::text;
use crate::auth::account::Role;
use crate::auth::passwords::{NewPassword, Password};

/// What a user is called: 1 to 100 letters, digits, `.`, `_` and `-`, the first one a letter or a
/// digit; neither an id nor `me`, which name a user in a path (`users_username_check`).
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 100, example = "ada")]
pub struct Username(String);

impl Username {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Username {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name: String = String::deserialize(deserializer)?.trim().nfc().collect();
        text::length(&name, 1, 100).map_err(D::Error::custom)?;
        let readable = name.starts_with(char::is_alphanumeric)
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || "._-".contains(c));
        if !readable {
            return Err(D::Error::custom(
                "Must be of letters, digits, `.`, `_` and `-`, and begin with a letter or a digit.",
            ));
        }
        if name.eq_ignore_ascii_case("me") || (name.len() == 36 && Uuid::try_parse(&name).is_ok()) {
            return Err(D::Error::custom(
                "Must be neither `me` nor look like an id.",
            ));
        }
        Ok(Self(name))
    }
}

/// Where a user gets mail (`users_email_check`).
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
        let email = String::deserialize(deserializer)?.trim().to_owned();
        text::length(&email, 3, 254).map_err(D::Error::custom)?;
        let whole = email.split_once('@').is_some_and(|(mailbox, domain)| {
            !mailbox.is_empty() && !domain.is_empty() && !domain.contains('@')
        });
        if !whole || email.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(D::Error::custom("Must be an email address."));
        }
        Ok(Self(email))
    }
}

const PASSWORD_IS_NAME: &str = "Must not be the username or the email address.";

/// A user to be.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "username": "ada",
    "email": "ada@example.org",
    "role": "developer",
    "password": "correct horse battery staple"
}))]
pub struct NewUser {
    pub username: Username,
    pub email: Email,
    /// `viewer` when missing.
    pub role: Option<Role>,
    /// 12 to 256 characters. Without one the user logs in elsewhere, or has only API keys.
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 256)]
    pub password: Option<NewPassword>,
}

impl FromFields for NewUser {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let username: Option<Username> = fields.required("username");
        let email: Option<Email> = fields.required("email");
        let role = fields.optional("role");
        let password: Option<Option<NewPassword>> = fields.optional("password");
        let (username, email, password) = (username?, email?, password?);
        if let Some(password) = &password
            && password.is_any_of(&[username.as_str(), email.as_str()])
        {
            fields.fault("password", PASSWORD_IS_NAME);
            return None;
        }
        Some(Self {
            username,
            email,
            role: role?,
            password,
        })
    }
}

/// What to change of a user. What is missing stays.
#[derive(Debug, ToSchema)]
#[schema(example = json!({ "email": "ada@example.com" }))]
pub struct UserPatch {
    pub username: Option<Username>,
    pub email: Option<Email>,
    /// Only admins change it.
    pub role: Option<Role>,
    /// Only admins change it.
    pub is_active: Option<bool>,
}

impl FromFields for UserPatch {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let username = fields.changed("username");
        let email = fields.changed("email");
        let role = fields.changed("role");
        let is_active = fields.changed("is_active");
        Some(Self {
            username: username?,
            email: email?,
            role: role?,
            is_active: is_active?,
        })
    }
}

/// A new password.
#[derive(Debug, ToSchema)]
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

impl FromFields for PasswordChange {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let current_password = fields.optional("current_password");
        let new_password = fields.required("new_password");
        Some(Self {
            current_password: current_password?,
            new_password: new_password?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_can_stand_in_a_path() {
        for good in ["ada", "a", "Ada.Lovelace-1815_x", "élodie", " ada "] {
            assert!(
                serde_json::from_value::<Username>(good.into()).is_ok(),
                "{good}"
            );
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
            assert!(
                serde_json::from_value::<Username>(bad.into()).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn an_email_address_has_two_sides() {
        for good in ["a@b", "ada@example.org", " ada+x@example.org\n"] {
            assert!(
                serde_json::from_value::<Email>(good.into()).is_ok(),
                "{good}"
            );
        }
        for bad in ["", "ada", "@b", "a@", "a@b@c", "a b@c", "a@b\0"] {
            assert!(
                serde_json::from_value::<Email>(bad.into()).is_err(),
                "{bad}"
            );
        }
    }
}
