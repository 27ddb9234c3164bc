import { byteAt, type InfoHash } from "@dure/base";
import { torrentMark } from "./keys.ts";

/** Which of our torrents a stranger means: their marks, made once. Bounded by the torrents that its owner adds. */
export class TorrentMarks {
  readonly #marks = new Map<InfoHash, Uint8Array>();

  add(infoHash: InfoHash): void {
    this.#marks.set(infoHash, torrentMark(infoHash));
  }

  delete(infoHash: InfoHash): void {
    this.#marks.delete(infoHash);
  }

  /** Looks at every byte of every mark: the time it takes says how many torrents there are, not which. */
  find(mark: Uint8Array): InfoHash | undefined {
    let found: InfoHash | undefined;
    if (mark.length !== markBytes) return undefined;
    for (const [infoHash, ours] of this.#marks) {
      let difference = 0;
      for (let index = 0; index < markBytes; index += 1)
        difference |= byteAt(ours, index) ^ byteAt(mark, index);
      if (difference === 0) found = infoHash;
    }
    return found;
  }
}

const markBytes = 20;
