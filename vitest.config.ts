import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    alias: {
      "@std/cli": "deno-std/cli/parse_args.js",
      "@std/yaml": "deno-std/yaml/mod.js",
    },
  },
  test: {
    pool: "forks",
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["test/**/*.test.ts"], exclude: ["test/lab/**"] },
      },
      {
        // Whole networks with probes and failovers timed in milliseconds: one after the other, and
        // not beside the rest.
        extends: true,
        test: {
          name: "lab",
          include: ["test/lab/**/*.test.ts"],
          fileParallelism: false,
          maxWorkers: 1,
          // A shared machine may stall for a second; a fault of ours fails twice.
          retry: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
