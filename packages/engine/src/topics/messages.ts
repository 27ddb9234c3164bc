import type { InfoHash } from "@dure/base";

export interface TopicFacts {
  readonly infoHash: InfoHash;
  /** It has everything, and looks for leechers only (BEP 33). */
  readonly seed: boolean;
  /** It downloads and has fewer peers than it wants. */
  readonly hungry: boolean;
}

export type TopicsInput =
  /** A torrent takes part, or its facts have changed. Never given for a private one (BEP 27). */
  | ({ readonly type: "join" } & TopicFacts)
  | { readonly type: "leave"; readonly infoHash: InfoHash }
  /** The DHT knows its neighbourhood, for the first time or anew. */
  | { readonly type: "ready" }
  /** An `ask` has ended. */
  | {
      readonly type: "answered";
      readonly infoHash: InfoHash;
      /** Nodes that took our announce. */
      readonly stored: number;
    }
  | { readonly type: "wake" };

export type TopicsOutput =
  /** Look for peers of the torrent, and announce it. */
  | { readonly type: "ask"; readonly infoHash: InfoHash; readonly seed: boolean }
  /** The torrent has left: its `ask` is not to announce it any more. No `answered` is expected. */
  | { readonly type: "cancel"; readonly infoHash: InfoHash };
