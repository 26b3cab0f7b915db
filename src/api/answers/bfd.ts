import type { BfdState } from "../../model/boundary.ts";
import type { Adjacencies } from "../schema.ts";

/** By code (RFC 5880 §4.1). */
const DIAGNOSTICS = [
  "no diagnostic",
  "control detection time expired",
  "echo function failed",
  "neighbor signaled session down",
  "forwarding plane reset",
  "path down",
  "concatenated path down",
  "administratively down",
  "reverse concatenated path down",
];

export function bfdAnswer(bfd: BfdState): Adjacencies["adjacencies"][number]["bfd"] {
  return {
    state: bfd.state,
    diagnostic: diagnosticText(bfd.diagnostic),
    remoteState: bfd.remote_state,
    remoteDiagnostic: diagnosticText(bfd.remote_diagnostic),
    transmitMicros: bfd.transmit_micros,
    detectionMicros: bfd.detection_micros,
    sent: bfd.sent,
    received: bfd.received,
    discarded: bfd.discarded,
  };
}

export function diagnosticText(code: number): string {
  return DIAGNOSTICS[code] ?? `diagnostic ${code}`;
}
