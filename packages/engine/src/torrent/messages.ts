import type { Address, Family, PeerId } from "@dure/base";
import type { BlockSpan, MseMethod, PeerMessage } from "@dure/protocol";
import type { AnnouncerInput, AnnouncerOutput } from "../announcer/index.ts";
import type { DialFailure, PeerSource } from "../peers/index.ts";

/** A connection, by the number its host gave it. */
export type LinkId = number;

export type CloseReason =
  | "banned"
  | "filtered" // the user's list of addresses
  | "bad-message" // the framing or a field is against the BEP
  | "bad-request" // too many requests for what cannot be asked
  | "flood" // more talk in a second than any transfer needs
  | "too-many" // over a limit of connections
  | "duplicate" // a second link to the same peer
  | "self"
  | "both-seeds"
  | "idle"
  | "useless"
  | "stopped"
  | "private" // BEP 27: the tracker changed
  | "remote"; // the other side closed, or the connection could not be made

export interface LinkFacts {
  readonly address: Address;
  readonly incoming: boolean;
  readonly peerId: PeerId;
  readonly fast: boolean;
  readonly extended: boolean;
  /** It takes part in the DHT, and would hear of our port there (BEP 5). Left out: no. */
  readonly dht?: boolean;
  /** What was negotiated (MSE): the payload under RC4, or the handshake alone. Left out: nothing. */
  readonly encryption?: MseMethod | undefined;
}

export type TorrentInput =
  | { readonly type: "start" }
  /** Tells trackers `stopped` and closes every link. */
  | { readonly type: "stop" }
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  /** Not taken from "lsd" and "dht" by a private torrent (BEP 27). */
  | {
      readonly type: "add-peers";
      readonly addresses: readonly Address[];
      readonly source: Extract<PeerSource, "user" | "magnet" | "resume" | "lsd" | "dht">;
    }
  /** Handshakes are exchanged and name this torrent. */
  | { readonly type: "link-open"; readonly link: LinkId; readonly facts: LinkFacts }
  /** The answer to a `connect` that reached no handshake. */
  | { readonly type: "connect-failed"; readonly address: Address; readonly reason: DialFailure }
  /** The other side closed. */
  | { readonly type: "link-closed"; readonly link: LinkId }
  | { readonly type: "message"; readonly link: LinkId; readonly message: PeerMessage }
  /** A whole block has arrived in memory. */
  | { readonly type: "block"; readonly link: LinkId; readonly span: BlockSpan }
  /** A block came that found no place: nobody needed it, or its piece has begun anew. */
  | { readonly type: "block-lost"; readonly link: LinkId; readonly span: BlockSpan }
  /** A piece that we had is gone from the disk. */
  | { readonly type: "gone"; readonly piece: number }
  /** A block of ours has left. */
  | { readonly type: "served"; readonly link: LinkId; readonly bytes: number }
  /** A block could not be read from the disk. */
  | { readonly type: "serve-failed"; readonly link: LinkId; readonly span: BlockSpan }
  /** `blocks`: 20 bytes of SHA-1 for each block, when they were asked for. */
  | {
      readonly type: "verified";
      readonly piece: number;
      readonly good: boolean;
      readonly blocks: Uint8Array | null;
    }
  /** The disk refuses: nothing is asked for until it is told to be back. */
  | { readonly type: "disk"; readonly ready: boolean }
  | {
      readonly type: "tracker";
      readonly input: Extract<AnnouncerInput, { type: "reply" | "failed" | "add-tracker" }>;
    }
  /** Sleep, a clock that jumped, or another address: reconnect and tell the trackers. */
  | { readonly type: "network-changed" }
  /** What `filtered` says has changed. */
  | { readonly type: "filter-changed" }
  /** A gateway maps this port to the one we listen on. */
  | { readonly type: "external-port"; readonly family: Family; readonly port: number }
  | { readonly type: "select"; readonly files: readonly number[] | undefined }
  | { readonly type: "sequential"; readonly from: number | undefined; readonly window: number }
  | { readonly type: "wake" };

export type TorrentOutput =
  | { readonly type: "connect"; readonly address: Address }
  | { readonly type: "close"; readonly link: LinkId; readonly reason: CloseReason }
  | { readonly type: "send"; readonly link: LinkId; readonly message: PeerMessage }
  /** Read this block and send it. */
  | { readonly type: "serve"; readonly link: LinkId; readonly span: BlockSpan }
  /** All blocks of the piece are in: write what is not written, and hash it. */
  | { readonly type: "verify"; readonly piece: number; readonly blocks: boolean }
  /** The piece is verified; it may be counted as had once it is synced. */
  | { readonly type: "good"; readonly piece: number }
  /** The piece was wrong: what is stored of it is void. */
  | { readonly type: "bad"; readonly piece: number }
  /** BEP 9: the info dictionary is here and its hash is right. */
  | { readonly type: "metadata"; readonly infoBytes: Uint8Array }
  /** A peer says where its node of the DHT listens (BEP 5, `port`). At most once a link. */
  | { readonly type: "dht-node"; readonly address: Address }
  | { readonly type: "banned"; readonly address: Address; readonly reason: string }
  | { readonly type: "complete" }
  /** Nobody else has all of it, and several want it. Once. */
  | { readonly type: "super-seed-suggested" }
  | {
      readonly type: "tracker";
      readonly output: Exclude<AnnouncerOutput, { type: "peers" | "external-ip" | "switch" }>;
    };
