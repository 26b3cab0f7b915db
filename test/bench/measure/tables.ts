/**
 * The engine with deep stacks and large tables: datagrams of 100 bytes a second. Flows spread over
 * the table, so that it is looked through and not one entry of it over and over.
 */

import type { LabelEntry, Rule, SegmentList, Table } from "../../../src/model/boundary.ts";
import { SERVICE } from "../../lab/engine/tables.ts";
import { type Change, engine } from "../peers/engine.ts";
import type { Measurement } from "./sample.ts";
import { measureRate } from "./udp.ts";

const BYTES = 100;
const SECONDS = 25;
const LABEL_BYTES = 4;
/** RFC 9017: below are the special-purpose labels. */
const FIRST_LABEL = 16;
const LABELS = 1 << 20;
/** As many source ports. */
const FLOWS = 256;
/** Lists of one path, each by a label of its own: flows spread over them. */
const LISTS = 32;
/** In its first addresses lie the prefixes of the scenarios, 16 addresses each. */
const FAR = { prefix: "11.0.0.0/8", first: 11 * 2 ** 24, size: 16 };

/** A stack of `depth`: above the segment's label b's own ones, which b pops one by one. */
export function stackDepth(name: string, depth: number): Measurement {
  const above = Array.from({ length: depth - 1 }, (_, index) => 16_000 + index);
  return measurement(
    name,
    (table, gateway) =>
      gateway === "a"
        ? withLists(table, [above])
        : withLabels(table, above.map((label) => ({ label, accept: [0], action: "pop" }))),
    {},
  );
}

/** So many labels at b, of which packets carry 32 that lie far apart. */
export function manyLabels(name: string, count: number): Measurement {
  const labels: number[] = [];
  // Even distances, as far as there are labels.
  const step = Math.max(1, Math.floor((LABELS - FIRST_LABEL) / count));
  for (let label = FIRST_LABEL; label < LABELS && labels.length < count; label += step) {
    if (label !== SERVICE) labels.push(label);
  }
  const used = Array.from({ length: LISTS }, (_, index) => {
    return labels[Math.floor(index * labels.length / LISTS)] ?? FIRST_LABEL;
  });
  return measurement(
    name,
    (table, gateway) =>
      gateway === "a"
        ? withLists(table, used.map((label) => [label]))
        : withLabels(table, labels.map((label) => ({ label, accept: [0], action: "pop" }))),
    {
      flows: FLOWS,
    },
  );
}

/** So many prefixes at a, of which packets go to 256 that lie far apart. */
export function manyPrefixes(name: string, count: number): Measurement {
  const stride = Math.floor(count / FLOWS) * FAR.size;
  return measurement(name, (table, gateway) => withPrefixes(table, gateway, count), {
    flows: FLOWS,
    stride,
    address: address(FAR.first + 1),
    far: FAR.prefix,
  });
}

/** So many policies at a before the one that decides: none of them matches. */
export function manyPolicies(name: string, count: number): Measurement {
  return measurement(
    name,
    (table, gateway) => gateway === "a" ? withPolicies(table, count) : table,
    { flows: FLOWS },
  );
}

interface Traffic {
  readonly flows?: number;
  readonly stride?: number;
  readonly address?: string;
  readonly far?: string;
}

function measurement(name: string, change: Change, { far, ...traffic }: Traffic): Measurement {
  return {
    topology: "direct",
    seconds: SECONDS,
    stand: () => engine(change, far),
    measure: (stage) => measureRate(stage, name, BYTES, traffic),
  };
}

/** One path of equal lists, each with these labels above the segment's. */
function withLists(table: Table, stacks: readonly (readonly number[])[]): Table {
  const [list] = table.lists;
  if (list === undefined) throw new TypeError("The table has no list");
  const lists = stacks.map((labels, index): SegmentList => ({
    ...list,
    key: `${list.key} ${index}`,
    labels: [...labels],
    mtu: list.mtu - labels.length * LABEL_BYTES,
  }));
  const mtu = Math.min(...lists.map((each) => each.mtu));
  return {
    ...table,
    lists,
    paths: table.paths.map((path) => ({ ...path, lists: lists.map((_, index) => index) })),
    segments: table.segments.map((segment) => ({ ...segment, mtu })),
  };
}

function withLabels(table: Table, entries: readonly LabelEntry[]): Table {
  const labels = [...table.labels, ...entries].sort((one, other) => one.label - other.label);
  return { ...table, labels };
}

function withPrefixes(table: Table, gateway: "a" | "b", count: number): Table {
  const prefixes = Array.from({ length: count }, (_, index) => ({
    prefix: `${address(FAR.first + index * FAR.size)}/28`,
    steering: 0,
  }));
  return {
    ...table,
    segments: table.segments.map((segment) =>
      gateway === "a"
        ? { ...segment, routes: [...segment.routes, ...prefixes] }
        : { ...segment, local: [...segment.local, FAR.prefix] }
    ),
  };
}

function withPolicies(table: Table, count: number): Table {
  const rules = Array.from({ length: count }, (_, index): Rule => ({
    policy: `policy-${index}`,
    matches: {
      source: null,
      // Documentation's block (RFC 5737): nothing here goes there.
      destination: `192.0.2.${index % 256}/32`,
      dscp: null,
      protocol: 17,
      source_ports: [],
      destination_ports: [[10_000 + index, 10_000 + index]],
    },
    verdict: "drop",
  }));
  return {
    ...table,
    segments: table.segments.map((segment) => ({
      ...segment,
      steerings: segment.steerings.map((steering) => ({ ...steering, rules })),
    })),
  };
}

function address(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}
