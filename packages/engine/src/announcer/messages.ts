import type { Address, Family, Ms } from "@dure/base";
import type { AnnounceRequest, AnnounceTotals, SwarmCounts, TrackerAnswer } from "@dure/protocol";

/** Why a tracker could not be asked. A tracker that answers "no" is a reply, not a failure. */
export type AnnounceFailure =
  /** The tracker, or this machine, has no address of the family: no mistake of the tracker's. */
  | "no-address"
  | "unresolved"
  | "unreachable"
  | "no-answer"
  | "bad-reply"
  /** Our own rules do not let us talk to that address. */
  | "forbidden";

export interface AnnouncerTotals extends AnnounceTotals {
  /** Done with the files it wants, but not complete: said in each announce (BEP 21). */
  readonly partialSeed?: boolean | undefined;
}

export type AnnouncerInput =
  | { readonly type: "start" }
  /** Says `stopped` wherever `started` was heard. How long to wait for the answers is the caller's choice. */
  | { readonly type: "stop" }
  /** The download is complete, just now. */
  | { readonly type: "completed" }
  /** More peers are wanted: asks early, but never before a tracker's min interval. */
  | { readonly type: "need-peers" }
  /** After sleep, a jump of the clock or a new address: asks again at once, each tracker at most once a minute. */
  | { readonly type: "reannounce" }
  /** A gateway maps this port to ours, which trackers of the family are then told instead. Asks again when it is another. */
  | { readonly type: "external-port"; readonly family: Family; readonly port: number }
  | { readonly type: "scrape" }
  | { readonly type: "add-tracker"; readonly url: string; readonly tier: number }
  | { readonly type: "reply"; readonly request: number; readonly reply: TrackerAnswer }
  | {
      readonly type: "failed";
      readonly request: number;
      readonly reason: AnnounceFailure;
      /** For people: an HTTP status, a TLS error. */
      readonly detail?: string | undefined;
    }
  | { readonly type: "wake" };

export type AnnouncerOutput =
  /** Ask; an earlier announce to the same `url` over the same `family` need not be waited for any more. */
  | ({
      readonly type: "announce";
      readonly request: number;
      readonly url: string;
      readonly family: Family;
    } & AnnounceRequest)
  | { readonly type: "scrape"; readonly request: number; readonly url: string; readonly family: Family }
  | {
      readonly type: "peers";
      readonly url: string;
      readonly family: Family;
      readonly addresses: readonly Address[];
    }
  | { readonly type: "external-ip"; readonly ip: string }
  /** Private torrents only: drop the peers that `from` gave, those of `to` follow (BEP 27). */
  | { readonly type: "switch"; readonly from: string; readonly to: string }
  | AnnouncerStatus;

/** For people: how a tracker does. */
export type AnnouncerStatus = { readonly type: "status"; readonly url: string } & (
  | {
      readonly state: "working";
      readonly family: Family;
      readonly warning: string | undefined;
      readonly seeders: number | undefined;
      readonly leechers: number | undefined;
      readonly nextAt: Ms;
    }
  | {
      readonly state: "failed";
      readonly family: Family;
      readonly reason: AnnounceFailure | "refused";
      readonly message: string | undefined;
      readonly nextAt: Ms;
    }
  | { readonly state: "unsupported"; readonly family: Family; readonly nextAt: Ms }
  /** The tracker asked never to be asked again (BEP 31). */
  | { readonly state: "retired"; readonly family: Family; readonly message: string }
  | { readonly state: "scraped"; readonly family: Family; readonly counts: SwarmCounts }
  | { readonly state: "ignored"; readonly reason: IgnoredReason }
);

/** `too-many` is said once, of the first tracker past the limit. */
export type IgnoredReason = "bad-url" | "unknown-scheme" | "too-many";
