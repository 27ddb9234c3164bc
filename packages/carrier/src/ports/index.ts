import type { DiskJob, DiskResult } from "./disk.ts";
import type { NetEffect, NetEvent } from "./net.ts";
import type { StateJob, StateResult } from "./state.ts";

export * from "./disk.ts";
export * from "./net.ts";
export * from "./state.ts";

/** What a host tells the carrier. */
export type HostEvent =
  | NetEvent
  | { readonly type: "disk"; readonly results: readonly DiskResult[] }
  | { readonly type: "state"; readonly results: readonly StateResult[] }
  /** The machine slept, or its calendar moved against its monotonic clock. */
  | { readonly type: "time-jumped" }
  | { readonly type: "address-changed" }
  | { readonly type: "wake" };

/** What a carrier asks of its host. */
export type HostEffect =
  | NetEffect
  | { readonly type: "disk"; readonly jobs: readonly DiskJob[] }
  | { readonly type: "state"; readonly jobs: readonly StateJob[] };
