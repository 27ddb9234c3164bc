import { type Ms, minutes, ms, seconds } from "@dure/base";
import { extensionLimits } from "@dure/protocol";

export const metadataLimits = {
  bytesMax: extensionLimits.metadataBytesMax,
  pieceBytes: extensionLimits.metadataPieceBytes,
  /** Peers that are asked; more make nothing faster. */
  peersMax: 200,
  /** Requests a peer is given at once. */
  requestsMax: 8,
  /** A piece that has not come is asked of a second peer after this, … */
  askAgainAfter: seconds(2),
  /** … and its first peer is given up for it after this. */
  requestWait: seconds(10),
  /** A peer that said no is not asked for so long: it has no metadata yet (BEP 9). */
  rejectRest: seconds(15),
  /** A peer that did not answer rests, doubled each time in a row. */
  silenceRestFirst: seconds(5),
  silenceRestMax: minutes(2),
  /** Sizes whose history is kept. */
  sizesMax: 256,
  /** What one peer is served: each piece so many times … */
  servedTimesMax: 3,
  servedForgottenAfter: minutes(10),
  /** … and no faster than this. */
  serveBurst: 2 * 1024 * 1024,
  serveRate: 1024 * 1024,
} as const;

/** How long one attempt may keep another size, or another peer, waiting. */
export function patience(pieces: number): Ms {
  return ms(20_000 + pieces * 100);
}
