import { formatSize } from "@dure/base";
import { parseMagnet } from "@dure/protocol";
import { type Context, writeJson } from "../context.ts";
import { CliError } from "../errors.ts";
import type { MessageKey, Messages } from "../messages/index.ts";
import { printable } from "../terminal/printable.ts";
import { displayWidth, padEnd, padStart } from "../terminal/width.ts";
import { type Description, describeMagnet, describeTorrent } from "../torrent/description.ts";
import { loadTorrent } from "../torrent/load.ts";

/** `dure show`: what a .torrent or a magnet link says. */
export async function show(context: Context, [source = ""]: readonly string[]): Promise<number> {
  const description = await describe(source);
  if (context.json) writeJson(context.screen, description);
  else context.screen.out(formatDescription(description, context.messages));
  return 0;
}

async function describe(source: string): Promise<Description> {
  if (!/^\s*magnet:/i.test(source)) return describeTorrent((await loadTorrent(source)).metainfo);
  const magnet = parseMagnet(source);
  if (!magnet.ok) throw new CliError("bad-torrent", "torrent.bad-magnet", { reason: magnet.reason });
  return describeMagnet(magnet.value);
}

/** The description for people: one fact a line, then the files. */
export function formatDescription(description: Description, messages: Messages): string {
  const facts = factsOf(description, messages);
  const left = Math.max(...facts.map((fact) => displayWidth(messages.text(fact.label))));
  const lines = facts.flatMap(({ label, values }) =>
    values.map((value, index) => {
      const title = index === 0 ? messages.text(label) : "";
      return `${padEnd(title, left)}  ${printable(value)}`;
    }),
  );
  return `${[...lines, ...fileLines(description, messages)].join("\n")}\n`;
}

interface Fact {
  readonly label: MessageKey;
  readonly values: readonly string[];
}

function factsOf(about: Description, messages: Messages): readonly Fact[] {
  const optional = (label: MessageKey, value: string | null): Fact => ({
    label,
    values: value === null ? [] : [value],
  });
  const facts: readonly Fact[] = [
    optional("show.name", about.name),
    optional("show.info-hash", about.infoHashV1),
    optional("show.info-hash-v2", about.infoHashV2),
    optional("show.size", sizeOf(about, messages)),
    optional("show.pieces", piecesOf(about)),
    optional("show.private", about.private === true ? messages.text("show.private-yes") : null),
    optional("show.comment", about.comment),
    optional("show.created", createdOf(about, messages)),
    optional("show.source", about.source),
    { label: "show.trackers", values: trackersOf(about.trackers, messages) },
    { label: "show.web-seeds", values: about.webSeeds },
    optional("show.magnet", about.magnet),
  ];
  return facts.filter((fact) => fact.values.length > 0);
}

function sizeOf(about: Description, messages: Messages): string | null {
  if (about.totalBytes === null) return null;
  const exact = about.totalBytes.toLocaleString("en-US");
  const size = messages.text("show.bytes", { size: formatSize(about.totalBytes), bytes: exact });
  if (about.files === null) return size;
  const count = about.files.filter((file) => !file.pad).length;
  return `${size}, ${messages.text(count === 1 ? "show.file" : "show.files", { count })}`;
}

function piecesOf(about: Description): string | null {
  if (about.pieceBytes === null) return null;
  return `${about.pieceCount} × ${formatSize(about.pieceBytes)}`;
}

function createdOf(about: Description, messages: Messages): string | null {
  const at = about.createdAt === null ? undefined : new Date(about.createdAt * 1000);
  // A date past the calendar's end is only nonsense in the file.
  const date =
    at === undefined || Number.isNaN(at.getTime()) ? "" : at.toISOString().slice(0, 16).replace("T", " ");
  if (date === "") return about.createdBy;
  if (about.createdBy === null) return `${date} UTC`;
  return messages.text("show.created-by", { date: `${date} UTC`, program: about.createdBy });
}

function trackersOf(tiers: Description["trackers"], messages: Messages): readonly string[] {
  if (tiers.length <= 1) return tiers.flat();
  return tiers.flatMap((urls, tier) =>
    urls.map((url) => messages.text("show.tier", { tier: tier + 1, url })),
  );
}

function fileLines(about: Description, messages: Messages): readonly string[] {
  const files = about.files?.filter((file) => !file.pad) ?? [];
  if (files.length === 0) return [];
  const sizes = files.map((file) => formatSize(file.bytes));
  const width = Math.max(...sizes.map((size) => size.length).slice(0, 1000));
  return [
    "",
    messages.text("show.file-list"),
    ...files.map((file, index) => `  ${padStart(sizes[index] ?? "", width)}  ${printable(file.path)}`),
  ];
}
