//! `/console`: what needs somebody.

use askama::Template;

use super::written;
use crate::console::page::{Shell, Theme, Visit};
use crate::console::queries::{self, Awaited};
use crate::console::refusal::Refusal;
use crate::console::seen::{Items, Pipeline, Run};

const ROWS: i64 = 8;

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    shell: Shell<'a>,
    awaited: Vec<Awaited>,
    unready: Items<Pipeline>,
    failed: Vec<Run>,
}

pub(super) async fn show(visit: &mut Visit) -> Result<String, Refusal> {
    let unready = visit.api.get("/pipelines?ready=false&sort=name&limit=8").await?;
    let failed: Items<Run> = visit.api.get("/runs?status=failure&limit=5").await?;
    let awaited = if visit.may_write() {
        let (db, caller) = (visit.db()?, visit.caller.clone());
        db.run(&caller, async |scope| queries::queue(scope, ROWS).await).await?
    } else {
        Vec::new()
    };
    let shell = visit.shell("What needs you", "home");
    written(&Home { shell, awaited, unready, failed: failed.items })
}
