import type { PexContact } from "@dure/protocol";

/** A peer by its connection's number. */
export type PexLink = number;

/** Someone we are connected to now, and where others can reach it. */
export interface Connected {
  readonly link: PexLink;
  readonly contact: PexContact;
}

export type PexInput =
  /** Its extension handshake offers `ut_pex`, or takes it back. */
  | { readonly type: "speaks"; readonly link: PexLink; readonly ip: string; readonly speaks: boolean }
  /** It sent a message. */
  | { readonly type: "heard"; readonly link: PexLink; readonly ip: string; readonly payload: Uint8Array }
  | { readonly type: "left"; readonly link: PexLink }
  /** Everyone whose listening address is known: dialled by us, or told by itself. */
  | { readonly type: "wake"; readonly connected: readonly Connected[] };

export type PexOutput =
  | { readonly type: "send"; readonly link: PexLink; readonly payload: Uint8Array }
  /** Hearsay: where there may be peers. */
  | { readonly type: "contacts"; readonly contacts: readonly PexContact[] }
  | { readonly type: "close"; readonly link: PexLink; readonly reason: "flood" | "bad-message" };
