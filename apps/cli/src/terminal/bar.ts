import { displayWidth } from "./width.ts";

export interface BarStyle {
  readonly columns: number;
  readonly unicode: boolean;
  readonly color: boolean;
}

export interface BarField {
  readonly text: string;
  /** On a narrow terminal the fields with the lowest rank leave first. */
  readonly rank: number;
}

/** The bar's own rank among its fields. */
export const barRank = 50;
const barMin = 8;
const barMax = 40;
const gap = "  ";

/**
 * One line: fields, a bar that takes the room they leave, more fields. Never wider than the terminal less one column,
 * so that no line wraps; empty fields take no room.
 */
export function renderBar(
  line: {
    readonly before: readonly BarField[];
    readonly fraction: number;
    readonly after: readonly BarField[];
  },
  style: BarStyle,
): string {
  const room = Math.max(1, style.columns - 1);
  const bar = { text: " ".repeat(barMin), rank: barRank };
  const all = [...line.before, bar, ...line.after].filter((field) => field.text !== "");
  const kept = new Set<BarField>();
  let used = 0;
  for (const field of all.toSorted((a, b) => b.rank - a.rank)) {
    const width = displayWidth(field.text) + (kept.size === 0 ? 0 : gap.length);
    if (used + width > room) break;
    used += width;
    kept.add(field);
  }
  const drawn = drawBar(line.fraction, Math.min(barMax, barMin + room - used), style);
  return all
    .filter((field) => kept.has(field))
    .map((field) => (field === bar ? drawn : field.text))
    .join(gap)
    .trimEnd();
}

/** Whole per cent, 100 only when nothing is missing. */
export function percentOf(fraction: number): number {
  return fraction >= 1 ? 100 : Math.min(99, Math.floor(Math.max(0, fraction) * 100));
}

function drawBar(fraction: number, width: number, style: BarStyle): string {
  const filled = fraction >= 1 ? width : Math.min(width - 1, Math.floor(Math.max(0, fraction) * width));
  const [full, empty] = style.unicode ? ["━", "─"] : ["#", "-"];
  const done = full.repeat(filled);
  const rest = empty.repeat(width - filled);
  return style.color ? `\u001b[32m${done}\u001b[0m\u001b[2m${rest}\u001b[0m` : done + rest;
}
