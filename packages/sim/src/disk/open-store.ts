import { createHash } from "node:crypto";
import { assert, must } from "@dure/base";
import { FileLayout, type StoreFile, type StoreSpec } from "@dure/carrier";
import type { DiskFile } from "./disk-file.ts";
import { type Volume, VolumeError } from "./volume.ts";

const blockBytes = 16_384;

/** A torrent's files on a volume, and what was learnt of them since the store was opened. */
export class OpenStore {
  readonly spec: StoreSpec;
  readonly layout: FileLayout;
  readonly #volume: Volume;
  /** The folder that the root was when the store was opened, or became when the store made it. */
  #root: number | undefined;
  /** Files that were there once. */
  readonly #seen = new Map<number, number>();

  constructor(volume: Volume, spec: StoreSpec) {
    this.spec = spec;
    this.layout = new FileLayout(spec.files);
    assert(this.layout.totalBytes === spec.totalBytes, "files and total agree");
    this.#volume = volume;
    this.#root = volume.folder(spec.root);
  }

  /** Indices of the files that are stored. */
  get files(): number[] {
    return this.spec.files.flatMap(({ pad }, index) => (pad ? [] : [index]));
  }

  path(index: number): string {
    return pathOf(this, index);
  }

  offsetOf(piece: number): number {
    return piece * this.spec.pieceBytes;
  }

  lengthOf(piece: number): number {
    return Math.min(this.spec.pieceBytes, this.spec.totalBytes - this.offsetOf(piece));
  }

  /** The root must be the folder it was; one that never was there may come to be. */
  present(): void {
    const seen = this.#volume.folder(this.spec.root);
    if (this.#root === undefined) this.#root = seen;
    else if (seen !== this.#root) throw new VolumeError("missing", this.spec.root);
  }

  /** A file that was there once and has gone is a fault. */
  existing(index: number): DiskFile | undefined {
    const path = this.path(index);
    const file = this.#volume.file(path);
    const known = this.#seen.get(index);
    if (known !== undefined && file?.inode !== known) throw new VolumeError("missing", path);
    if (file !== undefined) this.#seen.set(index, file.inode);
    return file;
  }

  /** Makes it when it never was there. */
  fileFor(index: number): DiskFile {
    const existing = this.existing(index);
    if (existing !== undefined) return existing;
    this.#volume.makeFolder(this.spec.root);
    this.present();
    const file = this.#volume.makeFile(this.path(index));
    this.#seen.set(index, file.inode);
    return file;
  }

  load(offset: number, into: Uint8Array): void {
    let at = 0;
    for (const span of this.layout.spans(offset, into.length)) {
      const part = into.subarray(at, at + span.length);
      at += span.length;
      if (span.pad) {
        part.fill(0);
        continue;
      }
      const file = this.existing(span.file);
      if (file === undefined || file.length < span.offset + span.length)
        throw new VolumeError("missing", this.path(span.file));
      part.set(file.read(span.offset, span.offset + span.length));
    }
  }

  /** A whole piece; the next sync covers what of it an earlier one lost. */
  loadPiece(piece: number): Uint8Array {
    const bytes = new Uint8Array(this.lengthOf(piece));
    this.load(this.offsetOf(piece), bytes);
    for (const span of this.layout.spans(this.offsetOf(piece), bytes.length))
      if (!span.pad) this.existing(span.file)?.writtenBack(span.offset, span.offset + span.length);
    return bytes;
  }

  matches(piece: number, bytes: Uint8Array): boolean {
    const digest = createHash("sha1").update(bytes).digest();
    return digest.compare(this.spec.digests, piece * 20, piece * 20 + 20) === 0;
  }
}

export function pathOf(
  store: { readonly spec: Pick<StoreSpec, "root"> & { readonly files: readonly Pick<StoreFile, "path">[] } },
  index: number,
): string {
  const file = must(store.spec.files[index], "the file is in the store");
  return [store.spec.root, ...file.path].join("/");
}

/** 20 bytes for each block. */
export function blockDigests(bytes: Uint8Array): Uint8Array {
  const digests = new Uint8Array(Math.ceil(bytes.length / blockBytes) * 20);
  for (let block = 0; block * blockBytes < bytes.length; block += 1) {
    const part = bytes.subarray(block * blockBytes, (block + 1) * blockBytes);
    digests.set(createHash("sha1").update(part).digest(), block * 20);
  }
  return digests;
}
