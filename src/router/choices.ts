/** What is chosen among, as the selection takes it: from the file alone. */

import type { Network } from "../model/network.ts";
import type { CandidatePath } from "../model/path.ts";
import type { SloClass } from "../model/slo.ts";
import { choiceKey, type Survey } from "../sr/survey.ts";
import { between, gradeNumber, isLastResort } from "../te/grade.ts";
import type { Ways } from "../te/select/blame.ts";
import { hopName } from "../te/expected.ts";
import type { Measurable } from "../te/select/news.ts";
import { ratesOf, weightsOf } from "../te/rates.ts";
import type { Apart, Choice } from "../te/select/rank.ts";
import { adjacencyKey } from "../te/topology.ts";

/** One for each policy and egress that it may send to, and one an egress for the rest. */
export function choicesOf(surveyed: Survey): Choice[] {
  const rates = ratesOf(surveyed.network);
  return [...surveyed.choices].flatMap(([key, choice]): Choice[] => {
    if (choice.kind === "drop") return [];
    const { policy, paths, grades, egress } = choice;
    const apart = policy?.disjointFrom === undefined
      ? undefined
      : apartFrom(surveyed, paths, choiceKey(policy.disjointFrom, egress));
    const weights = weightsOf(paths, rates);
    return [{
      key,
      class: classOf(surveyed.network, policy),
      candidates: paths.map((path) => {
        const grade = grades.get(path.key)!;
        return {
          path: path.key,
          cost: path.cost,
          labels: path.labels.length,
          preference: gradeNumber(grade),
          resort: isLastResort(grade) ? "last" : "always",
          weight: weights.get(path.key)!,
        };
      }),
      balance: policy?.balance ?? false,
      ...(apart && { apart }),
    }];
  });
}

/** Of what no policy matches, the network's own. */
export function classOf(
  { defaultClass }: Network,
  policy: { readonly class: SloClass } | null,
): SloClass {
  return policy?.class ?? defaultClass;
}

/** The adjacencies of each path. */
export function waysOf({ choices }: Survey): Ways {
  const ways = new Map<string, readonly string[]>();
  for (const choice of choices.values()) {
    if (choice.kind === "drop") continue;
    for (const { key, hops } of choice.paths) {
      if (!ways.has(key)) ways.set(key, hops.map(hopName));
    }
  }
  return (path) => ways.get(path) ?? [];
}

/** Every path of a choice, once. */
export function measurables(surveyed: Survey): Measurable[] {
  const rates = ratesOf(surveyed.network);
  const found = new Map<string, Measurable>();
  for (const choice of surveyed.choices.values()) {
    if (choice.kind === "drop") continue;
    for (const { key, hops } of choice.paths) {
      if (found.has(key)) continue;
      found.set(key, {
        key,
        adjacency: adjacencyKey(hops[0]!),
        bandwidthBitsPerSecond: rates({ hops }),
      });
    }
  }
  return [...found.values()];
}

function apartFrom(
  surveyed: Survey,
  paths: readonly CandidatePath[],
  from: string,
): Apart | undefined {
  const other = surveyed.choices.get(from);
  if (other?.kind !== "paths") return undefined;
  const things = thingsOf(surveyed.network);
  const shared = new Map(paths.map((path) => {
    const own = things(path);
    const common = other.paths.map((one) => [one.key, own.intersection(things(one)).size] as const);
    return [path.key, new Map(common)];
  }));
  return { from, shared };
}

/**
 * What fails under a path: the uplinks at both ends of each hop, their risks, and the sites in
 * between.
 */
function thingsOf({ sites }: Network): (path: CandidatePath) => Set<string> {
  const risks = new Map<string, string[]>(
    sites.flatMap((site) =>
      site.uplinks.map(({ name, risks = [] }) =>
        // The space keeps them apart from sites of the same name.
        [`${site.name}.${name}`, risks.map((risk) => `risk ${risk}`)] as const
      )
    ),
  );
  return (path) => {
    const uplinks = path.hops.flatMap(({ from, to }) => [from, to])
      .map(({ site, uplink }) => `${site}.${uplink}`);
    return new Set([...uplinks, ...uplinks.flatMap((one) => risks.get(one)!), ...between(path)]);
  };
}
