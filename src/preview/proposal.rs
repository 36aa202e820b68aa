//! A change that is not made yet: the operation that would make it, its parameters and its body.

use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::aliases::{self, Alias, AliasTarget};
use crate::api::etag::IfMatch;
use crate::api::fields::{Fields, FromFields};
use crate::api::id::Id;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::word::Word;
use crate::blocks::{self, Block, BlockPatch};
use crate::db::{Failure, Scope, Transaction};
use crate::dependencies::{self, Dependency, NewDependency};
use crate::edges::{self, Edge, EdgePatch};
use crate::pipelines::{self, BlockPin, EdgePin, GivenGraph, Pipeline, PipelinePatch};
use crate::resource::owner::{EntityType, Owner};
use crate::resource::verbs::{Resource, Revision};
use crate::verifications::{self, NewVerification};
use crate::versions::{AliasName, VersionReference, Which, Withdrawal};

/// What would be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = PreviewedOperation)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    UpdateBlock,
    UpdateEdge,
    UpdatePipeline,
    ActivateBlockVersion,
    ActivateEdgeVersion,
    WithdrawBlockVersion,
    WithdrawEdgeVersion,
    PutBlockAlias,
    PutEdgeAlias,
    DeleteBlockAlias,
    DeleteEdgeAlias,
    ArchiveBlock,
    ArchiveEdge,
    ArchivePipeline,
    CreateBlockDependency,
    CreateEdgeDependency,
    DeleteDependency,
    CreateVerification,
    ReplacePipelineGraph,
    PinPipelineBlock,
    PinPipelineEdge,
}

/// A change that is not made yet. Which parameters it has, and what body, the operation of that name
/// says.
#[derive(ToSchema)]
#[schema(as = ProposedChange)]
#[allow(dead_code, reason = "the document only")]
pub struct ProposalMembers {
    /// The `operationId` of what would be done.
    operation: Operation,
    /// Id or name.
    block: Option<Reference>,
    /// Id or name.
    edge: Option<Reference>,
    /// Id or name.
    pipeline: Option<Reference>,
    version: Option<VersionReference>,
    alias: Option<AliasName>,
    pipeline_edge: Option<Uuid>,
    dependency_id: Option<Uuid>,
    /// The body that the operation takes.
    #[schema(value_type = Option<Object>)]
    body: Option<serde_json::Value>,
}

/// A change that is not made yet.
#[derive(Debug)]
pub enum Proposal {
    UpdateBlock { block: Reference, patch: BlockPatch },
    UpdateEdge { edge: Reference, patch: EdgePatch },
    UpdatePipeline { pipeline: Reference, patch: PipelinePatch },
    Activate { of: Owner, version: Which },
    Withdraw { of: Owner, version: Which, withdrawal: Withdrawal },
    PutAlias { of: Owner, alias: AliasName, target: AliasTarget },
    DeleteAlias { of: Owner, alias: AliasName },
    ArchiveBlock { block: Reference },
    ArchiveEdge { edge: Reference },
    ArchivePipeline { pipeline: Reference },
    AddDependency { of: Owner, dependency: NewDependency },
    DeleteDependency { dependency: Uuid },
    Verify { edge: Reference, version: Which, verification: NewVerification },
    ReplaceGraph { pipeline: Reference, graph: GivenGraph },
    PinBlock { pipeline: Reference, block: Reference, pin: BlockPin },
    PinEdge { pipeline: Reference, pipeline_edge: Uuid, pin: EdgePin },
}

impl FromFields for Proposal {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let Word(operation) = fields.required::<Word<Operation>>("operation")?;
        Some(match operation {
            Operation::UpdateBlock => {
                let block = fields.required("block");
                let patch = fields.object("body");
                Self::UpdateBlock { block: block?, patch: patch? }
            }
            Operation::UpdateEdge => {
                let edge = fields.required("edge");
                let patch = fields.object("body");
                Self::UpdateEdge { edge: edge?, patch: patch? }
            }
            Operation::UpdatePipeline => {
                let pipeline = fields.required("pipeline");
                let patch = fields.object("body");
                Self::UpdatePipeline { pipeline: pipeline?, patch: patch? }
            }
            Operation::ActivateBlockVersion => activate(fields, EntityType::Block)?,
            Operation::ActivateEdgeVersion => activate(fields, EntityType::Edge)?,
            Operation::WithdrawBlockVersion => withdraw(fields, EntityType::Block)?,
            Operation::WithdrawEdgeVersion => withdraw(fields, EntityType::Edge)?,
            Operation::PutBlockAlias => put_alias(fields, EntityType::Block)?,
            Operation::PutEdgeAlias => put_alias(fields, EntityType::Edge)?,
            Operation::DeleteBlockAlias => delete_alias(fields, EntityType::Block)?,
            Operation::DeleteEdgeAlias => delete_alias(fields, EntityType::Edge)?,
            Operation::ArchiveBlock => Self::ArchiveBlock { block: fields.required("block")? },
            Operation::ArchiveEdge => Self::ArchiveEdge { edge: fields.required("edge")? },
            Operation::ArchivePipeline => {
                Self::ArchivePipeline { pipeline: fields.required("pipeline")? }
            }
            Operation::CreateBlockDependency => depend(fields, EntityType::Block)?,
            Operation::CreateEdgeDependency => depend(fields, EntityType::Edge)?,
            Operation::DeleteDependency => {
                let Id(dependency) = fields.required("dependency_id")?;
                Self::DeleteDependency { dependency }
            }
            Operation::CreateVerification => {
                let edge = fields.required("edge");
                let version = fields.required("version");
                let verification = fields.object("body");
                Self::Verify { edge: edge?, version: version?, verification: verification? }
            }
            Operation::ReplacePipelineGraph => {
                let pipeline = fields.required("pipeline");
                let graph = fields.object("body");
                Self::ReplaceGraph { pipeline: pipeline?, graph: graph? }
            }
            Operation::PinPipelineBlock => {
                let pipeline = fields.required("pipeline");
                let block = fields.required("block");
                let pin = fields.object("body");
                Self::PinBlock { pipeline: pipeline?, block: block?, pin: pin? }
            }
            Operation::PinPipelineEdge => {
                let pipeline = fields.required("pipeline");
                let part = fields.required("pipeline_edge").map(|Id(part)| part);
                let pin = fields.object("body");
                Self::PinEdge { pipeline: pipeline?, pipeline_edge: part?, pin: pin? }
            }
        })
    }
}

/// The block or edge that it is about, as a path would name it.
fn owner(fields: &mut Fields, kind: EntityType) -> Option<Owner> {
    let reference = fields.required(match kind {
        EntityType::Block => "block",
        EntityType::Edge => "edge",
    })?;
    Some(Owner { kind, reference, in_path: true })
}

fn activate(fields: &mut Fields, kind: EntityType) -> Option<Proposal> {
    let of = owner(fields, kind);
    let version = fields.required("version");
    Some(Proposal::Activate { of: of?, version: version? })
}

fn withdraw(fields: &mut Fields, kind: EntityType) -> Option<Proposal> {
    let of = owner(fields, kind);
    let version = fields.required("version");
    let withdrawal = fields.object("body");
    Some(Proposal::Withdraw { of: of?, version: version?, withdrawal: withdrawal? })
}

fn put_alias(fields: &mut Fields, kind: EntityType) -> Option<Proposal> {
    let of = owner(fields, kind);
    let alias = fields.required("alias");
    let target = fields.object("body");
    Some(Proposal::PutAlias { of: of?, alias: alias?, target: target? })
}

fn delete_alias(fields: &mut Fields, kind: EntityType) -> Option<Proposal> {
    let of = owner(fields, kind);
    let alias = fields.required("alias");
    Some(Proposal::DeleteAlias { of: of?, alias: alias? })
}

fn depend(fields: &mut Fields, kind: EntityType) -> Option<Proposal> {
    let of = owner(fields, kind);
    let dependency = fields.object("body");
    Some(Proposal::AddDependency { of: of?, dependency: dependency? })
}

/// What a change is about, to be looked for when it met nothing.
enum Target<'a> {
    Block(&'a Reference),
    Edge(&'a Reference),
    Pipeline(&'a Reference),
    Version(&'a Owner, &'a Which),
    Alias(&'a Owner, &'a AliasName),
    Dependency(Uuid),
    PipelineBlock(&'a Reference, &'a Reference),
    PipelineEdge(&'a Reference, Uuid),
}

impl Proposal {
    /// Makes the change, by the statements that its operation uses.
    ///
    /// # Errors
    /// What the operation would be refused with.
    pub(super) async fn make(&self, scope: &mut Transaction<'_>) -> Result<(), Failure> {
        let any = &IfMatch::default();
        let (is_met, target) = match self {
            Self::UpdateBlock { block, patch } => {
                let made = blocks::queries::update(scope, block, patch, any).await?;
                (made.is_some(), Target::Block(block))
            }
            Self::ArchiveBlock { block } => {
                let made = blocks::queries::archive(scope, block, any).await?;
                (made.is_some(), Target::Block(block))
            }
            Self::UpdateEdge { edge, patch } => {
                let made = edges::queries::update(scope, edge, patch, any).await?;
                (made.is_some(), Target::Edge(edge))
            }
            Self::ArchiveEdge { edge } => {
                let made = edges::queries::archive(scope, edge, any).await?;
                (made.is_some(), Target::Edge(edge))
            }
            Self::UpdatePipeline { pipeline, patch } => {
                let made = pipelines::queries::update(scope, pipeline, patch, any).await?;
                (made.is_some(), Target::Pipeline(pipeline))
            }
            Self::ArchivePipeline { pipeline } => {
                let made = pipelines::queries::archive(scope, pipeline, any).await?;
                (made.is_some(), Target::Pipeline(pipeline))
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
                let (reference, reason) = (&of.reference, Some(withdrawal.reason.as_str()));
                let is_met = match of.kind {
                    EntityType::Block => {
                        blocks::queries::withdraw(scope, reference, version, reason, any)
                            .await?
                            .is_some()
                    }
                    EntityType::Edge => {
                        edges::queries::withdraw(scope, reference, version, reason, any)
                            .await?
                            .is_some()
                    }
                };
                (is_met, Target::Version(of, version))
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
            Self::ReplaceGraph { pipeline, graph } => {
                let held = pipelines::queries::hold(scope, pipeline, any).await?;
                if let Some(id) = held {
                    pipelines::queries::replace_graph(scope, id, graph).await?;
                }
                (held.is_some(), Target::Pipeline(pipeline))
            }
            Self::PinBlock { pipeline, block, pin } => {
                let made =
                    pipelines::part_queries::pin_block(scope, pipeline, block, pin, any).await?;
                (made.is_some(), Target::PipelineBlock(pipeline, block))
            }
            Self::PinEdge { pipeline, pipeline_edge, pin } => {
                let part = *pipeline_edge;
                let made =
                    pipelines::part_queries::pin_edge(scope, pipeline, part, pin, any).await?;
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

impl Target<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Block(_) => Block::WHAT,
            Self::Edge(_) => Edge::WHAT,
            Self::Pipeline(_) => Pipeline::WHAT,
            Self::Version(..) => "Version",
            Self::Alias(..) => Alias::WHAT,
            Self::Dependency(_) => Dependency::WHAT,
            Self::PipelineBlock(..) => "Block of the pipeline",
            Self::PipelineEdge(..) => "Edge of the pipeline",
        }
    }
}

async fn is_there(scope: &mut Scope<'_>, target: &Target<'_>) -> Result<bool, Failure> {
    let live = |found: Option<Revision>| found.is_some_and(|found| found.archived_at.is_none());
    Ok(match target {
        Target::Block(block) => live(blocks::queries::revision(scope, block).await?),
        Target::Edge(edge) => live(edges::queries::revision(scope, edge).await?),
        Target::Pipeline(pipeline) => live(pipelines::queries::revision(scope, pipeline).await?),
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
        Target::PipelineBlock(pipeline, block) => {
            pipelines::part_queries::block(scope, pipeline, block).await?.is_some()
        }
        Target::PipelineEdge(pipeline, part) => {
            pipelines::part_queries::edge(scope, pipeline, *part).await?.is_some()
        }
    })
}
