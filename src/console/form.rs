//! Forms: each one request of the API that a browser can send, with its refusal shown where it belongs.
//!
//! A form names its request (`_call`), the revision of what it shows (`_if_match`) and a key of its own (`_key`), so
//! that it changes nothing that somebody else has changed meanwhile, and nothing twice. Its fields are members of the
//! body; behind a colon stands what an entry is to be there (`metadata:json`).

use std::borrow::Cow;
use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;
use uuid::Uuid;

use super::page::Visit;
use super::preview::{self, Preview};
use super::refusal::{Named, Refusal};
use super::wire::Entered;
use crate::api::etag;
use crate::api::problem::Fault;
use crate::api::time::DateTime;

/// A form, as `form.html` shows it.
#[derive(Template)]
#[template(path = "form.html")]
pub(super) struct Form {
    /// Tells the forms of a page apart.
    id: String,
    base: String,
    action: String,
    call: String,
    if_match: Option<String>,
    then: String,
    key: Uuid,
    title: Option<String>,
    button: &'static str,
    is_small: bool,
    fields: Vec<Field>,
    /// What was entered before.
    entered: Vec<(String, String)>,
    /// Why that was refused.
    refused: Option<Shown>,
    /// Whether it can be told what it would break.
    is_previewable: bool,
    /// What it would break.
    previewed: Option<Told>,
    is_dangerous: bool,
    password_fault: Option<String>,
    is_destructive: bool,
    username: String,
}

impl HtmlSafe for Form {}

/// A refusal, but for the faults that stand at their fields.
struct Shown {
    detail: String,
    faults: Vec<Fault>,
    named: Vec<(String, Option<String>, Option<String>)>,
}

/// A preview in words.
struct Told {
    verdict: String,
    told: String,
    reasons: Vec<String>,
}

impl Told {
    fn of(preview: &Preview) -> Self {
        let many = if preview.pipelines_checked == 1 { "" } else { "s" };
        let asked =
            format!("{} pipeline{many} asked; nothing is changed yet.", preview.pipelines_checked);
        let told = match preview.verdict.as_str() {
            "safe" => "Every pipeline would go on as it does",
            "warn" => "Pipelines would run on something else, or have more in their way",
            _ => "This would break something",
        };
        Self {
            verdict: preview.verdict.clone(),
            told: format!("{told}: {asked}"),
            reasons: preview.reasons.iter().map(|reason| reason.detail.clone()).collect(),
        }
    }
}

/// Ours as a rule, and sometimes somebody's.
type Text = Cow<'static, str>;

/// One entry of a form.
pub(super) struct Field {
    name: Text,
    label: Text,
    help: Option<Text>,
    value: String,
    kind: Kind,
    is_required: bool,
    faults: Vec<String>,
}

enum Kind {
    Line,
    Password,
    Text,
    Code,
    Choice(Vec<(String, String)>),
    Hidden,
}

impl Field {
    fn of(name: impl Into<Text>, label: impl Into<Text>, kind: Kind) -> Self {
        let (value, faults) = (String::new(), Vec::new());
        let (name, label) = (name.into(), label.into());
        Self { name, label, help: None, value, kind, is_required: false, faults }
    }

    pub(super) fn line(name: impl Into<Text>, label: impl Into<Text>) -> Self {
        Self::of(name, label, Kind::Line)
    }

    pub(super) fn password(name: impl Into<Text>, label: impl Into<Text>) -> Self {
        Self::of(name, label, Kind::Password)
    }

    pub(super) fn text(name: impl Into<Text>, label: impl Into<Text>) -> Self {
        Self::of(name, label, Kind::Text)
    }

    pub(super) fn code(name: impl Into<Text>, label: impl Into<Text>) -> Self {
        Self::of(name, label, Kind::Code)
    }

    pub(super) fn hidden(name: impl Into<Text>, value: impl fmt::Display) -> Self {
        Self::of(name, "", Kind::Hidden).value(value)
    }

    pub(super) fn choice<A: Into<String>, B: Into<String>>(
        name: impl Into<Text>,
        label: impl Into<Text>,
        choices: impl IntoIterator<Item = (A, B)>,
    ) -> Self {
        let choices = choices.into_iter().map(|(value, label)| (value.into(), label.into()));
        Self::of(name, label, Kind::Choice(choices.collect()))
    }

    pub(super) fn value(mut self, value: impl fmt::Display) -> Self {
        self.value = value.to_string();
        self
    }

    pub(super) fn help(mut self, help: impl Into<Text>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// Its member of the body.
    fn member(&self) -> &str {
        self.name.rsplit_once(':').map_or(&*self.name, |(member, _)| member)
    }

    /// What ties its help and its faults to it.
    fn described(&self, form: &str) -> Description {
        let id = |what: &str| format!("{form}-{}-{what}", self.member());
        let help = self.help.as_ref().map(|_| id("help"));
        let fault = (!self.faults.is_empty()).then(|| id("fault"));
        Description {
            by: help.into_iter().chain(fault).collect(),
            is_invalid: !self.faults.is_empty(),
        }
    }

    fn is_password(&self) -> bool {
        matches!(self.kind, Kind::Password)
    }

    fn rows(&self) -> usize {
        self.value.lines().count().clamp(3, 24)
    }
}

/// Ids of our own making, in attributes.
struct Description {
    by: Vec<String>,
    is_invalid: bool,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.by.is_empty() {
            write!(f, r#" aria-describedby="{}""#, self.by.join(" "))?;
        }
        f.write_str(if self.is_invalid { r#" aria-invalid="true""# } else { "" })
    }
}

impl HtmlSafe for Description {}

impl Form {
    /// A form of this page for one request of the API.
    pub(super) fn new(visit: &Visit, id: impl Into<String>, method: &str, path: &str) -> Self {
        let id = id.into();
        let is_this = |entered: &Entered| entered.get("_form") == Some(&id);
        let refused = visit.refused.as_ref().filter(|(_, entered)| is_this(entered));
        let previewed = visit.previewed.as_ref().filter(|(_, entered)| is_this(entered));
        let entered = refused.map(|(_, entered)| entered);
        let entered = entered.or(previewed.map(|(_, entered)| entered));
        let shown = |(refusal, _): &(Refusal, Entered)| Shown {
            detail: refusal.detail.clone(),
            faults: refusal.errors.clone(),
            named: refusal
                .named()
                .map(|named: &Named| (named.shown(), named.place(), named.detail.clone()))
                .collect(),
        };
        Self {
            id,
            base: visit.base().to_owned(),
            action: visit.with("done", None),
            call: format!("{method} {path}"),
            if_match: None,
            then: String::new(),
            key: Uuid::now_v7(),
            title: None,
            button: "Save",
            is_small: false,
            fields: Vec::new(),
            entered: entered.map(|entered| entered.0.clone()).unwrap_or_default(),
            refused: refused.map(shown),
            is_previewable: preview::is_possible(method, path),
            previewed: previewed.map(|(preview, _)| Told::of(preview)),
            is_dangerous: is_dangerous(method, path),
            password_fault: None,
            is_destructive: method == "DELETE",
            username: visit.me.username.clone(),
        }
        .with_password_fault()
    }

    fn with_password_fault(mut self) -> Self {
        if let Some(shown) = &mut self.refused {
            let at = shown.faults.iter().position(|fault| fault.pointer == "/_password");
            self.password_fault = at.map(|at| shown.faults.swap_remove(at).detail);
        }
        self
    }

    /// Whether it was sent, and is shown once more.
    pub(super) fn is_again(&self) -> bool {
        self.refused.is_some() || self.previewed.is_some()
    }

    /// Adds a field, with what was entered before and what is wrong with that.
    pub(super) fn field(mut self, mut field: Field) -> Self {
        let entered = self.entered.iter().find(|(name, _)| *name == field.name);
        if let Some((_, value)) = entered.filter(|_| !field.is_password()) {
            field.value.clone_from(value);
        }
        if let Some(shown) = &mut self.refused {
            let member = format!("/{}", field.member());
            let (here, others) = shown.faults.drain(..).partition(|fault: &Fault| {
                fault
                    .pointer
                    .strip_prefix(&member)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            shown.faults = others;
            let here: Vec<Fault> = here;
            field.faults.extend(here.into_iter().map(|fault| {
                match fault.pointer.strip_prefix(&member) {
                    None | Some("") => fault.detail,
                    Some(within) => format!("{within}: {}", fault.detail),
                }
            }));
        }
        self.fields.push(field);
        self
    }

    pub(super) fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    pub(super) fn button(mut self, button: &'static str) -> Self {
        self.button = button;
        self
    }

    /// What is not easily taken back.
    pub(super) fn destructive(mut self) -> Self {
        self.is_destructive = true;
        self
    }

    /// A button and little else.
    pub(super) fn small(mut self) -> Self {
        self.is_small = true;
        self
    }

    /// Only while what it shows has not changed.
    pub(super) fn of_revision(mut self, revision: DateTime) -> Self {
        self.if_match = Some(etag::of(revision));
        self
    }

    /// Where to go afterwards, below the console; else this page again.
    pub(super) fn then(mut self, place: impl Into<String>) -> Self {
        self.then = place.into();
        self
    }

    /// Afterwards to what was made.
    pub(super) fn then_there(self) -> Self {
        self.then("location")
    }
}

/// Whether it takes the password once more: what changes who may do what, or removes for good.
pub(super) fn is_dangerous(method: &str, path: &str) -> bool {
    let is_own_password =
        method == "POST" && path.starts_with("/users/") && path.ends_with("/password");
    (path.starts_with("/users") && !is_own_password) || path.contains("purge=true")
}
