import { expect, test } from "vitest";
import { parseNetwork } from "../../../src/config/mod.ts";
import { network } from "../../bench/peers/labelway.ts";
import { plainNetwork } from "../../bench/peers/plain.ts";
import { gatewaysOf, layOut, underlays, underlaysOf, uplinkOf } from "../../bench/topology.ts";

const TOPOLOGIES = ["direct", "transit"] as const;

test.each(TOPOLOGIES)("%s: each veth joins two devices that exist once", (topology) => {
  const { veths, nodes } = layOut(topology, "x");
  const ends = veths.flatMap(({ a, b }) => [a, b]).map(({ namespace, device }) =>
    `${namespace} ${device}`
  );
  expect(new Set(ends).size).toBe(ends.length);
  const namespaces = nodes.map(({ namespace }) => namespace);
  for (const end of ends) expect(namespaces).toContain(end.split(" ")[0]);
  for (const { namespace, setup } of nodes) {
    for (const line of setup) {
      const device = /^link set (\S+) mtu 1500 up$/.exec(line)?.[1];
      if (device !== undefined) expect(ends).toContain(`${namespace} ${device}`);
    }
  }
});

test.each(TOPOLOGIES)("%s: neighbours name each other", (topology) => {
  for (const { gateway, address, neighbour, neighbourAddress } of underlays(topology)) {
    const back = underlaysOf(topology, neighbour).find((other) => other.neighbour === gateway);
    expect(back).toMatchObject({ address: neighbourAddress, neighbourAddress: address });
  }
});

test("through t, a and b have no underlay to each other", () => {
  expect(uplinkOf("transit", "a").neighbour).toBe("t");
  expect(uplinkOf("transit", "b").neighbour).toBe("t");
});

const FILES = TOPOLOGIES.flatMap((topology) =>
  [network, plainNetwork].map((file) => [topology, file.name, file] as const)
);

test.each(FILES)("%s: the file of %s is right but for the keys", (topology, _, file) => {
  const text = file(topology, gatewaysOf(topology));
  const { network: parsed, problems, warnings } = parseNetwork(text, "network.yaml", {
    allowMissingKeys: true,
  });
  expect(problems ?? []).toEqual([]);
  expect(warnings).toEqual([]);
  const names = parsed?.sites.map(({ name }) => name);
  expect(names).toEqual(gatewaysOf(topology).toSorted());
});
