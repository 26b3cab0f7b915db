/** `labelway drops`. */

import type { Drops } from "../api/schema.ts";
import { connect, socketOption } from "./client.ts";
import type { Command, Io } from "./command.ts";
import { outputOptions, show, watchOption } from "./output.ts";
import { formatCount } from "./quantity.ts";
import { renderTable } from "./table.ts";

export const drops: Command = {
  name: "drops",
  summary: "Show how many packets were dropped, by reason",
  options: {
    ...outputOptions,
    ...watchOption,
    ...socketOption,
    all: { kind: "flag", short: "a", help: "Reasons that never occurred as well" },
  },
  positional: [],
  examples: [["drops", "What occurred"], ["drops --all", "Every reason that there is"]],
  run: async (args, io) => {
    const client = connect(args, io);
    return await show(
      args,
      io,
      () => client.get<Drops>("/v1/drops"),
      (value) => renderDrops(value, io, args.flag("all")),
    );
  },
};

export function renderDrops(
  value: Drops,
  io: Pick<Io, "columns" | "color">,
  all = false,
): string {
  const shown = value.drops.filter(({ packets }) => all || packets > 0);
  if (shown.length === 0) return "Nothing was dropped.";
  const columns = [{ title: "REASON" }, { title: "PACKETS", right: true }];
  const rows = shown.map(({ reason, packets }) => [reason, formatCount(packets)]);
  const packets = value.total === 1 ? "packet" : "packets";
  return `${renderTable(columns, rows, io)}\n\n${formatCount(value.total)} ${packets} in all.`;
}
