//! Browsers that are signed in to the console.
//!
//! No route reads a cookie. The console does, and puts this into what a request carries within the service,
//! where no client can: so a session counts below `/console` and nowhere else.

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;

use super::opaque_token::OpaqueToken;
use crate::api::hex::hex;

/// The digest of a session's token. Whose it is, and whether it still counts, the database knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedIn(pub(super) String);

impl SignedIn {
    /// Lets a request come from whoever holds this token.
    pub(crate) fn show(request: &ServiceRequest, token: &OpaqueToken) {
        request.extensions_mut().insert(Self(hex(&token.digest())));
    }
}
