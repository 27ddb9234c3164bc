import { infoHash, must } from "@dure/base";
import type {
  AddOptions,
  DureNode,
  NodeOptions,
  TorrentEvent,
  TorrentHandle,
  TorrentState,
  TorrentStatus,
} from "@dure/host-node";
import { FakeDht } from "./fake-dht.ts";

/** A torrent that does what a test tells it, and remembers what it was asked. */
export class FakeTorrent implements TorrentHandle {
  readonly infoHash = must(infoHash("0123456789abcdef0123456789abcdef01234567"), "forty digits");
  readonly done: Promise<void>;
  stopped = false;
  /** The .torrent, once it is known. */
  bytes: Uint8Array | undefined;
  readonly #listeners = new Set<(event: TorrentEvent) => void>();
  #status: TorrentStatus;
  #finish = () => {};
  #giveUp = (_error: Error) => {};

  constructor(dir: string, state: TorrentState) {
    this.done = new Promise<void>((done, fail) => {
      this.#finish = done;
      this.#giveUp = fail;
    });
    this.#status = {
      infoHash: this.infoHash,
      name: "album",
      dir,
      state,
      pieceCount: 8,
      piecesDone: 0,
      piecesChecked: 0,
      bytesTotal: 8000,
      bytesDone: 0,
      downRate: 0,
      upRate: 0,
      downloaded: 0,
      uploaded: 0,
      peersCount: 1,
      seedsCount: 1,
      eta: undefined,
      distributedCopies: 1,
    };
  }

  become(change: Partial<TorrentStatus>): void {
    this.#status = { ...this.#status, ...change };
  }

  complete(): void {
    this.become({ state: { name: "seeding" }, piecesDone: 8, bytesDone: 8000, downloaded: 8000 });
    this.#finish();
  }

  fail(error: Error): void {
    this.#giveUp(error);
  }

  emit(event: TorrentEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  status(): TorrentStatus {
    return this.#status;
  }

  on(listener: (event: TorrentEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  peers(): [] {
    return [];
  }
  trackers(): [] {
    return [];
  }
  files(): [] {
    return [];
  }
  torrentBytes(): Uint8Array | undefined {
    return this.bytes;
  }
  select(): void {}
  setLimits(): void {}
  pause(): void {}
  resume(): void {}
  stream(): ReadableStream<Uint8Array> {
    throw new Error("nobody streams from a fake");
  }
  async stop(): Promise<void> {
    this.stopped = true;
  }
}

export class FakeNode implements DureNode {
  readonly port = 6881;
  readonly options: NodeOptions;
  readonly dht: FakeDht | undefined;
  readonly state: TorrentState;
  added: AddOptions | undefined;
  readonly handles: FakeTorrent[] = [];
  closed = false;
  readonly #onAdd: (torrent: FakeTorrent, added: AddOptions) => void;

  constructor(
    options: NodeOptions,
    state: TorrentState,
    onAdd: (torrent: FakeTorrent, added: AddOptions) => void,
  ) {
    this.options = options;
    this.dht = options.dht === undefined ? undefined : new FakeDht();
    this.state = state;
    this.#onAdd = onAdd;
  }

  async add(options: AddOptions): Promise<TorrentHandle> {
    this.added = options;
    const torrent = new FakeTorrent(options.dir, this.state);
    this.handles.push(torrent);
    // After the command has begun to listen.
    setImmediate(() => this.#onAdd(torrent, options));
    return torrent;
  }

  torrents(): readonly TorrentHandle[] {
    return [];
  }

  portMappings(): readonly [] {
    return [];
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
