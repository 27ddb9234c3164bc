import type { Address } from "@dure/base";

/** Outgoing connections are numbered by the owner with even numbers, incoming ones by the endpoint with odd ones. */
export type UtpConnectionNumber = number;

export type UtpInput =
  | { readonly type: "connect"; readonly connection: UtpConnectionNumber; readonly remote: Address }
  | { readonly type: "datagram"; readonly from: Address; readonly bytes: Uint8Array }
  /**
   * The bytes are the endpoint's until it has said `written` for them; writes are told in order. `more`: another
   * write follows at once, so a packet that is not full may wait for it.
   */
  | {
      readonly type: "write";
      readonly connection: UtpConnectionNumber;
      readonly bytes: Uint8Array;
      readonly more: boolean;
    }
  /** So many bytes of what `data` brought are done with: the window opens by as many. */
  | { readonly type: "consumed"; readonly connection: UtpConnectionNumber; readonly bytes: number }
  /** What was written is still said, then the end; nothing more is heard of the connection. */
  | { readonly type: "close"; readonly connection: UtpConnectionNumber }
  | { readonly type: "wake" };

export type UtpOutput =
  | { readonly type: "send"; readonly to: Address; readonly bytes: Uint8Array }
  | { readonly type: "incoming"; readonly connection: UtpConnectionNumber; readonly remote: Address }
  | { readonly type: "opened"; readonly connection: UtpConnectionNumber }
  /** Good until the next `handle`: mostly a view of the datagram that was just given. */
  | { readonly type: "data"; readonly connection: UtpConnectionNumber; readonly bytes: Uint8Array }
  /** The oldest `count` writes have been copied: their memory is free. */
  | { readonly type: "written"; readonly connection: UtpConnectionNumber; readonly count: number }
  | {
      readonly type: "closed";
      readonly connection: UtpConnectionNumber;
      readonly reason: UtpCloseReason;
    };

/** `refused`: a RESET answered our SYN. `full`: no more connections than `utpLimits` has. */
export type UtpCloseReason = "end" | "reset" | "refused" | "timeout" | "full";
