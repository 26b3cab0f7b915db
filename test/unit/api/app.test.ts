import { Ajv2020 } from "ajv/dist/2020.js";
import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, test } from "vitest";
import { createApp } from "../../../src/api/app.ts";
import type { Labels, Paths, Policies, Problem, Sites, Status } from "../../../src/api/schema.ts";
import type { Generation } from "../../../src/model/quantity.ts";
import { FixtureRouter, NOW } from "../../fixtures/router.ts";

const TCP = { listen: { kind: "tcp", port: 7635 } } as const;
const UNIX = { listen: { kind: "unix" } } as const;
const HOST = { Host: "127.0.0.1:7635" };
const OTHER = "fedcba9876543210";

async function ask<Answer>(router: FixtureRouter, path: string): Promise<Answer> {
  const response = await createApp(router, UNIX).request(path);
  expect(response.status).toBe(200);
  return await response.json() as Answer;
}

async function refusal(response: Response): Promise<Problem> {
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  const problem = await response.json() as Problem;
  expect(problem.status).toBe(response.status);
  return problem;
}

describe("which path is in use", () => {
  test("is the first of the ranking while all are up", async () => {
    const { paths } = await ask<Paths>(new FixtureRouter(), "/v1/paths?site=porto");
    const direct = paths.find(({ key }) => key === "fibre>porto.fibre");
    expect(direct).toMatchObject({ state: "up", inUse: true, reason: null, rttMicros: 12_000 });
    expect(
      direct?.uses.filter(({ inUse }) => inUse).map(({ policy, segment }) => [policy, segment]),
    )
      .toEqual(expect.arrayContaining([[null, "office"], [null, "voice"], ["calls", "voice"]]));
    expect(paths.every(({ egress }) => egress === "porto")).toBe(true);
  });

  test("moves on when its first adjacency is down, and says why", async () => {
    const router = new FixtureRouter();
    router.setAdjacency("fibre>porto.fibre", "down");
    const { paths } = await ask<Paths>(router, "/v1/paths?site=porto");
    const use = Object.fromEntries(paths.map(({ key, inUse }) => [key, inUse]));
    expect(use["fibre>porto.fibre"]).toBe(false);
    expect(use["fibre>hub.fibre,fibre>porto.fibre"]).toBe(true);
    expect(paths.find(({ key }) => key === "fibre>porto.fibre")).toMatchObject({
      state: "down",
      reason: "adjacency fibre>porto.fibre is down",
      rttMicros: null,
    });
  });

  test("skips a path whose own probe is down or not answered yet, though its first hop is up", async () => {
    for (const state of ["down", "unknown"] as const) {
      const router = new FixtureRouter();
      router.setList("fibre>hub.fibre,fibre>porto.fibre", state);
      const { policies } = await ask<Policies>(router, "/v1/policies");
      const inspected = policies.find(({ name }) => name === "inspected")?.destinations[0];
      expect(inspected?.inUse).toBe("lte>hub.fibre,fibre>porto.fibre");
      expect(inspected?.paths[0]).toMatchObject({ state, inUse: false });
      expect(inspected?.paths[0]?.reason).toContain("its own probe");
    }
  });

  test("is none when nothing of the ranking is up: otherwise drop has no way round", async () => {
    const router = new FixtureRouter();
    for (const uplink of ["fibre", "lte"]) router.setAdjacency(`${uplink}>hub.fibre`, "down");
    const { policies } = await ask<Policies>(router, "/v1/policies");
    const inspected = policies.find(({ name }) => name === "inspected")?.destinations[0];
    expect(inspected).toMatchObject({ verdict: "paths", inUse: null });
    expect(inspected?.paths.every(({ reason }) => reason?.endsWith("is down"))).toBe(true);
  });

  test("is filtered by policy", async () => {
    const { paths } = await ask<Paths>(new FixtureRouter(), "/v1/paths?policy=calls");
    expect(paths.length).toBeGreaterThan(0);
    for (const { uses } of paths) expect(uses.map(({ policy }) => policy)).toContain("calls");
  });

  test("spells its labels out", async () => {
    const { paths } = await ask<Paths>(new FixtureRouter(), "/v1/paths?site=porto");
    const transit = paths.find(({ key }) => key === "fibre>hub.fibre,fibre>porto.fibre");
    expect(transit?.labels).toEqual([
      { label: 100192, meaning: "adjacency SID hub.fibre > porto.fibre" },
    ]);
    expect(transit?.returnLabels.map(({ meaning }) => meaning)).toEqual([
      "adjacency SID hub.fibre > lisbon.fibre",
    ]);
  });
});

describe("status", () => {
  test("says who runs another generation, and believes only adjacencies that answer", async () => {
    const router = new FixtureRouter();
    router.setAdjacency("fibre>porto.fibre", "up", OTHER);
    router.setAdjacency("fibre>hub.fibre", "down", OTHER);
    router.setAdjacency("lte>hub.fibre", "down", OTHER);
    const status = await ask<Status>(router, "/v1/status");
    expect(status.generations).toEqual({
      agree: false,
      differing: [{ site: "porto", generation: OTHER }],
      unheard: ["hub"],
    });
    expect(status.adjacencies).toEqual({ total: 4, up: 2, down: 2, unknown: 0 });
    expect(status.uptimeMillis).toBe(3_725_000);
  });

  test("is not ready while the engine forwards by another generation", async () => {
    const router = new FixtureRouter();
    const app = createApp(router, UNIX);
    expect((await app.request("/readyz")).status).toBe(200);
    router.snapshotNow.generation = OTHER;
    const problem = await refusal(await app.request("/readyz"));
    expect(problem).toMatchObject({ status: 503 });
    expect(problem.detail).toContain(OTHER);
    expect((await ask<Status>(router, "/v1/status")).ready).toBe(false);
    expect((await app.request("/livez")).status).toBe(200);
  });

  test("is not alive while a step of it hangs, and says which", async () => {
    const router = new FixtureRouter();
    router.stuck = "The step `read-file` has not ended for 31 s";
    const problem = await refusal(await createApp(router, UNIX).request("/livez"));
    expect(problem).toMatchObject({ status: 503, detail: router.stuck });
  });

  test("a site without a path that is up is not reachable", async () => {
    const router = new FixtureRouter();
    for (const { key } of router.current().table.adjacencies) router.setAdjacency(key, "down");
    const { sites } = await ask<Sites>(router, "/v1/sites");
    expect(sites.map(({ name, reachable }) => [name, reachable])).toEqual([
      ["hub", false],
      ["lisbon", true],
      ["porto", false],
    ]);
  });
});

test("labels tell the next hop that is in use", async () => {
  const router = new FixtureRouter("hub");
  const { labels } = await ask<Labels>(router, "/v1/labels");
  const node = labels.find(({ meaning }) => meaning === "node SID porto");
  expect(node?.nextHops[0]).toMatchObject({ adjacency: "fibre>porto.fibre", inUse: true });
  router.setAdjacency("fibre>porto.fibre", "down");
  const after = await ask<Labels>(router, "/v1/labels");
  expect(after.labels.find(({ label }) => label === node?.label)?.nextHops[0]).toMatchObject({
    state: "down",
    inUse: false,
  });
});

test("labels tell what a repair survives", async () => {
  const { labels } = await ask<Labels>(new FixtureRouter("hub"), "/v1/labels");
  const hops = labels.find(({ meaning }) => meaning === "adjacency SID hub.fibre > lisbon.fibre")!
    .nextHops;
  // By cost over porto, but out of the hub by the same uplink: no more than the link is survived.
  expect(hops.map(({ adjacency, repair }) => [adjacency, repair])).toEqual([
    ["fibre>lisbon.fibre", null],
    ["fibre>porto.fibre", "link"],
  ]);
});

describe("reload", () => {
  test("answers what changed", async () => {
    const router = new FixtureRouter();
    const response = await createApp(router, UNIX).request("/v1/reload", { method: "POST" });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ ok: true, generation: "0123456789abcdef" });
    expect(router.reloads).toBe(1);
  });

  test("answers every problem of a refused file with its position", async () => {
    const router = new FixtureRouter();
    router.reloadResult = { ok: false, at: NOW, problems: ["n.yaml:3:5: no", "whole: bad"] };
    const response = await createApp(router, UNIX).request("/v1/reload", { method: "POST" });
    expect(response.status).toBe(422);
    expect((await refusal(response)).errors).toEqual([
      { where: "n.yaml:3:5", message: "no" },
      { where: "", message: "whole: bad" },
    ]);
    expect((await ask<Status>(router, "/v1/status")).lastReload).toMatchObject({ ok: false });
  });

  test("is refused over TCP, where any user of the machine may ask", async () => {
    const router = new FixtureRouter();
    const response = await createApp(router, TCP).request("/v1/reload", {
      method: "POST",
      headers: HOST,
    });
    expect(response.status).toBe(403);
    await refusal(response);
    expect(router.reloads).toBe(0);
  });
});

describe("who may ask", () => {
  const app = createApp(new FixtureRouter(), TCP);

  test.each(["127.0.0.1:7635", "localhost:7635", "LOCALHOST:7635", "[::1]:7635", "127.0.0.5:7635"])(
    "host %s is this machine",
    async (host) => {
      expect((await app.request("/v1/status", { headers: { Host: host } })).status).toBe(200);
    },
  );

  test.each([
    undefined,
    "127.0.0.1",
    "localhost:80",
    "evil.example:7635",
    "localhost.evil.example:7635",
    "127.0.0.1.evil.example:7635",
    "10.0.0.1:7635",
    "127.0.0.1:7635@evil.example",
    "",
  ])("host %s is refused on every path", async (host) => {
    const headers: Record<string, string> = host === undefined ? {} : { Host: host };
    for (const path of ["/v1/status", "/", "/metrics", "/nowhere", "/openapi.json"]) {
      const response = await app.request(path, { headers });
      expect(response.status).toBe(421);
      expect((await refusal(response)).errors[0]).toMatchObject({ where: "Host" });
    }
  });

  test.each(["http://evil.example", "null", "https://localhost:7635", "http://localhost:1"])(
    "origin %s is refused",
    async (origin) => {
      const response = await app.request("/v1/status", { headers: { ...HOST, Origin: origin } });
      expect(response.status).toBe(403);
      await refusal(response);
    },
  );

  test("the own page may ask, and no page over the Unix socket", async () => {
    const own = { ...HOST, Origin: "http://localhost:7635" };
    expect((await app.request("/v1/status", { headers: own })).status).toBe(200);
    const unix = createApp(new FixtureRouter(), UNIX);
    expect((await unix.request("/v1/status", { headers: own })).status).toBe(403);
  });

  test("every answer is neither cached nor sniffed nor shared, refusals too", async () => {
    for (const path of ["/v1/status", "/nowhere", "/", "/v1/paths?x=1", "/metrics"]) {
      const { headers } = await app.request(path, { headers: HOST });
      expect(headers.get("Cache-Control")).toBe("no-store");
      expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
      expect(headers.get("Access-Control-Allow-Origin")).toBeNull();
      expect(headers.get("Content-Security-Policy")).toContain("default-src 'none'");
    }
  });
});

describe("what is refused says what is accepted", () => {
  const app = createApp(new FixtureRouter(), UNIX);

  test("unknown path", async () => {
    const problem = await refusal(await app.request("/v1/path"));
    expect(problem.status).toBe(404);
    expect(problem.errors[0]?.message).toContain("/v1/paths");
  });

  test("wrong method", async () => {
    const response = await app.request("/v1/paths", { method: "DELETE" });
    expect(response.status).toBe(405);
    expect(response.headers.get("Allow")).toBe("GET, HEAD");
    await refusal(response);
    expect((await app.request("/v1/reload")).headers.get("Allow")).toBe("POST");
    expect((await app.request("/v1/paths", { method: "HEAD" })).status).toBe(200);
  });

  test("all wrong parameters at once", async () => {
    const unknown = await refusal(await app.request("/v1/paths?sites=x&polisy=y"));
    expect(unknown.status).toBe(400);
    expect(unknown.errors.map(({ where }) => where)).toEqual(["sites", "polisy"]);
    const values = await refusal(await app.request("/v1/paths?site=lisbon&policy=y"));
    expect(values.errors).toEqual([
      { where: "site", message: "site lisbon is not known; accepted here: hub, porto" },
      {
        where: "policy",
        message: "policy y is not known; accepted here: calls, inspected, no-telnet",
      },
    ]);
    expect((await app.request("/v1/status?x=1")).status).toBe(400);
    const twice = await refusal(await app.request("/v1/paths?site=hub&site=porto"));
    expect(twice.errors).toEqual([
      { where: "site", message: "it is given several times; accepted is once" },
    ]);
  });

  test("a fault of ours shows no details to the asker, all of them to the log", async () => {
    const router = new FixtureRouter();
    router.snapshot = () => {
      throw new Error("secret detail");
    };
    const faults: unknown[] = [];
    const broken = createApp(router, { ...UNIX, onFault: (fault) => faults.push(fault) });
    const response = await broken.request("/v1/status");
    expect(response.status).toBe(500);
    expect(JSON.stringify(await refusal(response))).not.toContain("secret");
    expect(String(faults[0])).toContain("secret detail");
  });
});

describe("the OpenAPI document", () => {
  const CASES = ["/v1/status", "/v1/sites", "/v1/adjacencies", "/v1/paths", "/v1/measurements"]
    .concat(["/v1/policies", "/v1/policies/explain", "/v1/labels", "/v1/drops"])
    .concat(["/livez", "/readyz"]);
  const QUERIES: Record<string, string> = {
    "/v1/policies/explain": "?src=10.2.0.5&dst=10.3.0.7&dport=80",
  };

  async function document() {
    const response = await createApp(new FixtureRouter(), UNIX).request("/openapi.json");
    // deno-lint-ignore no-explicit-any
    return await response.json() as any;
  }

  test("is valid OpenAPI 3.1", async () => {
    const result = await new Validator().validate(await document());
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
  });

  test("has every resource, and each answer is as it says", async () => {
    const api = await document();
    const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
    ajv.addSchema(api, "api");
    expect(Object.keys(api.paths).sort()).toEqual([...CASES, "/v1/reload"].sort());
    const routers = [new FixtureRouter(), changed()];
    for (const router of routers) {
      for (const path of CASES) {
        const response = await createApp(router, UNIX).request(path + (QUERIES[path] ?? ""));
        const type = response.headers.get("Content-Type")?.split(";")[0] ?? "";
        const pointer = ["paths", path, "get", "responses", `${response.status}`, "content", type]
          .map((part) => part.replaceAll("~", "~0").replaceAll("/", "~1")).join("/");
        const validate = ajv.compile({ $ref: `api#/${encodeURI(pointer)}/schema` });
        const body = await response.json();
        expect([path, validate(body), validate.errors]).toEqual([path, true, null]);
      }
    }
  });

  test("the check above can fail", async () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema(await document(), "api");
    const validate = ajv.compile({ $ref: "api#/components/schemas/Status" });
    expect(validate({ network: 1 })).toBe(false);
  });

  /** With everything that may be null or empty the other way round. */
  function changed(): FixtureRouter {
    const router = new FixtureRouter("hub");
    for (const { key } of router.current().table.adjacencies) {
      router.setAdjacency(key, "down", null);
    }
    router.wireguardFault = new Error("no wg");
    router.snapshotNow.generation = null;
    router.change({
      warnings: ["name porto.example does not resolve"],
      lastReload: { ok: true, at: NOW, generation: OTHER as Generation, changes: [] },
    });
    return router;
  }
});

test("the page for a person lists what to ask, and runs nothing", async () => {
  const router = new FixtureRouter();
  const app = createApp(router, TCP);
  const page = await (await app.request("/", { headers: HOST })).text();
  expect(page).toMatch(/^\s*<!doctype html>/);
  for (const path of ["/v1/status", "/v1/paths", "/metrics", "/openapi.json", "/livez"]) {
    // Each with a word about it.
    expect(page).toMatch(new RegExp(`<dt><a href="${path}">${path}</a></dt>\\n<dd>\\w`));
  }
  expect(page).not.toContain("<script");
});
