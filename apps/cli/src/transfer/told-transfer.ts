import type { DureNode, NodeDhtOptions, TorrentHandle } from "@dure/host-node";
import type { Context } from "../context.ts";
import { type DhtTrouble, nodesCount, onDhtTrouble } from "../dht/bootstrap-trouble.ts";
import { type Search, type TransferReport, transferReport } from "../report/transfer-report.ts";

/** How long a torrent may find nobody before it matters that the DHT has no way in. */
const patience = 5000;

/** Tells a transfer as it goes on, from the first look at the disk to the last word. */
export class ToldTransfer {
  readonly #report: TransferReport;
  readonly #node: DureNode;
  readonly #magnet: { readonly magnet?: string };
  readonly #startedAt = performance.now();
  readonly #ticker: NodeJS.Timeout;
  #handle: TorrentHandle | undefined;
  #unsubscribe = () => {};
  readonly #noTrouble: () => void;
  /** In earlier runs: the record of the torrent goes on counting. */
  #before = { downloaded: 0, uploaded: 0 };
  #complete = false;
  /** What matters only while nobody is found. */
  #trouble: DhtTrouble | undefined;

  constructor(
    context: Context,
    { magnet, dht }: { readonly magnet?: string; readonly dht?: NodeDhtOptions | undefined },
    node: DureNode,
  ) {
    this.#report = transferReport(context);
    this.#node = node;
    this.#magnet = magnet === undefined ? {} : { magnet };
    this.#ticker = setInterval(() => this.#tick(), this.#report.every);
    this.#noTrouble = onDhtTrouble(node.dht, dht, (trouble) => {
      if (trouble.code === "dht-bootstrap") this.#trouble = trouble;
      else this.#report.warned({ type: "warning", ...trouble });
    });
  }

  /** The torrent is there. Said early while it is still being checked, and heard once. */
  begin(handle: TorrentHandle): void {
    // Not known while it is being checked: then it is said here again, before anything has come.
    const { downloaded, uploaded } = handle.status();
    this.#before = { downloaded, uploaded };
    if (this.#handle !== undefined) return;
    this.#handle = handle;
    this.#unsubscribe = handle.on((event) => {
      if (event.type === "metadata") this.#report.named(event.status);
      if (event.type === "warning" || event.type === "peer-banned") this.#report.warned(event);
      // Before completion `done` rejects with the same, and ends the command.
      if (event.type === "error" && this.#complete) this.#report.warned(event);
    });
    this.#report.started({ status: handle.status(), port: this.#node.port, ...this.#magnet });
  }

  complete(): void {
    const status = this.#handle?.status();
    if (status === undefined) return;
    this.#complete = true;
    this.#report.progress(status);
    this.#report.done(status, {
      seconds: (performance.now() - this.#startedAt) / 1000,
      fetchedBytes: status.downloaded - this.#before.downloaded,
    });
  }

  note(text: string): void {
    this.#report.note(text);
  }

  warn(warning: { readonly code: string; readonly message: string }): void {
    this.#report.warned({ type: "warning", ...warning });
  }

  seeding(): void {
    this.#report.seeding();
  }

  stopped(): void {
    const status = this.#handle?.status();
    if (status === undefined) return;
    const givenBytes = status.uploaded - this.#before.uploaded;
    this.#report.stopped(status, { complete: this.#complete, givenBytes });
  }

  end(): void {
    clearInterval(this.#ticker);
    this.#unsubscribe();
    this.#noTrouble();
  }

  // Adding a torrent ends when its files are checked, which may take long; the node names it before that.
  #tick(): void {
    if (this.#handle === undefined) {
      const [early] = this.#node.torrents();
      if (early?.status().state.name !== "checking") return;
      this.begin(early);
    }
    if (this.#handle === undefined) return;
    const search = this.#search(this.#handle);
    this.#report.progress(this.#handle.status(), search);
    this.#tellTrouble(this.#handle, search);
  }

  #search(handle: TorrentHandle): Search {
    const { dht } = this.#node;
    return {
      trackers: handle.trackers().length,
      dhtNodes: dht === undefined ? undefined : nodesCount(dht),
    };
  }

  #tellTrouble(handle: TorrentHandle, { trackers, dhtNodes }: Search): void {
    const trouble = this.#trouble;
    const { state, peersCount } = handle.status();
    if (trouble === undefined || performance.now() - this.#startedAt < patience) return;
    if (peersCount > 0 || dhtNodes !== 0 || (state.name === "seeding" && trackers > 0)) return;
    this.#trouble = undefined;
    this.warn(trouble);
  }
}
