/**
 * Replays recorded events and compares what the router did with what it did then, line by line.
 * After a change of behaviour: `UPDATE=1` writes them anew, and the difference is what to review.
 */

import { expect, test } from "vitest";
import { isMap, isSeq, parseDocument } from "yaml";
import { type Happening, World } from "./world.ts";

const RECORDINGS = new URL("recordings/", import.meta.url);
const NETWORKS = new URL("networks/", import.meta.url);

interface Recording {
  readonly says: string;
  readonly site: string;
  readonly steps: readonly {
    /** Milliseconds since the start. */
    readonly at: number;
    readonly event: Happening;
    readonly effects?: readonly string[];
  }[];
  /** What is ours on the machine at the end. */
  readonly left?: Record<string, number>;
}

const files = [...Deno.readDirSync(RECORDINGS)].map((entry) => entry.name)
  .filter((name) => name.endsWith(".yaml")).sort();

for (const file of files) {
  const url = new URL(file, RECORDINGS);
  const document = parseDocument(Deno.readTextFileSync(url));
  const recording = document.toJS() as Recording;

  test(`${file}: ${recording.says}`, () => {
    const world = new World(recording.site, NETWORKS);
    const steps = document.get("steps");
    if (!isSeq(steps)) throw new Error(`${file} has no steps`);
    for (const [index, step] of recording.steps.entries()) {
      const effects = world.happen(step.at, step.event);
      if (Deno.env.get("UPDATE")) {
        const node = steps.items[index];
        if (isMap(node)) node.set("effects", document.createNode(effects));
      } else {
        expect(effects, `at ${step.at}: ${JSON.stringify(step.event)}`).toEqual(step.effects);
      }
    }
    if (Deno.env.get("UPDATE")) Deno.writeTextFileSync(url, document.toString({ lineWidth: 0 }));
    if (recording.left) expect(world.left()).toEqual(recording.left);
  });
}

test("there are recordings", () => expect(files.length).toBeGreaterThan(5));
