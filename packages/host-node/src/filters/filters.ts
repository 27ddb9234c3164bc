import { type InfoHash, IpRanges } from "@dure/base";
import { NodeError } from "../api.ts";
import { loadIpFilter } from "./load-ip-filter.ts";
import { type ListKind, readDenyList } from "./read-list.ts";
import { WatchedFile } from "./watched-file.ts";

export interface FiltersOptions {
  readonly ipFilter: string | undefined;
  readonly denyList: string | undefined;
  /** A list was read anew: `blocks` or `denies` says something else now. */
  readonly onChange: (kind: ListKind) => void;
  readonly onWarning: (kind: ListKind, message: string) => void;
  /** Milliseconds between two looks at the files. */
  readonly lookEvery?: number;
}

/**
 * The user's lists of addresses and of info-hashes: read when the node opens, and again whenever their files change.
 * A new file that cannot be used leaves the old list in force.
 */
export class Filters {
  readonly #options: FiltersOptions;
  readonly #watched: WatchedFile[] = []; // one a list
  #ranges = new IpRanges();
  #infoHashes: ReadonlySet<InfoHash> = new Set(); // bounded by the parser
  #closed = false;

  constructor(options: FiltersOptions) {
    this.#options = options;
  }

  readonly blocks = (ip: string): boolean => this.#ranges.has(ip);

  readonly denies = (infoHash: InfoHash): boolean => this.#infoHashes.has(infoHash);

  /** Whether any info-hash is denied at all. */
  get denying(): boolean {
    return this.#infoHashes.size > 0;
  }

  /** Rejects with a `NodeError` ("filter") when a list cannot be used: nothing is done without the list one asked for. */
  async open(): Promise<void> {
    try {
      await this.#watch(this.#options.ipFilter, "ip-filter", (path) => this.#loadIpFilter(path));
      await this.#watch(this.#options.denyList, "deny-list", (path) => this.#loadDenyList(path));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    for (const file of this.#watched) file.close();
  }

  async #watch(
    path: string | undefined,
    kind: ListKind,
    load: (path: string) => Promise<string | undefined>,
  ): Promise<void> {
    if (path === undefined) return;
    const { lookEvery, onWarning } = this.#options;
    const onChange = async () => {
      const failure = await load(path);
      if (this.#closed) return;
      if (failure === undefined) this.#options.onChange(kind);
      else onWarning(kind, `${path} has changed, and ${failure}: what it said before holds`);
    };
    const file = await WatchedFile.open({
      path,
      onChange,
      ...(lookEvery === undefined ? {} : { lookEvery }),
    });
    this.#watched.push(file);
    const failure = await load(path);
    if (failure !== undefined) throw new NodeError("filter", `${path} cannot be used: ${failure}`, path);
  }

  /** Resolves to what is wrong, if something is. */
  async #loadIpFilter(path: string): Promise<string | undefined> {
    const loaded = await loadIpFilter(path);
    if (loaded.type === "unusable") return loaded.reason;
    this.#ranges = new IpRanges(loaded.words);
    this.#tellBad("ip-filter", path, loaded.linesBad);
    return undefined;
  }

  async #loadDenyList(path: string): Promise<string | undefined> {
    const read = await readDenyList(path);
    if (read.type === "unusable") return read.reason;
    this.#infoHashes = read.list.infoHashes;
    this.#tellBad("deny-list", path, read.list.linesBad);
    return undefined;
  }

  #tellBad(kind: ListKind, path: string, linesBad: number): void {
    if (linesBad === 0 || this.#closed) return;
    const lines = linesBad === 1 ? "1 line" : `${linesBad} lines`;
    this.#options.onWarning(kind, `${path}: ${lines} cannot be read and count for nothing`);
  }
}
