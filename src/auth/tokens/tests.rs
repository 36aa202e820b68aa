//! Which tokens count. The keys below belong to nobody but these tests.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "a-secret-that-only-these-tests-know-0123456789";
const EC: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglN/dQ4l7ol4RMZ11Ha0eOikACOe8fLtg4WyxIUKjyw\
    ehRANCAAR1vWdaWABuLXYfCR6CcFudAbkrn2qX5axBBSsAaGhZnqyw/2xq4KlThEElPCIMBO2znyJZmBTzjpwXPT3F\
    5Hkh";
const RSA: &str = "MIIEpAIBAAKCAQEA4Aejx2dR30VbwawQrY5yxh0eiIHx2Bg5CZJ1pjQB++XzISL59+fbc03nYIDRTVO0rLBKpR8S0w\
    x/uhSVPSLPVeTkq59g1bFA9QCurw4ga57m9nMP0/bsiRKr5DsoeCHpPoHh+Z0GKRrABOAjg8AwUe8bxC4tsxr0Wytd\
    Mz3vN/F7oLJcTWPWxD36pX5wDJnsM/QJXpntLYd/E0QVWGExOTTuwELPnel4HxTAJ/BkRA8G6Mh2yWsETg9MvKT07/\
    oucffuZaNgnHwUHGD036IwGWoQmpQd/d17sXm0B8oqZfClIcG2TE95CHuhSlVFNz8rFTl4UJTdPVx2r/QkKV+uBwID\
    AQABAoIBABx67Ce/60kajKko4i/mMZIdBpItDt09axbb7yfzaaMn3wpB44xQBfZ5G2aJydHuR8RCXyLxuddpud0im7\
    xbbgdJ44Yr60gPUiYzcYGgpp934n3HL+Zu+DAO1xpbKPBowzmmkl9ExpE4LNwR0IIBz0LDRoDgq/+eeB0U/LK0d3Jh\
    fD2hZ9rCADGutftAnQxV9hUylGajiBFS/9QXo8Dgq4Wty6j+vWQ4Qupl18ZrPz0WSjCIaN4sAe7EXVUqahzvEgx3rA\
    775WcstqZ8cIHm99SUXgUPENRXGq/NtDrgzC0L9ujU/+ZBckcIWAFDOFVcxtQu1RuMF1/N5r/JNG43MyUCgYEA90Ys\
    n/ZX9rsAhBlhqdgVJPXyNKEwrZWwLa8v+8F8rpUw0QQxF5KI+bvqG+vR0xmExLnSh2nDoXpy7esjMELE2MBf7W64lL\
    wXK0biReRjcnxvWEznrK7jrLJ5TikdaklZ+T7sz4fWqWjOixwbwBSoZ182AmO2LzbZHx7JjDZDNd0CgYEA5+97MmcP\
    OdBmBHHSnw+RxzjTH5F1ZP31nB2XoW6Q69ag72PHaOS/qmn28D6rRoFXoLBk5HaQgbqymR8ZiNdEg6joG43BmGRFFP\
    twjKYtxbk97oH3yb41btra2UrY9u7Y800iN9zniK0hdo1BcdIgpRu+r2syYcPL+n1tBKXkDzMCgYEA3GYR9GowMVyw\
    sw2kfSx6fD0zqzFZH/9hzvZtQGpPZZTYtBSWZTpZGK8jlct1dEE0k9xFCCl/E3j+441ICgYZSlD9r7WWlAuqYwqFOG\
    K/ORYscHnrrYEcsZtKgB4pd8j1hzFNBhU/gjRGlLtzCJvhFnJIw4x4oFC06gYZAv6CnYkCgYEApIVjxmUEj+Yb95sl\
    5F6O8dqFKCduNq1Ow+bZ4FEly6T7k9QbZ3Sb4K451EEgDWtCVWHKr6TK7LsaZTOCUWch2qK9wo3Tfd3igve45owae9\
    7i54SZ2Clsja4A/5HwRXk3u55DX4z7UCA/VHDus2Zycaw0nwpTOrZAwvalll52X7ECgYBEw9JsKzMjcTKS+qMbn0aC\
    tU/3u1xlGOH+T8dEiLXy6gXMAgXfd/84hSOm9K+Ek25Zvg7CY6ELkpZjTW8RD6kIlLG3sUefoyUvOm54yOU3yxOoVs\
    N+Ynt2kt+71Fapr2gtdcU9KNkVdqMpVOuBWKdAspwlad0/aG5VD89ESHXw+w==";
const USER: Uuid = Uuid::from_u128(0x01a2_0575_84d9_79db_a493_fbb4_5530_8177);

fn der(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).expect("base64")
}

fn ec() -> EncodingKey {
    EncodingKey::from_ec_der(&der(EC))
}

fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_der(&der(RSA))
}

/// The public half, as a JWKS document has it.
fn jwk(key: &EncodingKey, algorithm: Algorithm, id: &str) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).expect("a public key");
    jwk.common.key_id = Some(id.to_owned());
    let mut jwk = serde_json::to_value(jwk).expect("json");
    jwk["use"] = json!("sig");
    jwk
}

fn document() -> Value {
    json!({ "keys": [
        jwk(&ec(), Algorithm::ES256, "ec"),
        jwk(&rsa(), Algorithm::RS256, "rsa"),
    ]})
}

fn with_keys(document: &Value) -> Tokens {
    let jwks = Arc::new(Jwks::of_document(document));
    let trusted = [" https://ref.supabase.co/auth/v1".to_owned()];
    Tokens::new(&Secrets::new(SECRET, &[]), "blockyard", &trusted, 900, Some(jwks))
}

/// Whose token it is.
async fn user(tokens: &Tokens, token: &str) -> Result<Uuid, Rejected> {
    tokens.verify(token).await.map(|accepted| accepted.user)
}

fn claims() -> Value {
    json!({
        "sub": USER,
        "aud": "authenticated",
        "role": "authenticated",
        "iss": "https://ref.supabase.co/auth/v1",
        "iat": now() - 600,
        "exp": now() + 600,
    })
}

fn with(member: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[member] = value.into();
    claims
}

fn without(member: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove(member);
    claims
}

fn signed(algorithm: Algorithm, id: Option<&str>, key: &EncodingKey, claims: &Value) -> String {
    let mut header = Header::new(algorithm);
    header.kid = id.map(str::to_owned);
    jsonwebtoken::encode(&header, claims, key).expect("a token")
}

fn hs256(claims: &Value) -> String {
    signed(Algorithm::HS256, None, &EncodingKey::from_secret(SECRET.as_bytes()), claims)
}

/// Any header, with the signature of a valid token.
fn forged(header: &Value, claims: &Value) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signature = hs256(claims);
    let signature = signature.rsplit('.').next().expect("a signature");
    format!("{}.{}.{signature}", part(header), part(claims))
}

async fn verdict(token: &str) -> Result<Uuid, Rejected> {
    user(&with_keys(&document()), token).await
}

#[actix_web::test]
async fn our_own_token_counts_and_says_what_supabase_expects() {
    let tokens = with_keys(&document());
    let session = Uuid::now_v7();
    let token = tokens.mint(USER, session).expect("a token");
    assert_eq!(user(&tokens, &token).await, Ok(USER));
    let claims: Value = jsonwebtoken::dangerous::insecure_decode_claims(&token).expect("claims");
    assert_eq!(claims["sub"], USER.to_string());
    assert_eq!(claims["aud"], "authenticated");
    assert_eq!(claims["role"], "authenticated");
    assert_eq!(claims["iss"], "blockyard");
    assert_eq!(claims["session_id"], session.to_string());
    assert_eq!(claims["exp"].as_u64(), claims["iat"].as_u64().map(|iat| iat + 900));
    let again: Value = jsonwebtoken::dangerous::insecure_decode_claims(
        tokens.mint(USER, session).expect("a token"),
    )
    .expect("claims");
    assert_ne!(claims["jti"], again["jti"]);
}

#[actix_web::test]
async fn the_claims_decide() {
    assert_eq!(verdict(&hs256(&claims())).await, Ok(USER));
    for accepted in [
        with("aud", json!(["other", "authenticated"])),
        with("iss", "blockyard"),
        with("exp", now() - 80),
        with("iat", now() + 80),
        with("nbf", now() + 80),
        with("something", "else"),
    ] {
        assert_eq!(verdict(&hs256(&accepted)).await, Ok(USER), "{accepted}");
    }
    assert_eq!(verdict(&hs256(&with("exp", now() - 100))).await, Err(Rejected::Expired));
    for refused in [
        without("sub"),
        with("sub", "ada"),
        with("sub", Value::Null),
        without("aud"),
        with("aud", "anon"),
        with("aud", json!([])),
        without("role"),
        // The public keys of a Supabase project are valid JWTs under its secret.
        with("role", "anon"),
        with("role", "service_role"),
        without("iss"),
        with("iss", "supabase"),
        with("iss", json!(["blockyard", "supabase"])),
        without("exp"),
        with("exp", "tomorrow"),
        with("exp", now() + 8 * 24 * 3600),
        with("exp", u64::MAX),
        with("iat", now() + 100),
        with("iat", now() - 8 * 24 * 3600),
        without("iat"),
        with("nbf", now() + 100),
    ] {
        assert_eq!(verdict(&hs256(&refused)).await, Err(Rejected::Invalid), "{refused}");
    }
}

#[actix_web::test]
async fn a_token_that_nobody_signed_is_none() {
    let unsigned = json!({ "alg": "none", "typ": "JWT" });
    for token in [
        String::new(),
        "a.b.c".to_owned(),
        "..".to_owned(),
        forged(&unsigned, &claims()),
        forged(&unsigned, &claims()).rsplit_once('.').expect("parts").0.to_owned() + ".",
        forged(&json!({ "alg": "NONE" }), &claims()),
        forged(&json!({ "typ": "JWT" }), &claims()),
        // Expired and not signed: of that nothing is told.
        forged(&json!({ "alg": "HS256", "x": 1 }), &with("exp", 1)),
        signed(Algorithm::HS256, None, &EncodingKey::from_secret(b"another"), &claims()),
        signed(Algorithm::HS384, None, &EncodingKey::from_secret(SECRET.as_bytes()), &claims()),
        signed(Algorithm::HS512, None, &EncodingKey::from_secret(SECRET.as_bytes()), &claims()),
        hs256(&claims()) + "A",
    ] {
        assert_eq!(verdict(&token).await, Err(Rejected::Invalid), "{token}");
    }
}

#[actix_web::test]
async fn extensions_that_must_be_understood_are_not() {
    let mut header = Header::new(Algorithm::HS256);
    header.crit = Some(vec!["b64".to_owned()]);
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&header, &claims(), &key).expect("a token");
    assert_eq!(verdict(&token).await, Err(Rejected::Invalid));
}

#[actix_web::test]
async fn keys_of_the_document_count_by_their_id_and_algorithm() {
    let es = |id, claims: &Value| signed(Algorithm::ES256, id, &ec(), claims);
    let rs = |id, claims: &Value| signed(Algorithm::RS256, id, &rsa(), claims);
    assert_eq!(verdict(&es(Some("ec"), &claims())).await, Ok(USER));
    assert_eq!(verdict(&rs(Some("rsa"), &claims())).await, Ok(USER));
    assert_eq!(verdict(&es(Some("ec"), &with("exp", now() - 100))).await, Err(Rejected::Expired));
    for refused in [
        es(None, &claims()),
        es(Some("rsa"), &claims()),
        es(Some("unknown"), &claims()),
        es(Some("ec"), &with("role", "service_role")),
        rs(None, &claims()),
        rs(Some("ec"), &claims()),
        signed(Algorithm::RS384, Some("rsa"), &rsa(), &claims()),
        signed(Algorithm::PS256, Some("rsa"), &rsa(), &claims()),
    ] {
        assert_eq!(verdict(&refused).await, Err(Rejected::Invalid), "{refused}");
    }
    let nowhere = Tokens::new(&Secrets::new(SECRET, &[]), "blockyard", &[], 900, None);
    let token = es(Some("ec"), &with("iss", "blockyard"));
    assert_eq!(nowhere.verify(&token).await, Err(Rejected::Invalid));
}

#[actix_web::test]
async fn a_key_signs_for_its_own_issuers_only() {
    let theirs = "https://ref.supabase.co/auth/v1";
    let by = |algorithm, issuer: &str| match algorithm {
        Algorithm::HS256 => hs256(&with("iss", issuer)),
        Algorithm::ES256 => signed(algorithm, Some("ec"), &ec(), &with("iss", issuer)),
        _ => signed(algorithm, Some("rsa"), &rsa(), &with("iss", issuer)),
    };
    // The secret may be Supabase's, so it speaks for both.
    assert_eq!(verdict(&by(Algorithm::HS256, "blockyard")).await, Ok(USER));
    assert_eq!(verdict(&by(Algorithm::HS256, theirs)).await, Ok(USER));
    for algorithm in [Algorithm::ES256, Algorithm::RS256] {
        assert_eq!(verdict(&by(algorithm, theirs)).await, Ok(USER));
        for forged in ["blockyard", "", "https://other.example.org", "Blockyard"] {
            let token = by(algorithm, forged);
            assert_eq!(verdict(&token).await, Err(Rejected::Invalid), "{algorithm:?} {forged}");
        }
        let jwks = Some(Arc::new(Jwks::of_document(&document())));
        let trusts_nobody = Tokens::new(&Secrets::new(SECRET, &[]), "blockyard", &[], 900, jwks);
        for issuer in ["blockyard", theirs, ""] {
            let refused = trusts_nobody.verify(&by(algorithm, issuer)).await;
            assert_eq!(refused, Err(Rejected::Invalid), "{algorithm:?} {issuer}");
        }
    }
}

#[actix_web::test]
async fn of_several_secrets_the_first_signs_and_all_are_accepted() {
    let (old, new) =
        ("an-old-secret-of-thirty-two-bytes-and-more", "a-new-secret-of-thirty-two-bytes-and-more");
    let tokens = |newest, older: &[&'static str]| {
        Tokens::new(&Secrets::new(newest, older), "blockyard", &[], 900, None)
    };
    let session = Uuid::now_v7();
    let before = tokens(old, &[]).mint(USER, session).expect("a token");
    let after = tokens(new, &[old]).mint(USER, session).expect("a token");
    // All instances know the new one before the first signs with it.
    for between in [tokens(old, &[new]), tokens(new, &[old])] {
        assert_eq!(user(&between, &before).await, Ok(USER));
        assert_eq!(user(&between, &after).await, Ok(USER));
    }
    assert_eq!(tokens(new, &[]).verify(&before).await, Err(Rejected::Invalid));
    assert_eq!(user(&tokens(new, &[]), &after).await, Ok(USER));
    assert_eq!(tokens(old, &[]).verify(&after).await, Err(Rejected::Invalid));
    // What is wrong with a token of the older one is said as of the newer.
    let expired = json!({ "sub": USER, "aud": "authenticated", "role": "authenticated", "iss": "blockyard",
        "iat": now() - 900, "exp": now() - 100 });
    let key = EncodingKey::from_secret(old.as_bytes());
    let expired = signed(Algorithm::HS256, None, &key, &expired);
    assert_eq!(tokens(new, &[old]).verify(&expired).await, Err(Rejected::Expired));
}

#[actix_web::test]
async fn a_public_key_is_no_secret() {
    let public = document();
    for key in public["keys"].as_array().expect("keys") {
        for text in [key.to_string(), key["n"].to_string(), key["x"].to_string()] {
            let secret = EncodingKey::from_secret(text.trim_matches('"').as_bytes());
            let id = key["kid"].as_str();
            let token = signed(Algorithm::HS256, id, &secret, &claims());
            assert_eq!(verdict(&token).await, Err(Rejected::Invalid));
        }
    }
}

#[actix_web::test]
async fn a_document_gives_only_keys_that_are_meant_to_verify() {
    let changed = |changes: Value| {
        let mut key = jwk(&ec(), Algorithm::ES256, "ec");
        for (member, value) in changes.as_object().expect("an object") {
            key[member] = value.clone();
        }
        key
    };
    let token = signed(Algorithm::ES256, Some("ec"), &ec(), &claims());
    for (key, counts) in [
        (changed(json!({})), true),
        (changed(json!({ "key_ops": ["verify"] })), true),
        (changed(json!({ "use": "enc" })), false),
        (changed(json!({ "key_ops": ["sign"] })), false),
        (changed(json!({ "alg": "ES384" })), false),
        (changed(json!({ "alg": "RS256" })), false),
        (changed(json!({ "crv": "P-384" })), false),
        (changed(json!({ "x": "AAAA" })), false),
        (changed(json!({ "kid": null })), false),
    ] {
        // What is not understood stands in nobody's way.
        let keys =
            json!({ "keys": [{ "kty": "new" }, 7, key, jwk(&rsa(), Algorithm::RS256, "rsa")] });
        let outcome = user(&with_keys(&keys), &token).await;
        assert_eq!(outcome.is_ok(), counts, "{keys}");
    }
    let secret = json!({ "keys": [
        { "kty": "oct", "kid": "oct", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode([7; 32]) },
        { "kty": "RSA", "kid": "short", "n": URL_SAFE_NO_PAD.encode([255; 128]), "e": "AQAB" },
    ]});
    let token =
        signed(Algorithm::HS256, Some("oct"), &EncodingKey::from_secret(&[7; 32]), &claims());
    assert_eq!(with_keys(&secret).verify(&token).await, Err(Rejected::Invalid));
}
