import { join } from "node:path";
import { type Cell, cellsOf, type Deed, titleOf } from "./cells.ts";

export const dhtMatrixPath = join(import.meta.dirname, "matrix.json");
export const dhtMarkers = { start: "<!-- interop-dht:start -->", end: "<!-- interop-dht:end -->" } as const;

/** What a run of the mixed network found, as matrix.json holds it. */
export interface DhtMatrix {
  /** Version by program, ours apart. */
  readonly versions: Readonly<Record<string, string>>;
  readonly nodesOfEachKind: number;
  readonly cells: Readonly<Record<string, "passed" | "failed">>;
}

interface Words {
  readonly corner: string;
  readonly deeds: Readonly<Record<Deed, string>>;
  readonly failed: string;
  readonly cannot: string;
}

const english: Words = {
  corner: "stored or announced by → found by",
  deeds: {
    peers: "peers",
    immutable: "immutable item",
    mutable: "mutable item",
    salted: "with salt",
    samples: "sampled info-hashes",
    scrape: "scrape",
  },
  failed: "fails",
  cannot: "–",
};

const korean: Words = {
  corner: "저장하거나 알린 쪽 → 찾은 쪽",
  deeds: {
    peers: "피어",
    immutable: "바뀌지 않는 항목",
    mutable: "바뀌는 항목",
    salted: "솔트 있는 항목",
    samples: "인포해시 표본",
    scrape: "스크레이프",
  },
  failed: "실패",
  cannot: "–",
};

/** The README files that may show the matrix, with the language of each. */
export const dhtReadmes: Readonly<Record<string, Words>> = { "README.md": english, "README.ko.md": korean };

export const dhtKinds = ["dure", "libtorrent", "bittorrent-dht"] as const;

/** `text` with the matrix between its markers; undefined when it has none. */
export function withDhtMatrix(text: string, matrix: DhtMatrix, words: Words): string | undefined {
  const start = text.indexOf(dhtMarkers.start);
  const end = text.indexOf(dhtMarkers.end);
  if (start < 0 || end < start) return undefined;
  return `${text.slice(0, start + dhtMarkers.start.length)}\n\n${markdownOf(matrix, words)}\n\n${text.slice(end)}`;
}

export function markdownOf(matrix: DhtMatrix, words: Words): string {
  const cells = cellsOf(dhtKinds);
  const deeds = [...new Set(cells.map(({ deed }) => deed))];
  const rows = dhtKinds.flatMap((from) =>
    dhtKinds.map((to) => {
      const marks = deeds.map((deed) => mark(matrix, words, cells, { deed, from, to }));
      return `| ${named(matrix, from)} → ${named(matrix, to)} | ${marks.join(" | ")} |`;
    }),
  );
  const head = `| ${words.corner} | ${deeds.map((deed) => words.deeds[deed]).join(" | ")} |`;
  return [head, `|---|${":-:|".repeat(deeds.length)}`, ...rows].join("\n");
}

function mark(matrix: DhtMatrix, words: Words, cells: readonly Cell[], cell: Cell): string {
  const title = titleOf(cell);
  if (!cells.some((one) => titleOf(one) === title)) return words.cannot;
  return matrix.cells[title] === "passed" ? "✓" : words.failed;
}

function named({ versions }: DhtMatrix, kind: string): string {
  return kind === "dure" ? "Dure" : `${kind} ${versions[kind] ?? ""}`.trim();
}
