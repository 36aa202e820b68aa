//! Makes a change that is proposed, by the statements that its operation uses.

use uuid::Uuid;

use super::Proposal;
use crate::aliases::{self, Alias};
use crate::api::etag::IfMatch;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::blocks::{self, Block};
use crate::db::{Failure, Scope, Transaction};
use crate::dependencies::{self, Dependency};
use crate::edges::{self, Edge};
use crate::pipelines::{self, Pipeline, part_queries as parts};
use crate::resource::owner::{EntityType, Owner};
use crate::resource::verbs::{Reach, Resource, Revision};
use crate::verifications::{self, Verification};
use crate::versions::{AliasName, Which};

/// What a change is about, to be looked for when it met nothing.
enum Target<'a> {
    Block(&'a Reference, Reach),
    Edge(&'a Reference, Reach),
    Pipeline(&'a Reference, Reach),
    Version(&'a Owner, &'a Which),
    Alias(&'a Owner, &'a AliasName),
    Dependency(Uuid),
    Verification(Uuid),
    PipelineBlock(&'a Reference, &'a Reference),
    PipelineEdge(&'a Reference, Uuid),
}

impl Proposal {
    /// Makes the change.
    ///
    /// # Errors
    /// What the operation would be refused with.
    pub(super) async fn make(&self, scope: &mut Transaction<'_>) -> Result<(), Failure> {
        let any = &IfMatch::default();
        let (is_met, target) = match self {
            Self::UpdateBlock { block, patch } => {
                let made = blocks::queries::update(scope, block, patch, any).await?;
                (made.is_some(), Target::Block(block, Reach::Live))
            }
            Self::ArchiveBlock { block } => {
                let made = blocks::queries::archive(scope, block, any).await?;
                (made.is_some(), Target::Block(block, Reach::Live))
            }
            Self::RestoreBlock { block } => {
                let made = blocks::queries::restore(scope, block, any).await?;
                (made.is_some(), Target::Block(block, Reach::All))
            }
            Self::AppendBlockVersion { block, version } => {
                let made = blocks::queries::append(scope, block, version, any).await?;
                (made.is_some(), Target::Block(block, Reach::Live))
            }
            Self::UpdateEdge { edge, patch } => {
                let made = edges::queries::update(scope, edge, patch, any).await?;
                (made.is_some(), Target::Edge(edge, Reach::Live))
            }
            Self::ArchiveEdge { edge } => {
                let made = edges::queries::archive(scope, edge, any).await?;
                (made.is_some(), Target::Edge(edge, Reach::Live))
            }
            Self::RestoreEdge { edge } => {
                let made = edges::queries::restore(scope, edge, any).await?;
                (made.is_some(), Target::Edge(edge, Reach::All))
            }
            Self::AppendEdgeVersion { edge, version } => {
                let made = edges::queries::append(scope, edge, version, any).await?;
                (made.is_some(), Target::Edge(edge, Reach::Live))
            }
            Self::UpdatePipeline { pipeline, patch } => {
                let made = pipelines::queries::update(scope, pipeline, patch, any).await?;
                (made.is_some(), Target::Pipeline(pipeline, Reach::Live))
            }
            Self::ArchivePipeline { pipeline } => {
                let made = pipelines::queries::archive(scope, pipeline, any).await?;
                (made.is_some(), Target::Pipeline(pipeline, Reach::Live))
            }
            Self::RestorePipeline { pipeline } => {
                let made = pipelines::queries::restore(scope, pipeline, any).await?;
                (made.is_some(), Target::Pipeline(pipeline, Reach::All))
            }
            Self::Activate { of, version } => {
                let reference = &of.reference;
                let is_met = match of.kind {
                    EntityType::Block => {
                        blocks::queries::activate(scope, reference, version, any).await?.is_some()
                    }
                    EntityType::Edge => {
                        edges::queries::activate(scope, reference, version, any).await?.is_some()
                    }
                };
                (is_met, Target::Version(of, version))
            }
            Self::Withdraw { of, version, withdrawal } => {
                let is_met = withdraw(scope, of, version, Some(withdrawal.reason.as_str())).await?;
                (is_met, Target::Version(of, version))
            }
            Self::RestoreVersion { of, version } => {
                (withdraw(scope, of, version, None).await?, Target::Version(of, version))
            }
            Self::PutAlias { of, alias, target } => {
                return match aliases::queries::put(scope, of, alias, target, any).await? {
                    Some(_) => Ok(()),
                    None => Err(aliases::why(scope, of, alias, any).await?.into()),
                };
            }
            Self::DeleteAlias { of, alias } => {
                let made = aliases::queries::delete(scope, of, alias, any).await?;
                (made.is_some(), Target::Alias(of, alias))
            }
            Self::AddDependency { of, dependency } => {
                dependencies::queries::create(scope, of, dependency).await?;
                return Ok(());
            }
            Self::UpdateDependency { dependency, patch } => {
                let made = dependencies::queries::update(scope, *dependency, patch, any).await?;
                (made.is_some(), Target::Dependency(*dependency))
            }
            Self::DeleteDependency { dependency } => {
                let made = dependencies::queries::delete(scope, *dependency, any).await?;
                (made.is_some(), Target::Dependency(*dependency))
            }
            Self::Verify { edge, version, verification } => {
                verifications::queries::create(scope, edge, version, verification)
                    .await?
                    .ok_or_else(|| Problem::not_found("Version"))?;
                return Ok(());
            }
            Self::ReportVerification { verification, report } => {
                let made =
                    verifications::queries::report(scope, *verification, report, any).await?;
                (made.is_some(), Target::Verification(*verification))
            }
            Self::ReplaceGraph { pipeline, graph } => {
                let held = pipelines::queries::hold(scope, pipeline, any).await?;
                if let Some(id) = held {
                    pipelines::queries::replace_graph(scope, id, graph).await?;
                }
                (held.is_some(), Target::Pipeline(pipeline, Reach::Live))
            }
            Self::AddBlock { pipeline, block } => {
                let made = parts::add_block(scope, pipeline, block, any).await?;
                (made.is_some(), Target::Pipeline(pipeline, Reach::Live))
            }
            Self::AddEdge { pipeline, edge } => {
                let made = parts::add_edge(scope, pipeline, edge, any).await?;
                (made.is_some(), Target::Pipeline(pipeline, Reach::Live))
            }
            Self::RemoveBlock { pipeline, block } => {
                let made = parts::remove_block(scope, pipeline, block, any).await?;
                (made.is_some(), Target::PipelineBlock(pipeline, block))
            }
            Self::RemoveEdge { pipeline, pipeline_edge } => {
                let made = parts::remove_edge(scope, pipeline, *pipeline_edge, any).await?;
                (made.is_some(), Target::PipelineEdge(pipeline, *pipeline_edge))
            }
            Self::PinBlock { pipeline, block, pin } => {
                let made = parts::pin_block(scope, pipeline, block, pin, any).await?;
                (made.is_some(), Target::PipelineBlock(pipeline, block))
            }
            Self::PinEdge { pipeline, pipeline_edge, pin } => {
                let part = *pipeline_edge;
                let made = parts::pin_edge(scope, pipeline, part, pin, any).await?;
                (made.is_some(), Target::PipelineEdge(pipeline, part))
            }
        };
        if is_met {
            return Ok(());
        }
        // It is not there, or the caller may not change it.
        let is_there = is_there(scope, &target).await?;
        Err(if is_there { Problem::forbidden() } else { Problem::not_found(target.name()) }.into())
    }
}

/// Withdraws a version for a reason, or without one takes that back; whether it met a version.
async fn withdraw(
    scope: &mut Scope<'_>,
    of: &Owner,
    version: &Which,
    reason: Option<&str>,
) -> Result<bool, Failure> {
    let (reference, any) = (&of.reference, &IfMatch::default());
    Ok(match of.kind {
        EntityType::Block => {
            blocks::queries::withdraw(scope, reference, version, reason, any).await?.is_some()
        }
        EntityType::Edge => {
            edges::queries::withdraw(scope, reference, version, reason, any).await?.is_some()
        }
    })
}

impl Target<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Block(..) => Block::WHAT,
            Self::Edge(..) => Edge::WHAT,
            Self::Pipeline(..) => Pipeline::WHAT,
            Self::Version(..) => "Version",
            Self::Alias(..) => Alias::WHAT,
            Self::Dependency(_) => Dependency::WHAT,
            Self::Verification(_) => Verification::WHAT,
            Self::PipelineBlock(..) => "Block of the pipeline",
            Self::PipelineEdge(..) => "Edge of the pipeline",
        }
    }
}

async fn is_there(scope: &mut Scope<'_>, target: &Target<'_>) -> Result<bool, Failure> {
    let reached = |reach, found: Option<Revision>| {
        found.is_some_and(|found| reach == Reach::All || found.archived_at.is_none())
    };
    Ok(match target {
        Target::Block(block, reach) => {
            reached(*reach, blocks::queries::revision(scope, block).await?)
        }
        Target::Edge(edge, reach) => reached(*reach, edges::queries::revision(scope, edge).await?),
        Target::Pipeline(pipeline, reach) => {
            reached(*reach, pipelines::queries::revision(scope, pipeline).await?)
        }
        Target::Version(of, version) => match of.kind {
            EntityType::Block => {
                blocks::queries::version(scope, &of.reference, version).await?.is_some()
            }
            EntityType::Edge => {
                edges::queries::version(scope, &of.reference, version).await?.is_some()
            }
        },
        Target::Alias(of, alias) => aliases::queries::get(scope, of, alias).await?.is_some(),
        Target::Dependency(id) => dependencies::queries::get(scope, *id).await?.is_some(),
        Target::Verification(id) => verifications::queries::revision(scope, *id).await?.is_some(),
        Target::PipelineBlock(pipeline, block) => {
            parts::block(scope, pipeline, block).await?.is_some()
        }
        Target::PipelineEdge(pipeline, part) => {
            parts::edge(scope, pipeline, *part).await?.is_some()
        }
    })
}
