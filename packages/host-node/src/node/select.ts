import { matchesGlob } from "node:path";
import type { FileRange, Info } from "@dure/protocol";
import { NodeError } from "../api.ts";

/** File indices of a selection: indices, or globs over `folder/file`, with or without the torrent's own folder. */
export function selectedFiles(
  info: Info,
  select: readonly string[] | readonly number[] | undefined,
): readonly number[] | undefined {
  if (select === undefined || select.length === 0) return undefined;
  const wanted = info.files.flatMap((file, index) =>
    !file.pad && select.some((item) => selects(item, file.path, index)) ? [index] : [],
  );
  if (wanted.length > 0) return wanted;
  throw new NodeError(
    "no-such-file",
    `no file of ${info.name} matches ${select.join(", ")}`,
    select.join(", "),
  );
}

/** BEP 53: the n-th file, pads counted as the torrent lists them. Throws when there is none of them. */
export function filesOfRanges(
  info: Info,
  ranges: readonly FileRange[] | undefined,
): readonly number[] | undefined {
  if (ranges === undefined) return undefined;
  const wanted = info.files.flatMap((file, index) => {
    return !file.pad && ranges.some(({ first, last }) => index >= first && index <= last) ? [index] : [];
  });
  if (wanted.length > 0) return wanted;
  // As with a selection that cannot be read: to ignore it would download everything.
  const said = ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
  throw new NodeError(
    "no-such-file",
    `${info.name} has no file ${said}, which the magnet link selects`,
    said,
  );
}

function selects(item: string | number, path: readonly string[], index: number): boolean {
  if (typeof item === "number") return item === index;
  const whole = path.join("/");
  const inside = path.slice(1).join("/");
  return (
    whole === item ||
    inside === item ||
    matchesGlob(whole, item) ||
    matchesGlob(inside, item) ||
    matchesGlob(path.at(-1) ?? "", item)
  );
}
