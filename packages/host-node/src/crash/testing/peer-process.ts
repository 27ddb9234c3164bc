import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, URL } from "node:url";
import { must } from "@dure/base";
import type { AddOptions, NodeOptions, TorrentEvent } from "../../api.ts";

/** What a peer process is to do. */
export type PeerOrder =
  | {
      readonly node: NodeOptions;
      /** `source` is a .torrent in base64. */
      readonly torrents: readonly (AddOptions & { readonly source: string })[];
      readonly countsFile?: string;
    }
  | "stop";

/** What it tells. */
export type PeerWord =
  | {
      readonly type: "ready";
      readonly port: number;
      readonly ms: number;
      readonly piecesChecked: readonly number[];
    }
  | { readonly type: "event"; readonly name: string; readonly event: TorrentEvent }
  | { readonly type: "done" };

const main = fileURLToPath(new URL("./peer-main.ts", import.meta.url));
// Stripping the types of the sources anew would be most of a child's life.
const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "dure-test-compile-cache") };

/** A peer that can be killed as real ones are. It loads its code at once and waits for its order. */
export class PeerProcess {
  readonly words: PeerWord[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #waiting = new Set<() => void>();
  #ended = false;

  constructor() {
    this.#child = fork(main, { env, execArgv: ["--disable-warning=ExperimentalWarning"] });
    this.#exited = once(this.#child, "exit").then(() => {
      this.#ended = true;
      this.#wake();
    });
    this.#child.on("message", (word: PeerWord) => {
      this.words.push(word);
      this.#wake();
    });
  }

  get pid(): number {
    return must(this.#child.pid, "the child was started");
  }

  order(order: PeerOrder): void {
    this.#child.send(order);
  }

  /** Resolves with the first such word, past or to come; rejects when the process ends without it. */
  async hear<Type extends PeerWord["type"]>(type: Type): Promise<Extract<PeerWord, { type: Type }>> {
    return await this.find((word): word is Extract<PeerWord, { type: Type }> => word.type === type);
  }

  /** Resolves with the first event of this kind that a torrent of the process has told. */
  async event(test: (event: TorrentEvent) => boolean): Promise<TorrentEvent> {
    const word = await this.find(
      (word): word is Extract<PeerWord, { type: "event" }> => word.type === "event" && test(word.event),
    );
    return word.event;
  }

  async find<Word extends PeerWord>(test: (word: PeerWord) => word is Word): Promise<Word> {
    for (;;) {
      const found = this.words.find(test);
      if (found !== undefined) return found;
      if (this.#ended) throw new Error(`the peer ended; it had said ${JSON.stringify(this.words)}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  async stop(): Promise<void> {
    if (!this.#ended) this.order("stop");
    await this.#exited;
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
