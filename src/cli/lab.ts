/** `labelway lab …`: a whole network on one machine. */

import type { Group } from "./command.ts";

export const lab: Group = {
  name: "lab",
  summary: "Run a whole network on this machine, in network namespaces",
  commands: {
    up: async () => (await import("./lab_up.ts")).labUp,
    down: async () => (await import("./lab_down.ts")).labDown,
    status: async () => (await import("./lab_status.ts")).labStatus,
    exec: async () => (await import("./lab_exec.ts")).labExec,
    impair: async () => (await import("./lab_impair.ts")).labImpair,
    restart: async () => (await import("./lab_restart.ts")).labRestart,
    import: async () => (await import("./lab_import.ts")).labImport,
    names: async () => (await import("./lab_names.ts")).labNames,
    demo: async () => (await import("./lab_demo.ts")).labDemo,
  },
};
