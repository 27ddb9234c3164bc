import type { Address } from "@dure/base";

/** The name under which the message stands in `m` (BEP 10). */
export const pexName = "ut_pex";

/** What the sender knows of a contact. */
export interface PexFlags {
  /** Its extension handshake has `e`. */
  readonly prefersEncryption: boolean;
  readonly seed: boolean;
  readonly utp: boolean;
  readonly holepunch: boolean;
  /** The sender connected to it, so it can be connected to. */
  readonly reachable: boolean;
}

export interface PexContact {
  readonly address: Address;
  readonly flags: PexFlags;
}

/** Whom the sender is connected to now and was not when it spoke last, and the other way round. */
export interface PexMessage {
  readonly added: readonly PexContact[];
  readonly dropped: readonly Address[];
}

/** BEP 11's table; the other bits are reserved and ignored. */
const bit = { prefersEncryption: 0x01, seed: 0x02, utp: 0x04, holepunch: 0x08, reachable: 0x10 } as const;

export function pexFlagsOf(byte: number): PexFlags {
  return {
    prefersEncryption: (byte & bit.prefersEncryption) !== 0,
    seed: (byte & bit.seed) !== 0,
    utp: (byte & bit.utp) !== 0,
    holepunch: (byte & bit.holepunch) !== 0,
    reachable: (byte & bit.reachable) !== 0,
  };
}

export function pexFlagsByte(flags: PexFlags): number {
  return (
    (flags.prefersEncryption ? bit.prefersEncryption : 0) |
    (flags.seed ? bit.seed : 0) |
    (flags.utp ? bit.utp : 0) |
    (flags.holepunch ? bit.holepunch : 0) |
    (flags.reachable ? bit.reachable : 0)
  );
}
