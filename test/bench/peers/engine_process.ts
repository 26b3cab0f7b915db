/** Opens an engine, applies FOLDER/table.json, and makes FOLDER/ready once all its lists are up. */

import { openEngine } from "../../../src/io/native/engine.ts";
import { parseThreads, THREADS } from "../../../src/io/native/threads.ts";
import type { Table } from "../../../src/model/boundary.ts";

const [folder = "."] = Deno.args;
const engine = openEngine(undefined, {
  uapi_folder: "/run/wireguard",
  threads: parseThreads(Deno.env.get(THREADS)),
});
Deno.addSignalListener("SIGTERM", () => {
  engine.close();
  Deno.exit(0);
});
engine.apply(JSON.parse(Deno.readTextFileSync(`${folder}/table.json`)) as Table);
while (engine.snapshot().lists.some(({ quality }) => quality.state !== "up")) {
  await new Promise((resolve) => setTimeout(resolve, 200));
}
Deno.writeTextFileSync(`${folder}/ready`, "");
// The engine's threads do the rest.
setInterval(() => {}, 1e9);
