//! Reading the parameters of a query string so that all faults are told at once.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use url::form_urlencoded;

use super::page::Cursor;
use super::problem::{Fault, Problem};
use super::told::Told;

pub use blockyard_derive::FromParams;

/// The parameters of a route.
pub trait FromParams: Sized {
    /// Reads every parameter; `None` when one of them has a fault, which `params` has noted.
    fn from_params(params: &mut Params) -> Option<Self>;
}

/// The query string of a request, read.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: FromParams> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request.query_string()).map(Query))
    }
}

/// A route without parameters: any that come are refused.
#[derive(Debug, Clone, Copy)]
pub struct NoParams;

impl FromParams for NoParams {
    fn from_params(_: &mut Params) -> Option<Self> {
        Some(Self)
    }
}

/// The parameters that have not been read yet, and the faults so far.
pub struct Params {
    pairs: Vec<(String, String)>,
    faults: Vec<Fault>,
}

/// Far more than any route has: a longer query is not looked at parameter by parameter.
const MOST_PARAMS: usize = 100;

fn read<T: FromParams>(query: &str) -> Result<T, Problem> {
    if form_urlencoded::parse(query.as_bytes()).nth(MOST_PARAMS).is_some() {
        return Err(Problem::invalid(format!(
            "A query may have {MOST_PARAMS} parameters at most."
        )));
    }
    let mut params = Params { pairs: Vec::new(), faults: Vec::new() };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if params.pairs.iter().any(|(known, _)| *known == name) {
            params.fault(&name, "Is given more than once.");
        } else if value.contains('\0') {
            params.fault(&name, "Must not have null characters.");
        } else {
            params.pairs.push((name.into_owned(), value.into_owned()));
        }
    }
    let value = T::from_params(&mut params);
    for (name, _) in std::mem::take(&mut params.pairs) {
        params.fault(&name, "Is not known here.");
    }
    if !params.faults.is_empty() {
        return Err(Problem::faults(params.faults));
    }
    value.ok_or_else(Problem::internal)
}

/// What is looked for in texts: at most 200 characters, since a search costs words times rows.
pub struct SearchText(pub String);

impl FromStr for SearchText {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.chars().count() > 200 {
            return Err("Has more than 200 characters.");
        }
        Ok(Self(text.to_owned()))
    }
}

impl Params {
    /// A parameter that may be missing; the outer `None` is a fault.
    pub fn optional<T: FromStr<Err: Told>>(&mut self, name: &str) -> Option<Option<T>> {
        let Some(at) = self.pairs.iter().position(|(known, _)| known == name) else {
            return Some(None);
        };
        let (_, text) = self.pairs.swap_remove(at);
        match text.parse() {
            Ok(value) => Some(Some(value)),
            Err(error) => {
                self.fault(name, error.told());
                None
            }
        }
    }

    /// A parameter that must be there.
    pub fn required<T: FromStr<Err: Told>>(&mut self, name: &str) -> Option<T> {
        match self.optional(name)? {
            Some(value) => Some(value),
            None => {
                self.fault(name, "Is required.");
                None
            }
        }
    }

    /// The cursor, of which `belongs` says whether it is one of this list in this order; the outer
    /// `None` is a fault.
    pub fn cursor(&mut self, belongs: impl FnOnce(&Cursor) -> bool) -> Option<Option<Cursor>> {
        let cursor = self.optional("cursor")?;
        if cursor.as_ref().is_some_and(|cursor| !belongs(cursor)) {
            self.fault("cursor", "Is no cursor of this list in this order.");
            return None;
        }
        Some(cursor)
    }

    /// The cursor of a list that is ordered by time.
    pub fn cursor_by_time(&mut self, order: &str) -> Option<Option<Cursor>> {
        self.cursor(|cursor| cursor.is_at(order))
    }

    /// Notes a fault that only several parameters together show.
    pub fn fault(&mut self, name: &str, detail: &str) {
        self.faults.push(Fault { pointer: name.to_owned(), detail: detail.to_owned() });
    }
}
