"""From a login to a run, with the client that openapi-python-client has generated."""

import os
from typing import TypeVar

from blockyard_client import AuthenticatedClient, Client
from blockyard_client.api.auth import get_me, login
from blockyard_client.api.blocks import create_block, get_block, list_blocks, update_block
from blockyard_client.api.docker_images import append_docker_image_logs, create_block_docker_image
from blockyard_client.api.edges import create_edge
from blockyard_client.api.pipelines import create_pipeline, get_pipeline_readiness
from blockyard_client.api.runs import create_pipeline_run, report_run
from blockyard_client.api.verifications import create_verification
from blockyard_client.models import (
    AppendedLogs,
    Block,
    BlockPage,
    BlockPatch,
    BlockType,
    DockerImage,
    Edge,
    Login,
    Me,
    Metadata,
    NewBlock,
    NewDockerImage,
    NewEdge,
    NewPipeline,
    NewPipelineBlock,
    NewPipelineEdge,
    NewVerification,
    Pipeline,
    Problem,
    Readiness,
    Run,
    RunReport,
    RunStatus,
    Tokens,
    Verification,
    VerificationStatus,
)

T = TypeVar("T")


def whole(answer: object, kind: type[T]) -> T:
    if not isinstance(answer, kind):
        raise SystemExit(f"not a {kind.__name__} but {answer}")
    return answer


url = os.environ["BLOCKYARD_URL"]
anonymous = Client(base_url=url)
tokens = whole(login.sync(client=anonymous, body=Login(username="admin", password=os.environ["BLOCKYARD_PASSWORD"])), Tokens)
client = AuthenticatedClient(base_url=url, token=tokens.access_token)
assert whole(get_me.sync(client=client), Me).username == "admin"

metadata = Metadata.from_dict({"rows": 891, "columns": ["age", "fare"], "none": None})
dataset = whole(create_block.sync(client=client, body=NewBlock(name="python/passengers", block_type=BlockType.DATASET, metadata=metadata)), Block)
assert dataset.metadata.to_dict() == metadata.to_dict()
model = whole(create_block.sync(client=client, body=NewBlock(name="python/survival", block_type=BlockType.MODEL)), Block)
taken = create_block.sync(client=client, body=NewBlock(name="python/survival", block_type=BlockType.MODEL))
assert whole(taken, Problem).code == "name_taken"
dataset = whole(update_block.sync(block="python/passengers", client=client, body=BlockPatch(metadata=Metadata.from_dict({"rows": 1309}))), Block)
assert dataset.version_number == 2
# What is read can be sent again, and an item of a list is what it is a list of.
page = whole(list_blocks.sync(client=client, sort="-name", limit=1), BlockPage)
item: Block = page.items[0]
assert page.next_cursor
copy = NewBlock(name="python/copy", block_type=item.block_type, metadata=item.metadata, description=item.description)
whole(create_block.sync(client=client, body=copy), Block)
assert whole(get_block.sync(block=str(dataset.block_id), client=client, include="versions"), Block).versions

image = NewDockerImage(image_tag="v1", registry_url="ghcr.io/acme/a")
built = whole(create_block_docker_image.sync(block="python/survival", client=client, body=image), DockerImage)
logged = append_docker_image_logs.sync(image_id=built.image_id, client=client, body=AppendedLogs(text="Step 1\n"))
assert whole(logged, DockerImage).build_logs_bytes == 7

whole(create_edge.sync(client=client, body=NewEdge(name="python/train")), Edge)
graph = NewPipeline(
    name="python/nightly",
    blocks=[NewPipelineBlock(block_id="python/passengers"), NewPipelineBlock(block_id="python/survival", version_number=1)],
    edges=[NewPipelineEdge(edge_id="python/train", source_block_id="python/passengers", target_block_id="python/survival")],
)
whole(create_pipeline.sync(client=client, body=graph), Pipeline)
refused = whole(create_pipeline_run.sync(pipeline="python/nightly", client=client), Problem)
assert refused.code == "not_ready" and refused.blockers and refused.blockers[0].code == "edge_unverified"
passed = NewVerification(verification_status=VerificationStatus.PASSED)
verified = create_verification.sync(edge="python/train", version="active", client=client, body=passed, idempotency_key="python-1")
whole(verified, Verification)
assert whole(get_pipeline_readiness.sync(pipeline="python/nightly", client=client), Readiness).ready
run = whole(create_pipeline_run.sync(pipeline="python/nightly", client=client), Run)
done = whole(report_run.sync(run_id=run.run_id, client=client, body=RunReport(status=RunStatus.SUCCESS)), Run)
assert done.status == RunStatus.SUCCESS and done.ended_at
