import type { Prng } from "@dure/base";
import type { Info } from "@dure/protocol";
import { Blame } from "../blame/index.ts";
import { Picker } from "../picker/index.ts";
import type { Context } from "./context.ts";
import { Downloads } from "./downloads.ts";
import type { ReadyStart } from "./options.ts";
import { Uploads } from "./uploads.ts";
import { selectFiles, sequentialFrom } from "./wants.ts";

/** What exists once the metadata is known: the pieces, which of them are wanted, and their way in and out. */
export class Content {
  readonly info: Info;
  readonly picker: Picker;
  readonly downloads: Downloads;
  readonly uploads: Uploads;
  #sequential: { readonly from: number; readonly window: number } | undefined;

  constructor(context: Context, prng: Prng, start: ReadyStart) {
    const { info } = start;
    this.info = info;
    this.picker = new Picker(info, start.have, prng);
    this.downloads = new Downloads(context, this.picker, new Blame(), info.pieceBytes);
    this.uploads = new Uploads(context, this.picker);
    if (start.files !== undefined) this.select(start.files);
    for (const { piece, blocks } of start.partial) this.picker.resume(piece, blocks);
  }

  /** Everything wanted is here. */
  get complete(): boolean {
    return this.picker.wantedLeft === 0;
  }

  /** BEP 3's `left`: bytes of the whole torrent that are not here. */
  get bytesLeft(): number {
    const { have } = this.picker;
    return have.all ? 0 : Math.max(0, this.info.totalBytes - have.count * this.info.pieceBytes);
  }

  /** Pieces whose every block was on disk already, and that only wait for their verdict. */
  *whole(): IterableIterator<number> {
    for (const partial of this.picker.partials) if (partial.complete) yield partial.piece;
  }

  /** Undefined: all files. */
  select(files: readonly number[] | undefined): void {
    selectFiles(this.info, this.picker, files === undefined ? undefined : new Set(files));
  }

  /** In order from this byte on; undefined: rarest first. */
  setSequential(sequential: { readonly from: number; readonly window: number } | undefined): void {
    this.#sequential = sequential;
    this.#moveCursor();
  }

  /** The disk's verdict. True when this made us gain the piece. */
  verified(piece: number, good: boolean, blocks: Uint8Array | null): boolean {
    const had = this.picker.have.has(piece);
    this.downloads.verified(piece, good, blocks);
    if (had || !this.picker.have.has(piece)) return false;
    if (this.#sequential !== undefined) this.#moveCursor();
    return true;
  }

  #moveCursor(): void {
    const at = this.#sequential;
    this.picker.setSequential(
      at === undefined ? undefined : sequentialFrom(this.info, this.picker, at.from, at.window),
    );
  }
}
