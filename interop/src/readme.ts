import type { Matrix, Outcome } from "./matrix.ts";
import { type Plan, plans, titleOf, us } from "./plan.ts";

export const markers = { start: "<!-- interop:start -->", end: "<!-- interop:end -->" } as const;

interface Words {
  readonly transfer: string;
  readonly tracker: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly failed: string;
  readonly absent: string;
  readonly notes: Readonly<Record<"no-ipv6" | "no-ipv6-peers-over-udp", string>>;
}

const english: Words = {
  transfer: "from → to",
  tracker: "two peers meet by",
  columns: {
    "one-file": "one file",
    "many-files": "many files, pad and empty files",
    "small-pieces": "16 KiB pieces",
    "large-pieces": "16 MiB pieces",
    magnet: "magnet link",
    private: "private",
    ipv6: "IPv6",
    encrypted: "encrypted (MSE, RC4)",
    part: "part selected",
  },
  failed: "fails",
  absent: "not tried",
  notes: {
    "no-ipv6": "This build of the tracker has no IPv6.",
    "no-ipv6-peers-over-udp": "The tracker leaves IPv6 peers out of its UDP answers.",
  },
};

const korean: Words = {
  transfer: "보내는 쪽 → 받는 쪽",
  tracker: "두 피어를 이어 주는 트래커",
  columns: {
    "one-file": "파일 하나",
    "many-files": "여러 파일, 패드·빈 파일",
    "small-pieces": "16 KiB 조각",
    "large-pieces": "16 MiB 조각",
    magnet: "마그넷 링크",
    private: "비공개",
    ipv6: "IPv6",
    encrypted: "암호화 (MSE, RC4)",
    part: "일부만 선택",
  },
  failed: "실패",
  absent: "시험 안 함",
  notes: {
    "no-ipv6": "이 트래커 빌드에는 IPv6가 없습니다.",
    "no-ipv6-peers-over-udp": "이 트래커는 UDP 응답에서 IPv6 피어를 뺍니다.",
  },
};

/** The README files that show the matrix, with the language of each. */
export const readmes: Readonly<Record<string, Words>> = { "README.md": english, "README.ko.md": korean };

/** `text` with the matrix between its markers, or undefined when it has none. */
export function withMatrix(text: string, matrix: Matrix, words: Words): string | undefined {
  const start = text.indexOf(markers.start);
  const end = text.indexOf(markers.end);
  if (start < 0 || end < start) return undefined;
  const head = text.slice(0, start + markers.start.length);
  return `${head}\n\n${markdownOf(matrix, words)}\n\n${text.slice(end)}`;
}

/** Whether `text` shows the matrix. A formatter may have moved the borders of the tables. */
export function showsMatrix(text: string, matrix: Matrix, words: Words): boolean {
  const shown = withMatrix(text, matrix, words);
  return shown !== undefined && unaligned(shown) === unaligned(text);
}

function unaligned(text: string): string {
  return text.replaceAll(/ {2,}/g, " ").replaceAll(/ ?:?-+:? ?\|/g, "-|");
}

export function markdownOf(matrix: Matrix, words: Words): string {
  const notes: string[] = []; // one for each limit in the tables
  const cell = (outcome: Outcome | undefined): string => {
    if (outcome === "passed") return "✓";
    if (outcome === undefined || outcome === "absent") return words.absent;
    if (outcome === "failed") return words.failed;
    const note = words.notes[outcome];
    if (!notes.includes(note)) notes.push(note);
    return `–<sup>${notes.indexOf(note) + 1}</sup>`;
  };
  const meetings = plans.filter(({ seeder, leecher }) => seeder === leecher);
  const tables = [
    table(
      words.transfer,
      plans.filter((plan) => !meetings.includes(plan)),
      matrix,
      words,
      cell,
    ),
    table(words.tracker, meetings, matrix, words, cell),
  ];
  const footnotes = notes.map((note, index) => `<sup>${index + 1}</sup> ${note}`);
  return [...tables, ...(footnotes.length > 0 ? [footnotes.join("<br>\n")] : [])].join("\n\n");
}

function table(
  corner: string,
  chosen: readonly Plan[],
  matrix: Matrix,
  words: Words,
  cell: (outcome: Outcome | undefined) => string,
): string {
  const columns = [...new Set(chosen.map(({ column }) => column))];
  const rows = [...new Set(chosen.map(({ row }) => row))].map((row) => {
    const cells = columns.map((column) => {
      const plan = chosen.find((one) => one.row === row && one.column === column);
      return plan === undefined ? "" : cell(matrix.cells[titleOf(plan)]);
    });
    return `| ${withVersion(row, matrix)} | ${cells.join(" | ")} |`;
  });
  const head = columns.map((column) => words.columns[column] ?? column);
  return [`| ${corner} | ${head.join(" | ")} |`, `|---|${":-:|".repeat(columns.length)}`, ...rows].join("\n");
}

const displayNames: Readonly<Record<string, string>> = {
  [us]: "Dure",
  transmission: "Transmission",
  webtorrent: "WebTorrent",
  http: "HTTP",
  udp: "UDP",
};

/** "webtorrent → dure" as "WebTorrent 3.0.21 → Dure"; "opentracker, udp" as "opentracker 0.0, UDP". */
function withVersion(row: string, { versions }: Matrix): string {
  return row
    .split(/( → |, )/)
    .map((word) => {
      const name = displayNames[word] ?? word;
      const version = versions[word];
      return version === undefined ? name : `${name} ${shortVersion(version)}`;
    })
    .join("");
}

/** Without the packager's part: "0.0~git20210823.110868e-3" is "0.0~git20210823". */
function shortVersion(version: string): string {
  return /^\d+(\.\d+)*(~git\d+)?/.exec(version)?.[0] ?? version;
}
