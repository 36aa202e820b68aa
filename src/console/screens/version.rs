//! `/console/blocks/{block}/versions/{version}`, and the same of edges with what was verified of it.

use askama::Template;

use super::difference::Rows;
use super::things::Kind;
use super::written;
use crate::api::path;
use crate::console::form::{Field, Form};
use crate::console::page::{Shell, Theme, Visit};
use crate::console::refusal::Refusal;
use crate::console::seen::{Items, Thing, Verification, Version};
use crate::console::tree::Tree;

#[derive(Template)]
#[template(path = "version.html")]
struct Page<'a> {
    shell: Shell<'a>,
    kind: Kind,
    name: &'a str,
    version: &'a Version,
    metadata: Tree,
    verifications: Vec<(Verification, Option<Form>)>,
    forms: Vec<(&'static str, Form)>,
    verify: Option<Form>,
    /// What it says otherwise than which version.
    other: Option<(i32, Rows)>,
    /// Why something is not offered.
    told: Option<&'static str>,
}

pub(super) async fn show(
    visit: &mut Visit,
    kind: Kind,
    name: &str,
    which: &str,
) -> Result<String, Refusal> {
    let address = path::of(&[&kind.many(), &name, &"versions", &which]);
    let version: Version = visit.api.get(&visit.target(&address, &["as_of"], &[])).await?;
    // The number from here on: what `latest` means may change between two clicks.
    let address = path::of(&[&kind.many(), &name, &"versions", &version.version_number]);
    let here = format!(
        "{}?done=1",
        path::of(&[&kind.many(), &name, &"versions", &version.version_number])
    );
    let (mut verifications, mut verify) = (Vec::new(), None);
    if kind == Kind::Edge {
        let all = format!("{address}/verifications");
        let found: Items<Verification> = visit.api.get(&format!("{all}?limit=50")).await?;
        let may_report = visit.may_write();
        verifications = found
            .items
            .into_iter()
            .map(|one| {
                let is_open = may_report && one.verification_status == "pending";
                let form = is_open.then(|| report(visit, &one, &here));
                (one, form)
            })
            .collect();
        if may_report && version.withdrawn_at.is_none() {
            verify = Some(verification(visit, &all, "verify", &here));
        }
    }
    let is_own = version.created_by == Some(visit.me.user_id);
    let mut is_reviewed = false;
    let mut other = None;
    if !version.is_active {
        let target = visit.target(&path::of(&[&kind.many(), &name]), &["as_of"], &[]);
        let thing: Thing = visit.api.get(&target).await?;
        is_reviewed = thing.activation == "reviewed";
        other = Some((thing.version_number, Rows::between(&thing.content(), &version.content())?));
    } else if verify.is_some() && version.version_number > 1 {
        let before = version.version_number - 1;
        let target = path::of(&[&kind.many(), &name, &"versions", &before]);
        let earlier: Version = visit.api.get(&target).await?;
        other = Some((before, Rows::between(&earlier.content(), &version.content())?));
    }
    let mut told = None;
    if is_own && verify.is_some() && visit.rules().independent_verifier {
        verify = None;
        told = Some("You have written this version, so somebody else verifies it.");
    }
    let mut forms = Vec::new();
    if visit.may_write() {
        if version.withdrawn_at.is_some() {
            if visit.is_admin() || version.withdrawn_by == Some(visit.me.user_id) {
                let form = Form::new(visit, "restore", "POST", &format!("{address}/restore"));
                forms.push(("Bring it back", form.then(here.clone()).button("Bring it back")));
            }
        } else {
            if !version.is_active && is_own && is_reviewed {
                told = Some(
                    "You have written this version, and changes are reviewed: somebody else makes it the active one.",
                );
            } else if !version.is_active {
                let form = Form::new(visit, "activate", "POST", &format!("{address}/activate"));
                forms.push(("Make it the active one", form.then(here.clone()).button("Activate")));
            }
            let form = Form::new(visit, "withdraw", "POST", &format!("{address}/withdraw"));
            let reason = Field::line("reason", "Why").required();
            let form = form.then(here.clone()).field(reason).button("Withdraw").destructive();
            forms.push(("Withdraw it, so that no pipeline runs on it", form));
        }
    }
    let title = format!("{name}, version {}", version.version_number);
    written(&Page {
        shell: visit.shell(title, kind.many()),
        kind,
        name,
        metadata: Tree::of(&version.metadata),
        version: &version,
        verifications,
        forms,
        verify,
        other,
        told,
    })
}

const OUTCOMES: [(&str, &str); 3] =
    [("passed", "passed"), ("failed", "failed"), ("pending", "begins now; I report later")];

/// Verifies a version of an edge.
pub(super) fn verification(visit: &Visit, all: &str, id: &str, then: &str) -> Form {
    Form::new(visit, id, "POST", all)
        .then(then)
        .button("Report")
        .field(Field::choice("verification_status", "Outcome", OUTCOMES).required())
        .field(Field::text("verification_logs:skip", "What was tried"))
}

fn report(visit: &Visit, pending: &Verification, then: &str) -> Form {
    let address = path::of(&[&"verifications", &pending.verification_id]);
    Form::new(visit, format!("report-{}", pending.verification_id), "PATCH", &address)
        .then(then)
        .button("Report")
        .field(
            Field::choice("verification_status", "Outcome", OUTCOMES.into_iter().take(2))
                .required(),
        )
        .field(Field::text("verification_logs:skip", "What was tried"))
}

#[derive(Template)]
#[template(path = "verification.html")]
struct Alone<'a> {
    shell: Shell<'a>,
    one: &'a Verification,
    form: Option<Form>,
}

/// `/console/verifications/{verification}`, with its logs, which lists leave out.
pub(super) async fn verification_alone(visit: &mut Visit, id: &str) -> Result<String, Refusal> {
    let one: Verification = visit.api.get(&path::of(&[&"verifications", &id])).await?;
    let is_open = visit.may_write() && one.verification_status == "pending";
    let here = format!("/verifications/{}?done=1", one.verification_id);
    let form = is_open.then(|| report(visit, &one, &here));
    let shell = visit.shell("A verification", "verify");
    written(&Alone { shell, one: &one, form })
}
