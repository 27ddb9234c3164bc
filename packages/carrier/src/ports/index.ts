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
  /** The verdict on a `verify-signature`. */
  | { readonly type: "signature"; readonly job: number; readonly good: boolean }
  /** The machine slept, or its calendar moved against its monotonic clock. */
  | { readonly type: "time-jumped" }
  | { readonly type: "address-changed" }
  | { readonly type: "wake" };

/** What a carrier asks of its host. */
export type HostEffect =
  | NetEffect
  | { readonly type: "disk"; readonly jobs: readonly DiskJob[] }
  | { readonly type: "state"; readonly jobs: readonly StateJob[] }
  /**
   * ed25519 over `message`: 32 bytes of key, 64 of signature. Answered by a `signature`, in a turn of its own. A host that is
   * asked for more than it can do answers that it is not good.
   */
  | {
      readonly type: "verify-signature";
      readonly job: number;
      readonly publicKey: Uint8Array;
      readonly signature: Uint8Array;
      readonly message: Uint8Array;
    };
