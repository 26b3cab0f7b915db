import { describe, expect, test } from "vitest";
import { compile } from "../../../src/sr/compile.ts";
import {
  adjacencyLabel,
  describeLabel,
  firewallMark,
  interfaceName,
  labelMeaning,
  nodeLabel,
  routingTable,
  serviceLabel,
  tunName,
  tunnelAddress,
} from "../../../src/sr/labels.ts";
import type { SegmentNumber, Sid, UplinkNumber } from "../../../src/model/quantity.ts";
import { toNetwork } from "../te/random_network.ts";

const uplink = { number: 0, color: "internet", endpoint: true, metered: false, cost: 1, mtu: 1500 };
const network = toNetwork({
  sites: [1, 2].map((sid) => ({
    sid,
    transit: true,
    uplinks: [uplink, { ...uplink, number: 3 }],
    segments: [1],
  })),
  meet: [],
  penultimate: "pop",
  policies: [],
});
const { blocks } = network;

describe("labels", () => {
  test("follow from numbers and lead back to them", () => {
    expect(nodeLabel(blocks, 7 as Sid)).toBe(16007);
    expect(serviceLabel(blocks, 4 as SegmentNumber)).toBe(28004);
    expect(adjacencyLabel(blocks, 2 as Sid, 3, 1)).toBe(100000 + (2 * 8 + 3) * 8 + 1);
    expect(labelMeaning(blocks, 16007)).toEqual({ kind: "node", sid: 7 });
    expect(labelMeaning(blocks, 28004)).toEqual({ kind: "service", segment: 4 });
    expect(labelMeaning(blocks, 100153)).toEqual({
      kind: "adjacency",
      remote: 2,
      local: 3,
      remoteUplink: 1,
    });
    expect([15999, 24000, 27999, 32000, 99999, 612000].map((one) => labelMeaning(blocks, one).kind))
      .toEqual(Array(6).fill("unknown"));
  });

  test("of one network never meet: each entry's meaning is that of its action", () => {
    for (const entry of compile(network, "site1", "embedded").table.labels) {
      const kind = entry.action === "pop" ? "node" : "deliver" in entry.action ? "service" : null;
      const meaning = labelMeaning(blocks, entry.label).kind;
      expect(kind === null ? ["node", "adjacency"] : [kind]).toContain(meaning);
    }
  });

  test("are described in the words of the file", () => {
    const words = (label: number, at?: string) => describeLabel(network, label, at);
    expect(words(0)).toBe("explicit null");
    expect(words(16002)).toBe("node SID site2");
    expect(words(16009)).toBe("node SID of unknown site 9");
    expect(words(28001)).toBe("segment segment1");
    expect(words(28009)).toBe("unknown segment 9");
    expect(words(100000 + (2 * 8 + 3) * 8, "site1")).toBe("adjacency SID site1.up3 > site2.up0");
    expect(words(100000 + (2 * 8 + 3) * 8)).toBe("adjacency SID uplink 3 > site2.up0");
    expect(words(100000 + (9 * 8 + 3) * 8 + 1, "site1")).toBe(
      "adjacency SID site1.up3 > unknown site 9.uplink 1",
    );
    expect(words(50)).toBe("outside every block");
  });
});

describe("names and addresses", () => {
  test("follow from numbers", () => {
    expect(tunnelAddress(network, 1 as Sid, 0 as UplinkNumber)).toBe("100.96.0.8");
    expect(tunnelAddress(network, 8000 as Sid, 7 as UplinkNumber)).toBe("100.96.250.7");
    expect(tunnelAddress(network, 100_000 as Sid, 1 as UplinkNumber)).toBe("100.108.53.1");
    expect(firewallMark({ number: 3 as UplinkNumber })).toBe(0x4c570003);
    expect(routingTable({ number: 3 as UplinkNumber })).toBe(19543003);
  });

  test("fit 15 bytes, and cut no character in two", () => {
    expect(interfaceName({ number: 0 as UplinkNumber, name: "fibre" })).toBe("lw-0-fibre");
    expect(interfaceName({ number: 7 as UplinkNumber, name: "leased-line-west" })).toBe(
      "lw-7-leased-lin",
    );
    expect(tunName({ number: 12 as SegmentNumber, name: "office" })).toBe("lws12-office");
    expect(tunName({ number: 12 as SegmentNumber, name: "bürobürobüro" })).toBe("lws12-bürobür");
  });
});
