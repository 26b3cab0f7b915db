import { describe, expect, test } from "vitest";
import type { Arguments } from "../../../src/cli/arguments.ts";
import { type Command, Failure, type Program } from "../../../src/cli/command.ts";
import { dispatch } from "../../../src/cli/dispatch.ts";
import { PROGRAM } from "../../../src/cli/program.ts";
import { FakeIo } from "./fake_io.ts";

let seen: Arguments | undefined;

const paint: Command = {
  name: "paint",
  summary: "Paint a wall",
  options: {
    color: { kind: "text", value: "COLOR", short: "c", choices: ["red", "green"], help: "Which" },
    coats: { kind: "number", least: 1, help: "How many" },
    watch: { kind: "number", short: "w", bare: 2, least: 0.1, help: "Again" },
    tool: { kind: "list", value: "TOOL", help: "With what" },
    "no-primer": { kind: "flag", help: "Straight on the wall" },
    quiet: { kind: "flag", short: "q", help: "Say nothing" },
  },
  positional: [
    { name: "WALL", help: "Which wall" },
    { name: "SIDE", help: "Which side", optional: true, choices: ["in", "out"] },
  ],
  rest: { name: "COMMAND…", help: "What to run after" },
  examples: [["paint north -c red", "In red"]],
  run: (args) => {
    seen = args;
    if (args.flag("quiet")) throw new Failure(["No paint.", "Buy some."]);
    return Promise.resolve(0);
  },
};

const program: Program = {
  name: "house",
  version: "1.2.3",
  summary: "A house.",
  commands: {
    paint: () => Promise.resolve(paint),
    roof: () =>
      Promise.resolve({
        name: "roof",
        summary: "Work on the roof",
        commands: { paint: () => Promise.resolve(paint) },
      }),
  },
};

async function run(...words: string[]) {
  seen = undefined;
  const io = new FakeIo();
  const code = await dispatch(program, words, io);
  return { code, io, out: io.text, err: io.errors.join("\n") };
}

describe("words become arguments", () => {
  test("of every kind, in any order", async () => {
    const { code } = await run(
      ..."paint --color=red north -q --coats 3 --tool brush --tool=roller out".split(" ").filter((
        word,
      ) => word !== "-q"),
      "--no-primer",
      "--",
      "ls",
      "--color",
    );
    expect(code).toBe(0);
    expect(seen?.positional).toEqual(["north", "out"]);
    expect(seen?.text("color")).toBe("red");
    expect(seen?.number("coats")).toBe(3);
    expect(seen?.list("tool")).toEqual(["brush", "roller"]);
    expect(seen?.flag("no-primer")).toBe(true);
    expect(seen?.number("watch")).toBeUndefined();
    expect(seen?.rest).toEqual(["ls", "--color"]);
  });

  test("a word that looks like a number stays a word", async () => {
    await run("paint", "007");
    expect(seen?.positional).toEqual(["007"]);
  });

  test("--watch takes a number if one follows, and no other word", async () => {
    await run("paint", "--watch", "north");
    expect([seen?.number("watch"), seen?.positional]).toEqual([2, ["north"]]);
    await run("paint", "-w", "0.5", "north");
    expect([seen?.number("watch"), seen?.positional]).toEqual([0.5, ["north"]]);
    await run("paint", "north", "--watch=7");
    expect(seen?.number("watch")).toBe(7);
    await run("paint", "north", "-w");
    expect(seen?.number("watch")).toBe(2);
  });

  test("an option that the command does not declare is a fault of the program", async () => {
    await run("paint", "north");
    expect(() => seen?.text("colour")).toThrow("declares no option colour");
  });
});

describe("the command line is wrong: exit code 2", () => {
  test.each([
    [["pain"], "There is no command pain; did you mean paint?"],
    [["quux"], "There is no command quux; accepted here: paint, roof"],
    [["roof", "piant"], "There is no command piant; did you mean paint?"],
    [["constructor"], "There is no command constructor"],
    [["--verison"], "There is no option --verison; did you mean --version?"],
    [["rfo"], "There is no command rfo; accepted here: paint, roof"],
    [["rof"], "There is no command rof; did you mean roof?"],
    [["paint", "north", "--colro", "red"], "There is no option --colro; did you mean --color?"],
    [["paint", "north", "--color"], "Option --color needs a value: --color COLOR"],
    [["paint", "north", "-c", "reed"], "accepted is one of red, green; did you mean red?"],
    [["paint", "north", "--coats", "0"], "accepted is a number of at least 1"],
    [["paint", "north", "--coats", "many"], "Option --coats is many"],
    [["paint", "north", "-c", "red", "-c", "green"], "Option --color is given 2 times"],
    [["paint", "north", "-c"], "needs a value: --color COLOR, one of red, green"],
    [["paint", "north", "--watch", "-1"], "Option --watch is -1; accepted is a number"],
    [["paint", ""], "WALL is empty: Which wall"],
    [["paint"], "WALL is missing: Which wall"],
    [["paint", "north", "up"], "SIDE is up; accepted is one of in, out"],
    [["paint", "north", "in", "more"], "Too many arguments: more; accepted is WALL SIDE"],
  ])("%j", async (words, message) => {
    const { code, err, out } = await run(...words);
    expect(err).toContain(message);
    expect(err).toContain("--help` says what is accepted");
    expect([code, out, seen]).toEqual([2, "", undefined]);
  });

  test("all problems are told at once", async () => {
    const { err } = await run("paint", "--coats", "x", "--colour", "red");
    expect(err).toContain("--coats is x");
    expect(err).toContain("--colour; did you mean --color?");
    expect(err).toContain("WALL is missing");
  });

  test("no words at all", async () => {
    const { code, out, err } = await run();
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("Usage: house COMMAND");
  });
});

test("a failure is printed without a stack: exit code 1", async () => {
  const { code, io } = await run("paint", "north", "-q");
  expect(code).toBe(1);
  expect(io.errors).toEqual(["No paint.", "Buy some."]);
});

test("a pipe whose reader has gone ends the program quietly", async () => {
  const io = new FakeIo();
  io.out = () => {
    throw new Deno.errors.BrokenPipe("pipe");
  };
  expect(await dispatch(program, ["--version"], io)).toBe(0);
  expect(io.errors).toEqual([]);
});

test("help is made from what the commands declare", async () => {
  expect((await run("--version")).out).toBe("house 1.2.3");
  expect((await run("help", "roof")).out).toContain("Usage: house roof COMMAND");
  const { code, out } = await run("roof", "paint", "--help", "--nonsense");
  expect(code).toBe(0);
  expect(out).toMatchInlineSnapshot(`
    "Paint a wall.

    Usage: house roof paint [options] WALL [SIDE] -- COMMAND…

    Arguments:
      WALL  Which wall
      SIDE  Which side (in, out)
      COMMAND…  What to run after

    Options:
      -c, --color COLOR     Which (red, green)
          --coats NUMBER    How many
      -w, --watch [NUMBER]  Again
          --tool TOOL       With what
          --no-primer       Straight on the wall
      -q, --quiet           Say nothing
      -h, --help            Print this

    Examples:
      house paint north -c red  In red"
  `);
});

test("every command has a summary, help and an example that it understands itself", async () => {
  const check = async (registry: Program["commands"], path: string) => {
    for (const [name, load] of Object.entries(registry)) {
      const found = await load();
      expect([path, found.name]).toEqual([path, name]);
      expect(found.summary).toMatch(/^[A-Z].*[^.]$/);
      if ("commands" in found) {
        await check(found.commands, `${path}${name} `);
        continue;
      }
      expect([name, found.examples.length > 0]).toEqual([name, true]);
      for (const [line] of found.examples) expect(line).toMatch(new RegExp(`^${path}${name}\\b`));
      const io = new FakeIo();
      expect(await dispatch(PROGRAM, [...path.split(" "), name, "--help"].filter(Boolean), io))
        .toBe(0);
      expect(io.text).toContain(`Usage: labelway ${path}${name}`);
      const [about = ""] = io.text.split("\n\nExamples:");
      for (const line of about.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
    }
  };
  await check(PROGRAM.commands, "");
});
