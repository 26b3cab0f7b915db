import { expect, test } from "vitest";
import { statusAnswer } from "../../../src/api/answers/status.ts";
import { measured, observe } from "../../../src/api/observation.ts";
import { FIXTURE_FILE, FixtureRouter } from "../../fixtures/router.ts";

test("a neighbour that shares no segment counts as reachable while its adjacency is up", () => {
  const file = FIXTURE_FILE.replace("    lans:\n      office: [10.1.0.0/24]\n", "");
  const observation = observe(new FixtureRouter("lisbon", file));
  const toHub = observation.state.candidates.filter(({ egress }) => egress === "hub");
  const direct = toHub.find(({ key }) => key === "fibre>hub.fibre")!;
  expect(observation.listIndex.has(direct.key)).toBe(false);
  expect(measured(observation, direct)).toMatchObject({ quality: { state: "up" }, reason: null });
  const status = statusAnswer(observation);
  expect(status.sites).toEqual({ total: 2, reachable: 2 });
  expect(status.paths.up).toBe(status.paths.total);
});
