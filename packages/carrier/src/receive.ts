import type { Ms } from "@dure/base";
import type { BlockSpan, FrameEvent, Handshake } from "@dure/protocol";
import type { Link } from "./link.ts";
import type { Pool } from "./pool.ts";

/** What the bytes of a link lead to. */
export interface Receiver {
  readonly pool: Pool;
  /** False when the link was closed over it. */
  handshake(now: Ms, link: Link, handshake: Handshake): boolean;
  violation(now: Ms, link: Link, reason: string): void;
  /** No memory: the rest of the chunk waits in `link.held`. */
  full(now: Ms, link: Link): void;
}

/**
 * Takes a chunk apart. A block's bytes are copied once, from the chunk to where the block is gathered.
 *
 * The chunk is good only during the call; when memory is full its rest is copied and kept, and reading stops.
 */
export function receive(now: Ms, link: Link, chunk: Uint8Array, receiver: Receiver): void {
  const { framer } = link;
  framer.feed(chunk);
  for (let event = framer.next(); event !== undefined; event = framer.next()) {
    if (!take(now, link, event, chunk, receiver)) return;
  }
}

/** False when nothing more of this chunk is to be looked at. */
function take(now: Ms, link: Link, event: FrameEvent, chunk: Uint8Array, receiver: Receiver): boolean {
  switch (event.type) {
    case "block-data":
      link.movedAt = now;
      if (link.landing !== "skip" && link.landing?.beaten === false) {
        receiver.pool.put(link.landing.memory + event.at, chunk, event.from, event.to);
      }
      return true;
    case "block-start":
      return begin(now, link, event, receiver);
    case "block-end":
      return end(now, link);
    case "message":
      link.torrent?.heard(now, link, event.message);
      return link.torrent !== undefined;
    case "handshake":
      return receiver.handshake(now, link, event.handshake);
    case "violation":
      receiver.violation(now, link, event.reason);
      return false;
  }
}

function begin(now: Ms, link: Link, span: BlockSpan, receiver: Receiver): boolean {
  const { torrent } = link;
  if (torrent === undefined) return false;
  const landing = torrent.place(link, span);
  if (landing !== "full") {
    link.landing = landing;
    link.movedAt = now;
    if (landing === "skip") link.skipping = { piece: span.piece, begin: span.begin, length: span.length };
    return true;
  }
  torrent.storage?.relieve(now);
  // The head is taken; what follows it waits. `resumeHeld` begins with this block again.
  link.waiting = { piece: span.piece, begin: span.begin, length: span.length };
  link.held = link.framer.rest().slice();
  receiver.full(now, link);
  return false;
}

/** Memory came back: goes on with what was held. False when there is still none. */
export function resumeHeld(now: Ms, link: Link, receiver: Receiver): boolean {
  const { held, waiting, torrent } = link;
  if (held === undefined || waiting === undefined) return true;
  const landing = torrent === undefined ? "skip" : torrent.place(link, waiting);
  if (landing === "full") return false;
  link.landing = landing;
  link.movedAt = now;
  if (landing === "skip") link.skipping = waiting;
  link.held = undefined;
  link.waiting = undefined;
  receive(now, link, held, receiver);
  return link.held === undefined;
}

function end(now: Ms, link: Link): boolean {
  const { landing, torrent } = link;
  link.landing = undefined;
  if (landing === "skip" && link.skipping !== undefined) torrent?.skipped(now, link, link.skipping);
  else if (landing !== undefined && landing !== "skip") {
    if (!landing.beaten) torrent?.landed(now, link, landing);
    else {
      torrent?.storage?.assembly.aborted(landing);
      torrent?.skipped(now, link, landing.span);
    }
  }
  return link.torrent !== undefined;
}
