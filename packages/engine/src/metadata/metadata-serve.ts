import { BoundedMap, type Ms } from "@dure/base";
import { metadataPieces } from "@dure/protocol";
import { TokenBucket } from "../limits/index.ts";
import { metadataLimits } from "./limits.ts";

interface Served {
  pieces: number;
  since: Ms;
  readonly bucket: TokenBucket;
}

/**
 * Which requests for our metadata are answered. Everything a peer can need is three times what there is, at a rate
 * that no send queue minds; past that it is told no (BEP 9, "flood protection").
 */
export class MetadataServe {
  /** At the top the oldest is forgotten: it gets a new allowance, as it would by connecting again. */
  readonly #served = new BoundedMap<number, Served>({
    max: metadataLimits.peersMax * 2,
    full: "drop-oldest",
  });

  /** The piece to send, a view of `info`, or undefined for a reject. */
  serve(now: Ms, peer: number, piece: number, info: Uint8Array): Uint8Array | undefined {
    const pieces = metadataPieces(info.length);
    if (!Number.isInteger(piece) || piece < 0 || piece >= pieces) return undefined;
    const served = this.#of(now, peer);
    if (served.pieces >= pieces * metadataLimits.servedTimesMax) return undefined;
    const from = piece * metadataLimits.pieceBytes;
    const bytes = info.subarray(from, from + metadataLimits.pieceBytes);
    if (!served.bucket.take(now, bytes.length)) return undefined;
    served.pieces += 1;
    return bytes;
  }

  left(peer: number): void {
    this.#served.delete(peer);
  }

  #of(now: Ms, peer: number): Served {
    const known = this.#served.get(peer);
    if (known !== undefined) {
      if (now - known.since >= metadataLimits.servedForgottenAfter) {
        known.pieces = 0;
        known.since = now;
      }
      return known;
    }
    const { serveRate: rate, serveBurst: burst } = metadataLimits;
    const served: Served = { pieces: 0, since: now, bucket: new TokenBucket({ rate, burst }) };
    this.#served.set(peer, served);
    return served;
  }
}
