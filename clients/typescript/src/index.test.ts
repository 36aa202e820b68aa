import assert from "node:assert/strict";
import { test } from "node:test";
import { blockyard, pages, Refused } from "./index.js";

const { BLOCKYARD_URL: url, BLOCKYARD_API_KEY: key } = process.env;
if (!url || !key) throw new Error("The tests need a registry of their own: just clients-test");

const registry = blockyard(url, key);
const mark = crypto.randomUUID().slice(0, 8);

test("a block is made, changed on its revision, and read by version", async () => {
  const name = `ts/survival-${mark}`;
  const made = await registry.POST("/blocks", { body: { name, block_type: "model", metadata: { layers: 3 } } });
  const etag = made.response.headers.get("ETag");
  assert.equal(made.data?.version_number, 1);
  const read = await registry.GET("/blocks/{block}", { params: { path: { block: name } } });
  assert.deepEqual(read.data?.metadata, { layers: 3 });
  const header = { "If-Match": etag ?? read.response.headers.get("ETag") ?? "" };
  const change = () =>
    registry.PATCH("/blocks/{block}", { params: { path: { block: name }, header }, body: { metadata: { layers: 4 } } });
  assert.equal((await change()).data?.version_number, 2);
  await assert.rejects(change, (error: Refused) => error.status === 412 && error.code === "stale");
});

test("a refusal is thrown with the words of the service", async () => {
  const body = { name: `ts-taken-${mark}`, block_type: "dataset" } as const;
  await registry.POST("/blocks", { body });
  await assert.rejects(registry.POST("/blocks", { body }), (error: Refused) => {
    assert.equal(error.code, "name_taken");
    assert.equal(error.message, error.problem.detail);
    return error instanceof Refused && error.status === 409;
  });
});

test("a list is gone through page by page", async () => {
  for (const number of [0, 1, 2]) {
    await registry.POST("/blocks", { body: { name: `ts${mark} page ${number}`, block_type: "dataset" } });
  }
  const names: string[] = [];
  const query = { q: `ts${mark}`, sort: "name", limit: 2 } as const;
  for await (const block of pages((cursor) =>
    registry.GET("/blocks", { params: { query: cursor ? { ...query, cursor } : query } }),
  )) {
    names.push(block.name);
  }
  assert.deepEqual(names, [0, 1, 2].map((number) => `ts${mark} page ${number}`));
});

test("a change that is not answered is sent again with the same key, a refusal is not", async () => {
  const seen: Request[] = [];
  const answers = [() => Promise.reject(new TypeError("gone")), () => new Response(null, { status: 503 })];
  const flaky = async (request: Request) => {
    seen.push(request);
    const answer = answers.shift();
    return answer ? await answer() : fetch(request);
  };
  const patient = blockyard(url, key, { fetch: flaky, pause: 1 });
  await patient.POST("/blocks", { body: { name: `ts-again-${mark}`, block_type: "dataset" } });
  assert.equal(seen.length, 3);
  assert.equal(new Set(seen.map((request) => request.headers.get("Idempotency-Key"))).size, 1);
  await assert.rejects(patient.POST("/blocks", { body: { name: "", block_type: "dataset" } }), Refused);
  assert.equal(seen.length, 4);
});

test("it gives up with what came last", async () => {
  let times = 0;
  const away = async () => (times++, new Response("<html>", { status: 503, statusText: "Away" }));
  const impatient = blockyard(url, key, { fetch: away, pause: 1, retries: 2 });
  await assert.rejects(impatient.GET("/auth/me"), (error: Refused) => error.status === 503 && error.code === "refused");
  assert.equal(times, 3);
});
