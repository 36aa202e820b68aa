//! A change that is not made yet: the operation that would make it, its parameters and its body.

use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::aliases::AliasTarget;
use crate::api::fields::{Fields, FromFields};
use crate::api::id::Id;
use crate::api::path::Reference;
use crate::api::word::Word;
use crate::blocks::{BlockPatch, NewBlockVersion};
use crate::dependencies::{DependencyPatch, NewDependency};
use crate::edges::{EdgePatch, NewEdgeVersion};
use crate::pipelines::{BlockPin, EdgePin, GivenBlock, GivenEdge, GivenGraph, PipelinePatch};
use crate::resource::owner::{EntityType, Owner};
use crate::verifications::{NewVerification, VerificationReport};
use crate::versions::{AliasName, VersionReference, Which, Withdrawal};

/// What would be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = PreviewedOperation)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    UpdateBlock,
    UpdateEdge,
    UpdatePipeline,
    AppendBlockVersion,
    AppendEdgeVersion,
    ActivateBlockVersion,
    ActivateEdgeVersion,
    WithdrawBlockVersion,
    WithdrawEdgeVersion,
    RestoreBlockVersion,
    RestoreEdgeVersion,
    PutBlockAlias,
    PutEdgeAlias,
    DeleteBlockAlias,
    DeleteEdgeAlias,
    ArchiveBlock,
    ArchiveEdge,
    ArchivePipeline,
    RestoreBlock,
    RestoreEdge,
    RestorePipeline,
    CreateBlockDependency,
    CreateEdgeDependency,
    UpdateDependency,
    DeleteDependency,
    CreateVerification,
    ReportVerification,
    ReplacePipelineGraph,
    AddPipelineBlock,
    AddPipelineEdge,
    PinPipelineBlock,
    PinPipelineEdge,
    RemovePipelineBlock,
    RemovePipelineEdge,
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
    verification: Option<Uuid>,
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
    AppendBlockVersion { block: Reference, version: NewBlockVersion },
    AppendEdgeVersion { edge: Reference, version: NewEdgeVersion },
    Activate { of: Owner, version: Which },
    Withdraw { of: Owner, version: Which, withdrawal: Withdrawal },
    RestoreVersion { of: Owner, version: Which },
    PutAlias { of: Owner, alias: AliasName, target: AliasTarget },
    DeleteAlias { of: Owner, alias: AliasName },
    ArchiveBlock { block: Reference },
    ArchiveEdge { edge: Reference },
    ArchivePipeline { pipeline: Reference },
    RestoreBlock { block: Reference },
    RestoreEdge { edge: Reference },
    RestorePipeline { pipeline: Reference },
    AddDependency { of: Owner, dependency: NewDependency },
    UpdateDependency { dependency: Uuid, patch: DependencyPatch },
    DeleteDependency { dependency: Uuid },
    Verify { edge: Reference, version: Which, verification: NewVerification },
    ReportVerification { verification: Uuid, report: VerificationReport },
    ReplaceGraph { pipeline: Reference, graph: GivenGraph },
    AddBlock { pipeline: Reference, block: GivenBlock },
    AddEdge { pipeline: Reference, edge: GivenEdge },
    PinBlock { pipeline: Reference, block: Reference, pin: BlockPin },
    PinEdge { pipeline: Reference, pipeline_edge: Uuid, pin: EdgePin },
    RemoveBlock { pipeline: Reference, block: Reference },
    RemoveEdge { pipeline: Reference, pipeline_edge: Uuid },
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
            Operation::AppendBlockVersion => {
                let block = fields.required("block");
                let version = fields.object("body");
                Self::AppendBlockVersion { block: block?, version: version? }
            }
            Operation::AppendEdgeVersion => {
                let edge = fields.required("edge");
                let version = fields.object("body");
                Self::AppendEdgeVersion { edge: edge?, version: version? }
            }
            Operation::ActivateBlockVersion => activate(fields, EntityType::Block)?,
            Operation::ActivateEdgeVersion => activate(fields, EntityType::Edge)?,
            Operation::WithdrawBlockVersion => withdraw(fields, EntityType::Block)?,
            Operation::WithdrawEdgeVersion => withdraw(fields, EntityType::Edge)?,
            Operation::RestoreBlockVersion => restore_version(fields, EntityType::Block)?,
            Operation::RestoreEdgeVersion => restore_version(fields, EntityType::Edge)?,
            Operation::PutBlockAlias => put_alias(fields, EntityType::Block)?,
            Operation::PutEdgeAlias => put_alias(fields, EntityType::Edge)?,
            Operation::DeleteBlockAlias => delete_alias(fields, EntityType::Block)?,
            Operation::DeleteEdgeAlias => delete_alias(fields, EntityType::Edge)?,
            Operation::ArchiveBlock => Self::ArchiveBlock { block: fields.required("block")? },
            Operation::ArchiveEdge => Self::ArchiveEdge { edge: fields.required("edge")? },
            Operation::ArchivePipeline => {
                Self::ArchivePipeline { pipeline: fields.required("pipeline")? }
            }
            Operation::RestoreBlock => Self::RestoreBlock { block: fields.required("block")? },
            Operation::RestoreEdge => Self::RestoreEdge { edge: fields.required("edge")? },
            Operation::RestorePipeline => {
                Self::RestorePipeline { pipeline: fields.required("pipeline")? }
            }
            Operation::CreateBlockDependency => depend(fields, EntityType::Block)?,
            Operation::CreateEdgeDependency => depend(fields, EntityType::Edge)?,
            Operation::UpdateDependency => {
                let dependency = fields.required("dependency_id").map(|Id(dependency)| dependency);
                let patch = fields.object("body");
                Self::UpdateDependency { dependency: dependency?, patch: patch? }
            }
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
            Operation::ReportVerification => {
                let verification = fields.required("verification").map(|Id(id)| id);
                let report = fields.object("body");
                Self::ReportVerification { verification: verification?, report: report? }
            }
            Operation::ReplacePipelineGraph => {
                let pipeline = fields.required("pipeline");
                let graph = fields.object("body");
                Self::ReplaceGraph { pipeline: pipeline?, graph: graph? }
            }
            Operation::AddPipelineBlock => {
                let pipeline = fields.required("pipeline");
                let block = fields.object("body");
                Self::AddBlock { pipeline: pipeline?, block: block? }
            }
            Operation::AddPipelineEdge => {
                let pipeline = fields.required("pipeline");
                let edge = fields.object("body");
                Self::AddEdge { pipeline: pipeline?, edge: edge? }
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
            Operation::RemovePipelineBlock => {
                let pipeline = fields.required("pipeline");
                let block = fields.required("block");
                Self::RemoveBlock { pipeline: pipeline?, block: block? }
            }
            Operation::RemovePipelineEdge => {
                let pipeline = fields.required("pipeline");
                let part = fields.required("pipeline_edge").map(|Id(part)| part);
                Self::RemoveEdge { pipeline: pipeline?, pipeline_edge: part? }
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

fn restore_version(fields: &mut Fields, kind: EntityType) -> Option<Proposal> {
    let of = owner(fields, kind);
    let version = fields.required("version");
    Some(Proposal::RestoreVersion { of: of?, version: version? })
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
