import type { RouterState } from "../ports/router_view.ts";
import type { Configuration } from "./event.ts";

/** What runs now: of the state that others see, all that is not read from the configuration. */
export interface Running extends
  Pick<
    RouterState,
    | "table"
    | "candidates"
    | "appliedAt"
    | "lastReload"
    | "warnings"
    | "missingDevices"
    | "rollout"
  > {
  readonly configuration: Configuration;
}
