import { aria2 } from "./aria2.ts";
import type { Client } from "./client.ts";
import { dure } from "./dure.ts";
import { libtorrent } from "./libtorrent.ts";
import type { Processes } from "./processes.ts";
import { bittorrentTracker, opentracker, type Tracker } from "./trackers.ts";
import { transmission } from "./transmission.ts";
import { webtorrent } from "./webtorrent.ts";

export { type Bencodable, bencode } from "./bencode.ts";
export * from "./client.ts";
export * from "./dht.ts";
export { type Event, eventNamed } from "./events.ts";
export * from "./netns.ts";
export { type OnePeerTracker, startOnePeerTracker } from "./one-peer-tracker.ts";
export { Processes, ProgramError, type RunningProgram, withinOrUndefined } from "./processes.ts";
export { differences, makeSample, type Sample, type SampleOptions } from "./sample.ts";
export type { RunningTracker, Tracker, TrackerJob } from "./trackers.ts";

/** Every BitTorrent program we can drive, Dure first. */
export function allClients(processes: Processes): readonly Client[] {
  return [dure, libtorrent, aria2, transmission, webtorrent].map((make) => make(processes));
}

export function allTrackers(processes: Processes): readonly Tracker[] {
  return [opentracker(processes), bittorrentTracker(processes)];
}
