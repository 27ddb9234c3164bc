import type { TorrentEvent, TorrentStatus } from "@dure/host-node";
import type { Context } from "../context.ts";
import { JsonReport } from "./json-report.ts";
import { LiveReport } from "./live-report.ts";
import { PlainReport } from "./plain-report.ts";

export type TransferWarning = Extract<TorrentEvent, { type: "warning" | "error" | "peer-banned" }>;

export interface StartFacts {
  readonly status: TorrentStatus;
  readonly port: number;
  /** Of a torrent that was made on the spot. */
  readonly magnet?: string;
}

export interface DoneFacts {
  readonly seconds: number;
  /** From others, in this run. */
  readonly fetchedBytes: number;
}

export interface StopFacts {
  readonly complete: boolean;
  /** To others, in this run. */
  readonly givenBytes: number;
}

/** Where peers are looked for. */
export interface Search {
  readonly trackers: number;
  /** Nodes of the DHT that are known; undefined: without the DHT. */
  readonly dhtNodes: number | undefined;
}

/** How a transfer is told: to a person at a terminal, to a pipe, to a program. */
export interface TransferReport {
  /** How often `progress` wants to be called, in milliseconds. */
  readonly every: number;
  /** A line of its own beside what is told anyway; nothing for a program. */
  note(text: string): void;
  started(facts: StartFacts): void;
  /** A magnet's metadata has come. */
  named(status: TorrentStatus): void;
  progress(status: TorrentStatus, search?: Search): void;
  warned(warning: TransferWarning): void;
  done(status: TorrentStatus, facts: DoneFacts): void;
  /** Complete, and goes on giving. */
  seeding(): void;
  /** Ended by a signal, before it was complete or while seeding. */
  stopped(status: TorrentStatus, facts: StopFacts): void;
}

export function transferReport(context: Context): TransferReport {
  if (context.json) return new JsonReport(context);
  return context.screen.live && !context.quiet ? new LiveReport(context) : new PlainReport(context);
}
