import type { TorrentStatus } from "@dure/host-node";
import { type Context, writeJson } from "../context.ts";
import { bannedText, warningText } from "./texts.ts";
import type { DoneFacts, StartFacts, TransferReport, TransferWarning } from "./transfer-report.ts";

/** The objects of `get` and `seed` (CONTRACT.md, "Commands"). */
export class JsonReport implements TransferReport {
  readonly every = 1000;
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  note(): void {}

  // A magnet's name and size are not known yet: null, and an event "metadata" says them later.
  started({ status, port, magnet }: StartFacts): void {
    const unknown = status.state.name === "metadata";
    this.#write({
      event: "start",
      infoHash: status.infoHash,
      name: unknown ? null : status.name,
      bytes: unknown ? null : status.bytesTotal,
      port,
      ...(magnet === undefined ? {} : { magnet }),
    });
  }

  named(status: TorrentStatus): void {
    const { infoHash, name, bytesTotal: bytes } = status;
    this.#write({ event: "metadata", infoHash, name, bytes });
  }

  progress(status: TorrentStatus): void {
    this.#write({
      event: "progress",
      bytesDone: status.bytesDone,
      bytesTotal: status.bytesTotal,
      downRate: Math.round(status.downRate),
      upRate: Math.round(status.upRate),
      peers: status.peersCount,
    });
  }

  warned(warning: TransferWarning): void {
    const { messages } = this.#context;
    if (warning.type === "peer-banned") {
      this.#write({ event: "warning", code: "peer-banned", message: bannedText(warning, messages) });
    } else this.#write({ event: warning.type, code: warning.code, message: warningText(warning, messages) });
  }

  done(status: TorrentStatus, facts: DoneFacts): void {
    const { infoHash, dir, bytesTotal: bytes } = status;
    const seconds = Math.round(facts.seconds * 1000) / 1000;
    // Bytes of pieces that came from others, which is less where some were there.
    this.#write({ event: "done", infoHash, dir, bytes, seconds, downloaded: facts.fetchedBytes });
  }

  seeding(): void {}

  stopped(): void {}

  #write(object: object): void {
    writeJson(this.#context.screen, object);
  }
}
