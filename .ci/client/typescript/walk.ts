// From a login to a run, with the types of openapi-typescript and the client of openapi-fetch.

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Block = components["schemas"]["Block"];

function whole<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const client = createClient<paths>({ baseUrl: process.env["BLOCKYARD_URL"]! });
const login = { username: "admin", password: process.env["BLOCKYARD_PASSWORD"]! };
const tokens = whole(await client.POST("/auth/login", { body: login }));
client.use({
  onRequest({ request }) {
    // In both ways, as clients send it that know all schemes.
    request.headers.set("Authorization", `Bearer ${tokens.access_token}`);
    request.headers.set("X-API-Key", tokens.access_token);
  },
});
assert.equal(whole(await client.GET("/auth/me")).username, "admin");

const metadata = { rows: 891, columns: ["age", "fare"], none: null };
const dataset = whole(await client.POST("/blocks", { body: { name: "ts/passengers", block_type: "dataset", metadata } }));
assert.deepEqual(dataset.metadata, metadata);
whole(await client.POST("/blocks", { body: { name: "ts/survival", block_type: "model" } }));
const taken = await client.POST("/blocks", { body: { name: "ts/survival", block_type: "model" } });
assert.equal(taken.error?.code, "name_taken");
const block = { path: { block: "ts/passengers" } };
const changed = await client.PATCH("/blocks/{block}", { params: block, body: { metadata: { rows: 1309 } } });
assert.equal(whole(changed).version_number, 2);

// What is read can be sent again, and an item of a list is what it is a list of.
const page = whole(await client.GET("/blocks", { params: { query: { sort: "-name", limit: 1, block_type: "model" } } }));
const item: Block | undefined = page.items[0];
assert.ok(item);
const { block_type, description } = item;
whole(await client.POST("/blocks", { body: { name: "ts/copy", block_type, description, metadata: item.metadata } }));

whole(await client.POST("/edges", { body: { name: "ts/train" } }));
whole(
  await client.POST("/pipelines", {
    body: {
      name: "ts/nightly",
      blocks: [{ block_id: "ts/passengers" }, { block_id: "ts/survival", version_number: 1 }],
      edges: [{ edge_id: "ts/train", source_block_id: "ts/passengers", target_block_id: "ts/survival" }],
    },
  }),
);
const pipeline = { path: { pipeline: "ts/nightly" } };
const refused = await client.POST("/pipelines/{pipeline}/runs", { params: pipeline });
assert.equal(refused.error?.blockers?.[0]?.code, "edge_unverified");
whole(
  await client.POST("/edges/{edge}/versions/{version}/verifications", {
    params: { path: { edge: "ts/train", version: "active" }, header: { "Idempotency-Key": "ts-1" } },
    body: { verification_status: "passed" },
  }),
);
assert.ok(whole(await client.GET("/pipelines/{pipeline}/readiness", { params: pipeline })).ready);
const run = whole(await client.POST("/pipelines/{pipeline}/runs", { params: pipeline }));
const path = { run_id: run.run_id };
const done = whole(await client.PATCH("/runs/{run_id}", { params: { path }, body: { status: "success" } }));
assert.equal(done.status, "success");
assert.ok(done.ended_at);
