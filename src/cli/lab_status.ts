/** `labelway lab status`. */

import { findPlace } from "../lab/folder.ts";
import { formatImpairment } from "../lab/impairment.ts";
import { type LabStatus, type NodeStatus, readStatus } from "../lab/status.ts";
import { type Command, type Io } from "./command.ts";
import { TOPOLOGY } from "./lab_up.ts";
import { outputOptions, show, watchOption } from "./output.ts";
import { formatBytes, formatCount } from "./quantity.ts";
import { type Cell, renderPairs, renderTable } from "./table.ts";

export const labStatus: Command = {
  name: "status",
  summary: "Show a lab's nodes, routers, and links with what they do to packets",
  options: { ...outputOptions, ...watchOption },
  positional: [TOPOLOGY],
  examples: [["lab status config/lab/four-sites.yaml --watch 1", "Again each second"]],
  run: async (args, io) => {
    const place = await findPlace(args.positional[0] ?? "");
    return await show(args, io, () => readStatus(place), (status) => renderStatus(status, io));
  },
};

export function renderStatus(status: LabStatus, io: Pick<Io, "columns" | "color">): string {
  const running: Cell = status.emulator.running
    ? status.emulator.kind
    : { text: `${status.emulator.kind} has ended`, tone: "bad" };
  const head = renderPairs([
    ["lab", status.lab],
    ["folder", status.folder],
    ["links by", running],
  ], io);
  return [head, renderNodes(status.nodes, io), renderLinks(status, io)].join("\n\n");
}

function renderNodes(nodes: readonly NodeStatus[], io: Pick<Io, "columns" | "color">): string {
  const columns = [
    { title: "NODE" },
    { title: "KIND" },
    { title: "NAMESPACE" },
    { title: "ROUTER" },
    { title: "PID", right: true },
    { title: "WIREGUARD" },
    { title: "ADJACENCIES", right: true },
    { title: "HTTP SOCKET", shrinks: true },
  ];
  const rows = nodes.map(({ node, kind, namespace, router }): Cell[] => {
    if (router === null) return [node, kind, namespace];
    const good = router.state === "running";
    return [
      node,
      kind,
      namespace,
      { text: router.state, tone: good ? "good" : router.pid === null ? "quiet" : "bad" },
      router.pid === null ? "" : String(router.pid),
      router.wireguard,
      router.adjacencies === null ? "" : `${router.adjacencies.up} of ${router.adjacencies.all}`,
      good ? router.socket : "",
    ];
  });
  return renderTable(columns, rows, io);
}

/** A line a direction: many uplinks are slower one way. */
export function renderLinks(
  { links }: Pick<LabStatus, "links">,
  io: Pick<Io, "columns" | "color">,
): string {
  const columns = [
    { title: "LINK" },
    { title: "DIRECTION" },
    { title: "BEHAVIOUR" },
    { title: "PACKETS", right: true },
    { title: "BYTES", right: true },
    { title: "LOST", right: true },
  ];
  const rows = links.flatMap(({ link, up, down }) =>
    ([["up", up], ["down", down]] as const).map(([direction, { impairment, counters }]): Cell[] => {
      const behaviour = formatImpairment(impairment);
      return [
        link,
        direction,
        impairment.cut ? { text: behaviour, tone: "bad" } : behaviour,
        formatCount(counters.packets),
        formatBytes(counters.bytes),
        formatCount(counters.dropped),
      ];
    })
  );
  return renderTable(columns, rows, io);
}
