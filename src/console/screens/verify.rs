//! `/console/verify`: what pipelines wait for.

use askama::Template;

use super::written;
use crate::console::page::{Shell, Theme, Time, Visit};
use crate::console::queries::{self, Awaited};
use crate::console::refusal::Refusal;

const ROWS: i64 = 100;

#[derive(Template)]
#[template(path = "verify.html")]
struct Queue<'a> {
    shell: Shell<'a>,
    awaited: Vec<Awaited>,
    is_whole: bool,
}

pub(super) async fn show(visit: &mut Visit) -> Result<String, Refusal> {
    let (db, caller) = (visit.db()?, visit.caller.clone());
    let mut awaited = db.run(&caller, async |scope| queries::queue(scope, ROWS + 1).await).await?;
    let is_whole = awaited.len() <= 100;
    awaited.truncate(100);
    let shell = visit.shell("What pipelines wait for", "verify");
    written(&Queue { shell, awaited, is_whole })
}
