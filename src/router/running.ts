import type { Table } from "../model/boundary.ts";
import type { CandidatePath } from "../model/path.ts";
import type { Instant } from "../model/quantity.ts";
import type { ReloadResult } from "../ports/router_view.ts";
import type { Configuration } from "./event.ts";

/** What runs now. */
export interface Running {
  readonly configuration: Configuration;
  readonly table: Table;
  readonly candidates: readonly CandidatePath[];
  readonly appliedAt: Instant;
  readonly lastReload: ReloadResult | null;
  readonly warnings: readonly string[];
  readonly missingDevices: readonly string[];
}
