"""From a login to a run, with the Python client that openapi-generator has generated."""

import os

import openapi_client as api

url = os.environ["BLOCKYARD_URL"]
anonymous = api.AuthApi(api.ApiClient(api.Configuration(host=url)))
tokens = anonymous.login(api.Login(username="admin", password=os.environ["BLOCKYARD_PASSWORD"]))
client = api.ApiClient(api.Configuration(host=url, access_token=tokens.access_token))
assert api.AuthApi(client).get_me().username == "admin"

blocks = api.BlocksApi(client)
metadata = {"rows": 891, "columns": ["age", "fare"], "none": None}
dataset = blocks.create_block(api.NewBlock(name="generator/passengers", block_type=api.BlockType.DATASET, metadata=metadata))
assert dataset.metadata == metadata, dataset.metadata
blocks.create_block(api.NewBlock(name="generator/survival", block_type=api.BlockType.MODEL))
changed = blocks.update_block("generator/passengers", api.BlockPatch(metadata={"rows": 1309}))
assert changed.version_number == 2
assert isinstance(blocks.list_blocks(limit=1, sort="-name").items[0], api.Block)

api.EdgesApi(client).create_edge(api.NewEdge(name="generator/train"))
pipelines = api.PipelinesApi(client)
source, target = (api.NewPipelineBlock(block_id=f"generator/{name}") for name in ("passengers", "survival"))
edge = api.NewPipelineEdge(edge_id="generator/train", source_block_id=source.block_id, target_block_id=target.block_id)
pipelines.create_pipeline(api.NewPipeline(name="generator/nightly", blocks=[source, target], edges=[edge]))
runs = api.RunsApi(client)
try:
    runs.create_pipeline_run("generator/nightly")
    raise SystemExit("the edge is not verified")
except api.exceptions.ConflictException as refused:
    assert "edge_unverified" in refused.body
passed = api.NewVerification(verification_status=api.VerificationStatus.PASSED)
api.VerificationsApi(client).create_verification("generator/train", "active", idempotency_key="generator-1", new_verification=passed)
assert pipelines.get_pipeline_readiness("generator/nightly").ready
run = runs.create_pipeline_run("generator/nightly")
done = runs.report_run(run.run_id, api.RunReport(status=api.RunStatus.SUCCESS))
assert done.status == api.RunStatus.SUCCESS and done.ended_at
