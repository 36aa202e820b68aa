//! Makes the changes, by the statements that their own operations use, in an order in which everything
//! is there when it is mentioned, and is mentioned no more when it goes.

use std::collections::HashMap;

use uuid::Uuid;

use super::claims;
use super::comparison::Comparison;
use super::found::{Found, Thing};
use super::given::Content;
use super::given_pipeline::{FileGraph, FileJoint, FileMember};
use super::rows::{self, Written, may_not};
use super::told::{gone, told};
use super::wanted::Planned;
use super::{AppliedItem, Kind};
use crate::api::etag::IfMatch;
use crate::api::fields::Patch;
use crate::api::name::{self, Name};
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::db::{Failure, Scope, Transaction};
use crate::pipelines::{self, GivenBlock, GivenEdge, GivenGraph, NewPipeline};
use crate::taxonomy::{self, CategoryPatch, NewCategory};

/// The changes, being made.
pub(super) struct Changing<'c, 'a> {
    comparison: &'c Comparison<'a>,
    /// Of what is there by now, by kind and key of the name.
    ids: HashMap<(Kind, String), Uuid>,
    /// By the place of the item.
    pub(super) written: Vec<Option<Written>>,
}

impl<'c, 'a> Changing<'c, 'a> {
    pub fn of(comparison: &'c Comparison<'a>, found: &Found) -> Self {
        let ids = found.0.iter().map(|(key, thing)| (key.clone(), thing.id)).collect();
        Self { comparison, ids, written: vec![None; comparison.items.len()] }
    }

    /// Makes all changes, and tells what became of each thing.
    ///
    /// # Errors
    /// The first refusal, with the pointer to the thing that it is about.
    pub async fn make(
        mut self,
        transaction: &mut Transaction<'_>,
        owner: Option<&str>,
        is_forced: bool,
    ) -> Result<Vec<AppliedItem>, Failure> {
        let items = &self.comparison.items;
        let placed = self.comparison.placed;
        for place in
            placed.iter().copied().chain((0..items.len()).filter(|at| !placed.contains(at)))
        {
            self.category(transaction, place).await.map_err(|failure| self.told(failure, place))?;
        }
        let renamed = self.comparison.renamed;
        let others = (0..items.len()).filter(|place| !renamed.contains(place));
        let mut parts = Vec::new();
        for place in renamed.iter().copied().chain(others) {
            self.core(transaction, place).await.map_err(|failure| self.told(failure, place))?;
            parts.push(place);
        }
        for place in parts.iter().copied() {
            self.parts_gone(transaction, place)
                .await
                .map_err(|failure| self.told(failure, place))?;
        }
        for place in parts.iter().copied() {
            self.parts_here(transaction, place)
                .await
                .map_err(|failure| self.told(failure, place))?;
        }
        for place in parts.iter().copied() {
            self.pipeline(transaction, place).await.map_err(|failure| self.told(failure, place))?;
        }
        // No pipeline follows them any more.
        for place in parts {
            self.aliases_gone(transaction, place)
                .await
                .map_err(|failure| self.told(failure, place))?;
        }
        let archived = self.archive(transaction).await?;
        if let Some(owner) = owner {
            claims::note(transaction, items, &self.written, owner, is_forced).await?;
        }
        let mut applied: Vec<AppliedItem> =
            items.iter().zip(&self.written).map(|(item, written)| told(item, *written)).collect();
        applied.extend(archived);
        Ok(applied)
    }

    fn told(&self, failure: Failure, place: usize) -> Failure {
        failure.in_words_of(words).within(&self.comparison.items[place].given.pointer)
    }

    /// What has to be done of an item: nothing while another file stands against it.
    pub(super) fn at(&self, place: usize) -> Option<&'c Planned<'a>> {
        let item = &self.comparison.items[place];
        item.conflicts.is_empty().then_some(item)
    }

    pub(super) fn id(&self, kind: Kind, key: String) -> Result<Uuid, Failure> {
        self.ids.get(&(kind, key)).copied().ok_or_else(|| Problem::not_found("Thing").into())
    }

    fn note(&mut self, place: usize, written: Written) {
        let given = self.comparison.items[place].given;
        self.ids.insert((given.kind(), given.key()), written.id);
        self.written[place] = Some(written);
    }

    async fn category(&mut self, scope: &mut Scope<'_>, place: usize) -> Result<(), Failure> {
        let Some(item) = self.at(place) else { return Ok(()) };
        let Content::Category(it) = &item.given.content else { return Ok(()) };
        let parent = it.path.parent().map(|parent| self.id(Kind::Taxonomy, parent.key()));
        let parent = parent.transpose()?.map(Reference::from);
        let name = it.path.last().clone();
        let id = match item.thing {
            None => {
                let category = NewCategory { name, parent_id: parent };
                taxonomy::queries::create(scope, &category).await?.category_id
            }
            Some(thing) => {
                if !item.changes.is_empty() {
                    let parent_id = parent.map_or(Patch::Clear, Patch::Set);
                    let patch = CategoryPatch { name: Some(name), parent_id };
                    let (moved, any) = (Reference::from(thing.id), &IfMatch::default());
                    may_not(taxonomy::queries::update(scope, &moved, &patch, any).await?)?;
                }
                thing.id
            }
        };
        self.note(place, Written { id, version_number: 0 });
        Ok(())
    }

    /// The row of a block or an edge.
    async fn core(&mut self, scope: &mut Scope<'_>, place: usize) -> Result<(), Failure> {
        let Some(item) = self.at(place) else { return Ok(()) };
        let Content::Versioned(it) = &item.given.content else { return Ok(()) };
        let mut written = match item.thing {
            None => rows::create(scope, it).await?,
            Some(thing) => {
                let is_changed = item.changes_content() || item.changes.contains_key("/activation");
                if is_changed {
                    rows::update(scope, item, thing, it).await?
                } else {
                    rows::as_found(item, thing)
                }
            }
        };
        if item.changes.contains_key("/active")
            && let Some(active) = it.active
        {
            written = rows::activate(scope, it.kind, written.id, active).await?;
        }
        self.note(place, written);
        Ok(())
    }

    async fn pipeline(
        &mut self,
        transaction: &mut Transaction<'_>,
        place: usize,
    ) -> Result<(), Failure> {
        let Some(item) = self.at(place) else { return Ok(()) };
        let Content::Pipeline(it) = &item.given.content else { return Ok(()) };
        let graph = it.graph.as_ref().map(|graph| self.graph(graph)).transpose()?;
        let id = match item.thing {
            None => {
                let GivenGraph { blocks, edges } =
                    graph.unwrap_or(GivenGraph { blocks: Vec::new(), edges: Vec::new() });
                let description = it.description.assignment().1.cloned();
                let pipeline = NewPipeline {
                    name: it.name.clone(),
                    description,
                    dagster_pipeline_config: it.config.clone(),
                    parameters_schema: it.parameters_schema.assignment().1.cloned(),
                    blocks,
                    edges,
                };
                pipelines::queries::create(transaction, &pipeline).await?.pipeline_id
            }
            Some(thing) => {
                rows::rewrite(transaction, item, thing.id, it).await?;
                let is_other =
                    item.changes.contains_key("/blocks") || item.changes.contains_key("/edges");
                if let (Some(graph), true) = (graph, is_other) {
                    let reference = Reference::from(thing.id);
                    let any = &IfMatch::default();
                    may_not(pipelines::queries::hold(transaction, &reference, any).await?)?;
                    pipelines::queries::replace_graph(transaction, thing.id, &graph).await?;
                }
                thing.id
            }
        };
        self.note(place, Written { id, version_number: 0 });
        Ok(())
    }

    fn graph(&self, given: &FileGraph) -> Result<GivenGraph, Failure> {
        let id = |kind, name: &Name| self.id(kind, name::key(name.as_str())).map(Reference::from);
        let block = |member: &FileMember| {
            Ok(GivenBlock {
                block_id: id(Kind::Block, &member.name)?,
                block_version_id: None,
                version_number: member.follows.pin,
                block_alias: member.follows.alias.clone(),
            })
        };
        let edge = |joint: &FileJoint| {
            Ok(GivenEdge {
                edge_id: id(Kind::Edge, &joint.edge)?,
                source_block_id: id(Kind::Block, &joint.from)?,
                target_block_id: id(Kind::Block, &joint.to)?,
                edge_version_id: None,
                version_number: joint.follows.pin,
                edge_alias: joint.follows.alias.clone(),
            })
        };
        Ok(GivenGraph {
            blocks: given.blocks.iter().map(block).collect::<Result<_, Failure>>()?,
            edges: given.edges.iter().map(edge).collect::<Result<_, Failure>>()?,
        })
    }

    /// Archives what the file names no more: what is used by others of it after these.
    async fn archive(
        &self,
        transaction: &mut Transaction<'_>,
    ) -> Result<Vec<AppliedItem>, Failure> {
        let mut waiting: Vec<&Thing> = self.comparison.archived.clone();
        // Pipelines first, and categories below others before these.
        waiting
            .sort_by_key(|thing| std::cmp::Reverse((thing.kind, thing.name.matches('/').count())));
        let mut archived = Vec::new();
        while !waiting.is_empty() {
            let (before, mut refused, mut refusal) = (waiting.len(), Vec::new(), None);
            for thing in waiting {
                let made =
                    transaction.part(async |part| rows::archive_one(part, thing).await).await?;
                match made {
                    Ok(()) => archived.push(gone(thing)),
                    Err(problem) => {
                        refused.push(thing);
                        refusal.get_or_insert(problem);
                    }
                }
            }
            waiting = refused;
            if let (Some(problem), true) = (refusal, waiting.len() == before) {
                return Err(problem.into());
            }
        }
        Ok(archived)
    }
}

/// A pointer that the operations tell of, in the words of the file.
fn words(pointer: &str) -> String {
    let mut steps: Vec<&str> = pointer.split('/').collect();
    match steps.as_mut_slice() {
        [_, config @ "dagster_pipeline_config", ..] => *config = "config",
        [_, block_type @ "block_type"] => *block_type = "type",
        [_, "blocks" | "edges", _, member] => {
            *member = match *member {
                "block_id" => "name",
                "edge_id" => "edge",
                "source_block_id" => "from",
                "target_block_id" => "to",
                "block_alias" | "edge_alias" => "alias",
                "version_number" | "block_version_id" | "edge_version_id" => "pin",
                other => other,
            }
        }
        [_, "dependencies", _, member @ "dependency_detail"] => *member = "detail",
        // What it depends on is all of the entry.
        [_, "dependencies", _, "depends_on_id" | "depends_on_type" | "dependency_type"] => {
            steps.pop();
        }
        _ => {}
    }
    steps.join("/")
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn what_is_refused_is_told_in_the_words_of_the_file() {
        for (told, known) in [
            ("", ""),
            ("/config/job_name", "/dagster_pipeline_config/job_name"),
            ("/type", "/block_type"),
            ("/edges/3/from", "/edges/3/source_block_id"),
            ("/blocks/0/name", "/blocks/0/block_id"),
            ("/blocks/0/pin", "/blocks/0/version_number"),
            ("/dependencies/2", "/dependencies/2/depends_on_id"),
            ("/dependencies/2/version_constraint", "/dependencies/2/version_constraint"),
            ("/metadata/block_type", "/metadata/block_type"),
        ] {
            assert_eq!(words(known), told);
        }
    }
}
