/**
 * What of a site's risks can make a difference to the ways from it and to it: which of its uplinks
 * share one, and which are the risks of sites that ways pass. The names of the others do not matter,
 * unless both ends of a way have one.
 */

import type { Risks } from "./risk.ts";
import type { View } from "./shortest_path.ts";

export class RiskPatterns {
  /** By site: equal where the risks are the same but for names that do not matter. */
  readonly of: Int32Array;
  /** By site: risks that several sites have, none of which may be passed; undefined: none. */
  readonly #ends: (ReadonlySet<number> | undefined)[] = [];

  constructor({ topology, transit }: View, risks: Risks) {
    const sites = topology.sites.length;
    this.of = new Int32Array(sites);
    const passed = risks.sharers.map((sharers) => sharers.some((one) => transit[one >> 3] === 1));
    const known = new Map<string, number>([["", 0]]);
    for (let site = 0; site < sites && risks.sharers.length > 0; site++) {
      const pattern = patternOf(site, risks, passed);
      if (!known.has(pattern)) known.set(pattern, known.size);
      this.of[site] = known.get(pattern)!;
      const ends = risksAt(site, risks).filter((risk) =>
        !passed[risk] && risks.sharers[risk]!.some((one) => one >> 3 !== site)
      );
      if (ends.length > 0) this.#ends[site] = new Set(ends);
    }
  }

  /** Have two sites a risk in common that nobody in between can have? */
  meet(a: number, b: number): boolean {
    const [one, other] = [this.#ends[a], this.#ends[b]];
    return one !== undefined && other !== undefined && !one.isDisjointFrom(other);
  }
}

/** Risks that others have by their number, the site's own by the order in which they come up. */
function patternOf(
  site: number,
  { set, sets, sharers }: Risks,
  passed: readonly boolean[],
): string {
  const own = new Map<number, number>();
  const uplinks: string[] = [];
  for (let uplink = site * 8; uplink < site * 8 + 8; uplink++) {
    const words = sets[set[uplink]!]!.flatMap((risk) => {
      if (passed[risk]) return [`${risk}`];
      // At one uplink alone, and nowhere that is passed: it separates nothing.
      if (sharers[risk]!.filter((one) => one >> 3 === site).length === 1) return [];
      if (!own.has(risk)) own.set(risk, own.size);
      return [`own${own.get(risk)}`];
    });
    uplinks.push(words.join());
  }
  return uplinks.every((words) => words === "") ? "" : uplinks.join(";");
}

function risksAt(site: number, { set, sets }: Risks): number[] {
  return Array.from({ length: 8 }, (_, uplink) => sets[set[site * 8 + uplink]!]!).flat();
}
