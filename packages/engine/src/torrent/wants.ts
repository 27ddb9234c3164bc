import type { Info } from "@dure/protocol";
import { type Picker, type Priority, priorityNormal } from "../picker/index.ts";

/** Which pieces the wanted files touch. A piece shared with an unwanted file is wanted whole: it cannot be checked otherwise. */
export function selectFiles(info: Info, picker: Picker, files: ReadonlySet<number> | undefined): void {
  const priorities = new Uint8Array(info.pieceCount).fill(files === undefined ? priorityNormal : 0);
  if (files !== undefined) {
    for (const [index, file] of info.files.entries()) {
      if (!files.has(index) || file.bytes === 0) continue;
      const first = Math.floor(file.offset / info.pieceBytes);
      const last = Math.floor((file.offset + file.bytes - 1) / info.pieceBytes);
      priorities.fill(priorityNormal, first, last + 1);
    }
  }
  for (const [piece, priority] of priorities.entries()) picker.setPriority(piece, priority as Priority); // 0 or normal
}

/** Sequential reading from byte `from`: the first missing piece there, and the window of pieces that must come next. */
export function sequentialFrom(
  info: Info,
  picker: Picker,
  from: number,
  windowBytes: number,
): { cursor: number; window: number } {
  let cursor = Math.min(info.pieceCount - 1, Math.floor(from / info.pieceBytes));
  while (cursor < info.pieceCount - 1 && (picker.have.has(cursor) || !picker.wants(cursor))) cursor += 1;
  return { cursor, window: Math.max(2, Math.ceil(windowBytes / info.pieceBytes)) };
}
