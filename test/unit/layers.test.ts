/** The direction of imports in ARCHITECTURE.md, and that only one file reads a clock. */

import { globSync, readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { expect, test } from "vitest";

/** From the top down; a file may import from its own layer and from those below. */
const LAYERS: readonly (readonly string[])[] = [
  ["src/main.ts"],
  ["src/cli/"],
  ["src/lab/"],
  ["src/api/"],
  ["src/io/"],
  ["src/router/"],
  ["src/sr/"],
  ["src/te/"],
  ["src/underlay/"],
  ["src/oam/"],
  ["src/config/"],
  ["src/match/"],
  ["src/ports/"],
  ["src/model/"],
];

/** The one of the project that is not source code: the version stands in it. */
const BELOW_ALL = ["deno.json"];

interface Import {
  readonly from: string;
  readonly to: string;
}

const ROOT = resolve(import.meta.dirname ?? "", "../..");
const FILES = globSync("src/**/*.ts", { cwd: ROOT }).filter((file) => !file.endsWith(".d.ts"));

async function importsOf(files: readonly string[]): Promise<Import[]> {
  const imports: Import[] = [];
  // One graph holds all that a file reaches, so only files that no graph had yet need their own.
  const seen = new Set<string>();
  for (const file of files) {
    if (seen.has(file)) continue;
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", file],
      cwd: ROOT,
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
      modules: {
        specifier: string;
        error?: string;
        dependencies?: { code?: { specifier?: string }; type?: { specifier?: string } }[];
      }[];
    };
    for (const { specifier, dependencies = [], error } of modules) {
      if (!specifier.startsWith("file://")) continue;
      const from = relative(ROOT, new URL(specifier).pathname);
      if (error !== undefined) throw new Error(`${from}: ${error}`);
      if (seen.has(from)) continue;
      seen.add(from);
      for (const { code, type } of dependencies) {
        const to = code?.specifier ?? type?.specifier;
        if (to?.startsWith("file://")) {
          imports.push({ from, to: relative(ROOT, new URL(to).pathname) });
        }
      }
    }
  }
  return imports;
}

function layerOf(file: string): number {
  return LAYERS.findIndex((places) => places.some((place) => file.startsWith(place)));
}

function upward({ from, to }: Import): boolean {
  // The lab is for trying things out: the program that runs on a gateway must not need it.
  if (to.startsWith("src/lab/") && !/^src\/(lab\/|cli\/lab)/.test(from)) return true;
  if (!from.startsWith("src/") || BELOW_ALL.includes(to)) return false;
  const [own, other] = [layerOf(from), layerOf(to)];
  return own < 0 || other < 0 || other < own;
}

test("every folder of src has its layer", () => {
  expect(FILES.length).toBeGreaterThan(50);
  expect(FILES.filter((file) => layerOf(file) < 0)).toEqual([]);
});

test("imports point down the list of layers only, and never into the tests", async () => {
  const imports = await importsOf(["src/main.ts", ...FILES]);
  expect(imports.length).toBeGreaterThan(FILES.length);
  const wrong = imports.filter(upward).map(({ from, to }) => `${from} imports ${to}`);
  expect(wrong).toEqual([]);
}, 120_000);

test("an import that points up is found", () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["src/model/a.ts", "src/io/clock.ts", true],
    ["src/te/a.ts", "src/sr/labels.ts", true],
    ["src/api/app.ts", "src/cli/x.ts", true],
    ["src/api/app.ts", "test/fixtures/router.ts", true],
    ["src/elsewhere/x.ts", "src/model/a.ts", true],
    ["src/cli/status.ts", "src/lab/lab.ts", true],
    ["src/cli/lab_up.ts", "src/lab/lab.ts", false],
    ["src/sr/a.ts", "src/te/b.ts", false],
    ["src/io/a.ts", "src/io/b.ts", false],
  ];
  for (const [from, to, wrong] of cases) {
    expect([from, to, upward({ from, to })]).toEqual([from, to, wrong]);
  }
});

/** Reads of a clock; `new Date(x)` with an argument only converts. */
const CLOCK = /\bDate\.now\b|\bperformance\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)/;

test("one file reads a clock; everything else is handed the time", () => {
  const readers = FILES.filter((file) => {
    const code = readFileSync(resolve(ROOT, file), "utf8")
      .replaceAll(/\/\*.*?\*\//gs, "").replaceAll(/(^|\s)\/\/.*$/gm, "");
    return CLOCK.test(code);
  });
  expect(readers).toEqual(["src/io/clock.ts"]);
});
