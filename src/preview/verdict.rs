//! What the states before and after come to.

use serde_json::Value;
use uuid::Uuid;

use super::queries::State;
use super::{PipelineOutlook, Preview, Reason, Refusal, Verdict};
use crate::api::problem::Problem;
use crate::locks;

/// Compares what was asked before the changes and after them.
///
/// # Errors
/// 500 when the database holds what is no JSON.
pub(crate) fn of(
    before: &[State],
    after: &[State],
    pipelines_checked: usize,
    all_asked: bool,
    refused: Vec<Refusal>,
) -> Result<Preview, Problem> {
    let mut reasons: Vec<Reason> = refused.iter().map(refusal).collect();
    let mut pipelines = Vec::new();
    for now in after {
        let id = now.pipeline_id;
        let Some(earlier) = before.iter().find(|state| state.pipeline_id == id) else {
            continue;
        };
        let outlook = outlook(earlier, now)?;
        reasons.extend(reason(&outlook));
        if outlook.differs() {
            pipelines.push(outlook);
        }
    }
    // What is out of the caller's sight afterwards does not run for them.
    for gone in before.iter().filter(|state| is_missing(state.pipeline_id, after)) {
        reasons.push(Reason {
            verdict: Verdict::Breaking,
            code: "pipeline_blocked",
            detail: format!("Pipeline {} would be gone.", gone.name),
            pipeline_id: Some(gone.pipeline_id),
        });
    }
    if !all_asked {
        reasons.push(unchecked(pipelines_checked));
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
    let verdict = reasons.iter().map(|reason| reason.verdict).max().unwrap_or(Verdict::Safe);
    Ok(Preview { verdict, reasons, pipelines, pipelines_checked, refused })
}

/// More pipelines are reached than were asked: the verdict is open.
fn unchecked(pipelines_checked: usize) -> Reason {
    Reason {
        verdict: Verdict::Warn,
        code: "pipelines_unchecked",
        detail: format!(
            "More than {pipelines_checked} pipelines are reached, and the others were not asked: preview fewer changes at once."
        ),
        pipeline_id: None,
    }
}

fn is_missing(pipeline: Uuid, states: &[State]) -> bool {
    states.iter().all(|state| state.pipeline_id != pipeline)
}

fn refusal(refusal: &Refusal) -> Reason {
    Reason {
        verdict: Verdict::Breaking,
        code: "change_refused",
        detail: format!(
            "Change {} would be refused: {}",
            refusal.change,
            refusal.problem.in_words()
        ),
        pipeline_id: None,
    }
}

impl PipelineOutlook {
    fn differs(&self) -> bool {
        self.lock_digest_before != self.lock_digest_after
            || !self.blockers_gained.is_empty()
            || !self.blockers_lost.is_empty()
            || !self.warnings_gained.is_empty()
    }
}

fn outlook(before: &State, after: &State) -> Result<PipelineOutlook, Problem> {
    let (was, is): (Vec<Value>, Vec<Value>) = (before.blockers.read()?, after.blockers.read()?);
    let (warned, warns): (Vec<Value>, Vec<Value>) =
        (before.warnings.read()?, after.warnings.read()?);
    let lock_summary = if before.lock_digest == after.lock_digest {
        Vec::new()
    } else {
        locks::summary(&before.lock.read()?, &after.lock.read()?)
    };
    Ok(PipelineOutlook {
        pipeline_id: after.pipeline_id,
        name: after.name.clone(),
        ready_before: was.is_empty(),
        ready_after: is.is_empty(),
        blockers_gained: is.iter().filter(|blocker| !was.contains(blocker)).cloned().collect(),
        blockers_lost: was.into_iter().filter(|blocker| !is.contains(blocker)).collect(),
        warnings_gained: warns.into_iter().filter(|one| !warned.contains(one)).collect(),
        lock_digest_before: before.lock_digest.clone(),
        lock_digest_after: after.lock_digest.clone(),
        lock_summary,
    })
}

fn reason(outlook: &PipelineOutlook) -> Option<Reason> {
    let name = &outlook.name;
    let gained = details(&outlook.blockers_gained);
    let (verdict, code, detail) = if outlook.ready_before && !outlook.ready_after {
        let detail = format!("Pipeline {name} may run now, and might not any more: {gained}");
        (Verdict::Breaking, "pipeline_blocked", detail)
    } else if !outlook.blockers_gained.is_empty() {
        let detail = format!("Pipeline {name} would have more in its way: {gained}");
        (Verdict::Warn, "blockers_gained", detail)
    } else if !outlook.warnings_gained.is_empty() {
        let warnings = details(&outlook.warnings_gained);
        let detail = format!("Pipeline {name} would be warned of: {warnings}");
        (Verdict::Warn, "warnings_gained", detail)
    } else if outlook.lock_digest_before != outlook.lock_digest_after {
        let detail = format!(
            "Pipeline {name} would run on something else: {}.",
            outlook.lock_summary.join(", ")
        );
        (Verdict::Warn, "lock_differs", detail)
    } else {
        return None;
    };
    Some(Reason { verdict, code, detail, pipeline_id: Some(outlook.pipeline_id) })
}

/// What blockers or warnings say, one after the other.
fn details(list: &[Value]) -> String {
    let details: Vec<&str> = list.iter().filter_map(|one| one["detail"].as_str()).collect();
    details.join(" ")
}
