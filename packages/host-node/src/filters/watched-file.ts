import { stat } from "node:fs/promises";

const lookEvery = 1000;

export interface WatchedFileOptions {
  readonly path: string;
  /** The file has changed and then held still for a look. Called again only when it has changed again. */
  readonly onChange: () => Promise<void>;
  readonly lookEvery?: number;
}

/**
 * Looks at a file's time and size again and again: unlike a watch of the system, that holds on network disks, and when
 * the file is replaced by another of the same name. A file that is being written is left alone until it is not.
 */
export class WatchedFile {
  readonly #options: WatchedFileOptions;
  readonly #timer: NodeJS.Timeout;
  #known: string;
  #seen: string;
  #busy = false;

  /** Before the file is read for the first time, so that no change is missed. */
  static async open(options: WatchedFileOptions): Promise<WatchedFile> {
    return new WatchedFile(options, await signatureOf(options.path));
  }

  /** Use `open`. */
  constructor(options: WatchedFileOptions, signature: string) {
    this.#options = options;
    this.#known = signature;
    this.#seen = signature;
    this.#timer = setInterval(() => void this.#look(), options.lookEvery ?? lookEvery).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    const before = this.#seen;
    this.#seen = await signatureOf(this.#options.path);
    if (this.#seen === before && this.#seen !== this.#known) {
      this.#known = this.#seen;
      await this.#options.onChange();
    }
    this.#busy = false;
  }
}

async function signatureOf(path: string): Promise<string> {
  try {
    const { mtimeNs, ctimeNs, size, ino } = await stat(path, { bigint: true });
    return [mtimeNs, ctimeNs, size, ino].join();
  } catch {
    return "gone"; // said when it is read
  }
}
