/** A typed client of Blockyard: openapi-fetch on the types of its OpenAPI document. */
import createClient, { type Client, type ClientOptions, type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type { components, operations, paths } from "./schema.js";

/** The things of the registry by name: `Schemas["Block"]`. */
export type Schemas = components["schemas"];

/** What the service said in the place of an answer (RFC 9457). */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly problem: Partial<Schemas["Problem"]>,
  ) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.name = "Refused";
  }

  /** What it is, for programs: `name_taken`, `not_ready` and so on. */
  get code(): string {
    return this.problem.code ?? "refused";
  }
}

export interface Options extends Omit<ClientOptions, "baseUrl" | "headers"> {
  /** How often what is not answered, or with 429 or 503, is sent again. */
  retries?: number;
  /** The first pause in milliseconds; each further one is twice as long, a random part of it apart. */
  pause?: number;
}

const CHANGES = new Set(["POST", "PUT", "PATCH", "DELETE"]);
const LATER = new Set([429, 502, 503, 504]);

/** Sends a request again until there is an answer; of a change the key is the same each time, so that it is made once. */
function repeating(send: (request: Request) => Promise<Response>, retries: number, pause: number) {
  return async (request: Request): Promise<Response> => {
    for (let time = 0; ; time++) {
      const wait = pause * 2 ** time * (0.5 + Math.random() / 2);
      try {
        const answer = await send(request.clone());
        if (time >= retries || !LATER.has(answer.status)) return answer;
        await answer.body?.cancel();
        const asked = Number(answer.headers.get("Retry-After")) * 1000;
        await sleep(Number.isFinite(asked) ? Math.max(asked, wait) : wait, request.signal);
      } catch (error) {
        if (time >= retries || request.signal.aborted) throw error;
        await sleep(wait, request.signal);
      }
    }
  };
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
}

const rules: Middleware = {
  onRequest({ request }) {
    if (CHANGES.has(request.method) && !request.headers.has("Idempotency-Key")) {
      request.headers.set("Idempotency-Key", crypto.randomUUID());
    }
    return request;
  },
  async onResponse({ response }) {
    if (response.ok || response.status === 304) return;
    const json = response.headers.get("Content-Type")?.includes("json");
    const said: unknown = json ? await response.json().catch(() => null) : null;
    throw new Refused(response.status, said && typeof said === "object" ? said : {});
  },
};

/** A client of the registry at `url`. Refusals are thrown, as `Refused`; so `data` is there in every answer. */
export function blockyard(url: string, apiKey?: string, options: Options = {}): Client<paths> {
  const { retries = 5, pause = 1000, fetch = globalThis.fetch, ...others } = options;
  const client = createClient<paths>({
    ...others,
    baseUrl: url.replace(/\/+$/, ""),
    headers: apiKey === undefined ? {} : { "X-API-Key": apiKey },
    fetch: repeating(fetch, retries, pause),
  });
  client.use(rules);
  return client;
}

/** All items of a list, page by page: `for await (const block of pages(cursor => registry.GET("/blocks", { params: { query: { cursor } } })))`. */
export async function* pages<T>(
  ask: (cursor: string | undefined) => Promise<{ data?: { items: T[]; next_cursor?: string | null } | undefined }>,
): AsyncGenerator<T, void, undefined> {
  let cursor: string | undefined;
  do {
    const page = (await ask(cursor)).data;
    if (!page) throw new Error("A page without an answer.");
    yield* page.items;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}
