import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    alias: {
      "@std/cli": "deno-std/cli/parse_args.js",
      "@std/yaml": "deno-std/yaml/mod.js",
    },
  },
  test: { pool: "forks", include: ["test/**/*.test.ts"] },
});
