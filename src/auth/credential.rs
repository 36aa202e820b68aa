//! What a request shows of its caller.

use actix_web::http::header::HeaderValue;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpMessage, HttpRequest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::keys::{self, PlainKey};
use super::signed_in::SignedIn;
use crate::api::problem::Problem;

/// The one identity that a request brings, as it was sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credential<'a> {
    Token(&'a str),
    Key(PlainKey),
    Session(SignedIn),
}

impl<'a> Credential<'a> {
    /// Reads `Authorization: Bearer …` or `X-API-Key`; of a read also `Authorization: Basic …` with an API key as
    /// the password.
    ///
    /// The console shows whose session it is instead, and then nothing else counts.
    ///
    /// The same credential in both, as clients send it that are generated, is one identity.
    ///
    /// # Errors
    /// 401 when there is none, 400 when there are several.
    pub(super) fn of(request: &'a HttpRequest) -> Result<Self, Problem> {
        if let Some(session) = request.extensions().get::<SignedIn>() {
            return Ok(Self::Session(session.clone()));
        }
        let headers = request.headers();
        let mut shown = headers
            .get_all(header::AUTHORIZATION)
            .map(|value| (false, value))
            .chain(headers.get_all("X-API-Key").map(|value| (true, value)));
        let Some((is_key, value)) = shown.next() else {
            return Err(Problem::unauthorized(
                "Send an access token (Authorization: Bearer …) or an API key (X-API-Key: …).",
            ));
        };
        if shown.any(|(also_key, other)| plain(also_key, other) != plain(is_key, value)) {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "two_identities",
                "Send one Authorization or one X-API-Key, so that it is clear who is calling.",
            ));
        }
        let value = value.to_str().unwrap_or_default().trim();
        if is_key {
            return key(value);
        }
        match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                let token = token.trim_start();
                if token.starts_with(keys::MARK) { key(token) } else { Ok(Self::Token(token)) }
            }
            // What a browser asks for when an address is opened in it. It sends that by itself from then on,
            // whosever page makes it: so it may read, and change nothing.
            Some((scheme, pair))
                if scheme.eq_ignore_ascii_case("basic") && request.method().is_safe() =>
            {
                key(&password(pair).unwrap_or_default())
            }
            _ => Err(Problem::unauthorized(
                "Authorization must be Bearer, with an access token or an API key behind it.",
            )),
        }
    }
}

/// The password of `Authorization: Basic` (RFC 7617).
fn password(pair: &str) -> Option<String> {
    let pair = String::from_utf8(STANDARD.decode(pair.trim()).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

/// The credential itself, without the scheme of `Authorization` before it.
fn plain(is_key: bool, value: &HeaderValue) -> &[u8] {
    let value = value.as_bytes().trim_ascii();
    let scheme = if is_key { 0 } else { value.iter().position(|byte| *byte == b' ').unwrap_or(0) };
    value[scheme..].trim_ascii_start()
}

fn key<'a>(text: &str) -> Result<Credential<'a>, Problem> {
    text.parse().map(Credential::Key).map_err(|()| Problem::unauthorized(keys::NOT_ACCEPTED))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::auth::keys::{KeyMaker, Seed};
    use crate::auth::secrets::Secrets;

    fn shown(headers: &[(&str, &str)]) -> Result<String, &'static str> {
        let mut request = TestRequest::default();
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        match Credential::of(&request.to_http_request()) {
            Ok(Credential::Token(token)) => Ok(token.to_owned()),
            Ok(Credential::Key(key)) => Ok(key.to_string()),
            Ok(Credential::Session(_)) => panic!("nobody has signed in"),
            Err(problem) => Err(problem.code()),
        }
    }

    #[test]
    fn one_identity_is_read_wherever_it_stands() {
        let maker = KeyMaker::new(&Secrets::new("seven", &[])).expect("a key maker");
        let key = maker.key(&Seed::random()).to_string();
        assert_eq!(shown(&[("Authorization", "Bearer a.b.c")]), Ok("a.b.c".to_owned()));
        assert_eq!(shown(&[("authorization", "bEARER  a.b.c")]), Ok("a.b.c".to_owned()));
        assert_eq!(shown(&[("Authorization", &format!("Bearer {key}"))]), Ok(key.clone()));
        assert_eq!(shown(&[("x-api-key", &key)]), Ok(key.clone()));
        for none in ["", "Bearer", "a.b.c", "Basic YTpi", "Bearer by_00000000_x"] {
            assert_eq!(shown(&[("Authorization", none)]), Err("unauthorized"), "{none}");
        }
        assert_eq!(shown(&[("X-API-Key", "a.b.c")]), Err("unauthorized"));
        assert_eq!(shown(&[]), Err("unauthorized"));
    }

    #[test]
    fn the_same_credential_twice_is_one_identity() {
        let maker = KeyMaker::new(&Secrets::new("seven", &[])).expect("a key maker");
        let key = maker.key(&Seed::random()).to_string();
        for credential in ["a.b.c", &key] {
            let bearer = format!("Bearer {credential}");
            for twice in [
                [("Authorization", bearer.as_str()), ("X-API-Key", credential)],
                [("Authorization", bearer.as_str()), ("Authorization", bearer.as_str())],
            ] {
                assert_eq!(shown(&twice), Ok(credential.to_owned()));
            }
        }
        assert_eq!(shown(&[("X-API-Key", &key), ("X-API-Key", &key)]), Ok(key.clone()));
    }

    #[test]
    fn two_identities_are_none() {
        for two in [
            [("Authorization", "Bearer a.b.c"), ("X-API-Key", "x")],
            [("Authorization", "Bearer a.b.c"), ("Authorization", "Bearer a.b.d")],
            [("X-API-Key", "x"), ("X-API-Key", "y")],
            [("Authorization", "Bearer a.b.c"), ("X-API-Key", "Bearer a.b.c")],
        ] {
            assert_eq!(shown(&two), Err("two_identities"));
        }
    }
}
