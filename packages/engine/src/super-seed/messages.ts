/** What a peer has told of its pieces. */
export interface ToldHoldings {
  readonly all: boolean;
  has(piece: number): boolean;
}

/** Peers are known by a number of the owner's. */
export type SuperSeedInput =
  | { readonly type: "join"; readonly peer: number }
  /** It has told all that it has, or that it has nothing. */
  | { readonly type: "holds"; readonly peer: number; readonly holdings: ToldHoldings }
  /** It has told of one more piece. */
  | { readonly type: "have"; readonly peer: number; readonly piece: number }
  /** So many bytes of the piece were handed on to it. */
  | { readonly type: "given"; readonly peer: number; readonly piece: number; readonly bytes: number }
  | { readonly type: "leave"; readonly peer: number }
  /** A piece of ours is lost: we are no seed any more. */
  | { readonly type: "gone" }
  | { readonly type: "wake" };

export type SuperSeedOutput =
  /** Tell the peer that we have this piece. */
  | { readonly type: "reveal"; readonly peer: number; readonly piece: number }
  /** From here on a seed like any other: tell everyone what we have. */
  | { readonly type: "over"; readonly why: SuperSeedEnd };

export type SuperSeedEnd =
  /** Another peer has everything. */
  | "another-seed"
  /** The others together have everything. */
  | "copied"
  | "no-seed";
