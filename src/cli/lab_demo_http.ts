/** The demo's last scene: the same answers for programs. */

import { relative } from "node:path";
import { LabError } from "../lab/error.ts";
import { routerSocket } from "../lab/folder.ts";
import { ask } from "../lab/gateway.ts";
import { indent, type Stage } from "./lab_demo_stage.ts";

/** Besides the one whose answer is shown. */
const OTHERS = ["status", "sites", "adjacencies", "policies", "labels", "drops"];

export async function showHttp({ place, io }: Stage): Promise<void> {
  const path = "/v1/paths?site=porto";
  const answer = await ask<{ paths: readonly Record<string, unknown>[] }>(place, "lisbon", path);
  const best = answer?.paths.find(({ inUse }) => inUse === true);
  if (best === undefined) throw new LabError([`lisbon names no path in use at ${path}`]);
  const socket = relative(Deno.cwd(), routerSocket(place.folder, "lisbon"));
  const curl = (rest: string) => `  curl --unix-socket ${socket} http://localhost${rest}`;
  io.out(`${curl(path.replace("?", "\\?"))}\n`);
  const { key, state, rttMicros, jitterMicros, loss, mtuBytes, inUse, uses } = best;
  const shown = { key, state, rttMicros, jitterMicros, loss, mtuBytes, inUse, uses };
  io.out(`${indent(abridge(shown))}\n`);
  io.out(
    [...OTHERS.map((name) => `/v1/${name}`), "/metrics", "/openapi.json"].map(curl).join("\n"),
  );
}

/** A key a line, what is below it on that line. */
function abridge(value: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(value).map(([key, one]) => {
    const text = Array.isArray(one)
      ? `[\n${one.map((item) => `    ${JSON.stringify(item)}`).join(",\n")}\n  ]`
      : JSON.stringify(one);
    return `  ${JSON.stringify(key)}: ${text}`;
  });
  return ["{", `${lines.join(",\n")},`, "  …", "}"].join("\n");
}
