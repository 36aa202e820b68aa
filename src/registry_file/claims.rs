//! Whose word counts for what a file has written.

use super::Owners;
use super::queries::{self, Claim};
use super::rows::Written;
use super::wanted::Planned;
use crate::db::{Failure, Scope};

/// Notes whose word counts from now on: of all items that were written.
pub(super) async fn note(
    scope: &mut Scope<'_>,
    items: &[Planned<'_>],
    written: &[Option<Written>],
    owner: &str,
    is_forced: bool,
) -> Result<(), Failure> {
    let mut claims = Vec::new();
    for (item, written) in items.iter().zip(written) {
        let Some(Written { id, .. }) = written else { continue };
        let before = item.thing.map(|thing| (thing.owner.as_deref(), &thing.owners));
        let (whose, known) = before.unwrap_or((None, const { &Owners::new() }));
        let whose = whose.filter(|_| !is_forced).unwrap_or(owner);
        let mut fields = known.clone();
        // What the file says no more is anybody's again, but for entries of lists, which pruning removes.
        fields.retain(|member, by| {
            by != owner || item.wanted.contains_key(member) || member.matches('/').count() > 1
        });
        for (member, value) in item.wanted.iter().chain(&item.changes) {
            if value.is_none() {
                fields.remove(member);
            } else if is_forced || !fields.contains_key(member) {
                fields.insert(member.clone(), owner.to_owned());
            }
        }
        if before != Some((Some(whose), &fields)) {
            let owner = whose.to_owned();
            claims.push(Claim { entity_id: *id, entity_type: item.given.kind(), owner, fields });
        }
    }
    if claims.is_empty() { Ok(()) } else { queries::claim(scope, &claims).await }
}
