/** A line chart as SVG: light, and readable without colours, as each line has its own mark. */
export interface Chart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
}

export interface Axis {
  readonly label: string;
  readonly scale: "linear" | "logarithmic";
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  readonly tickText?: (value: number) => string;
}

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Measured points are marked; what was calculated is a line alone. */
  readonly marked: boolean;
  readonly dashed?: boolean;
  /** Of no line in particular, or of which: by default each has a colour of its own. */
  readonly colour?: "grey" | number;
}

const width = 820;
const height = 440;
const left = 70;
const right = 270;
const top = 50;
const bottom = 60;
// Told apart by those who see no red or no green too (Okabe and Ito).
const colours = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#56b4e9",
  "#e69f00",
  "#000000",
  "#7f7f7f",
  "#a65628",
];

export function drawChart(chart: Chart): string {
  const x = placer(chart.x, left, width - right);
  const y = placer(chart.y, height - bottom, top);
  const parts = [
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(left, 28, chart.title, { size: 17, weight: "600" }),
    ...chart.x.ticks.flatMap((tick) => xTick(x(tick), textOf(chart.x, tick))),
    ...chart.y.ticks.flatMap((tick) => yTick(y(tick), textOf(chart.y, tick))),
    text((left + width - right) / 2, height - 14, chart.x.label, { anchor: "middle" }),
    `<g transform="translate(18 ${(top + height - bottom) / 2}) rotate(-90)">${text(0, 0, chart.y.label, { anchor: "middle" })}</g>`,
    ...chart.lines.flatMap((line, index) => drawLine(line, index, x, y)),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escapeXml(chart.title)}</title>
<g font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="13" fill="#222222">
${parts.join("\n")}
</g>
</svg>
`;
}

function drawLine(line: Line, index: number, x: Placer, y: Placer): string[] {
  const wanted = line.colour ?? index;
  const colour = wanted === "grey" ? "#999999" : (colours[wanted % colours.length] ?? "#000000");
  const points = line.points.map(([px, py]) => [x(px), y(py)] as const);
  const path = points.map(([px, py], at) => `${at === 0 ? "M" : "L"}${round(px)} ${round(py)}`).join("");
  const dash = line.dashed === true ? ' stroke-dasharray="6 4"' : "";
  const legendY = top + 8 + index * 22;
  const legendX = width - right + 16;
  return [
    `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`,
    ...(line.marked ? points.map(([px, py]) => mark(index, px, py, colour)) : []),
    `<path d="M${legendX} ${legendY}h24" stroke="${colour}" stroke-width="2"${dash}/>`,
    ...(line.marked ? [mark(index, legendX + 12, legendY, colour)] : []),
    text(legendX + 32, legendY + 4, line.name, {}),
  ];
}

function mark(index: number, x: number, y: number, colour: string): string {
  const [px, py] = [round(x), round(y)];
  switch (index % 4) {
    case 0:
      return `<circle cx="${px}" cy="${py}" r="4" fill="${colour}"/>`;
    case 1:
      return `<rect x="${round(x - 4)}" y="${round(y - 4)}" width="8" height="8" fill="${colour}"/>`;
    case 2:
      return `<path d="M${px} ${round(y - 5)}l5 9h-10z" fill="${colour}"/>`;
    default:
      return `<path d="M${px} ${round(y - 5)}l5 5l-5 5l-5 -5z" fill="${colour}"/>`;
  }
}

function xTick(x: number, label: string): string[] {
  return [
    `<path d="M${round(x)} ${top}V${height - bottom}" stroke="#e4e4e4"/>`,
    text(x, height - bottom + 20, label, { anchor: "middle" }),
  ];
}

function yTick(y: number, label: string): string[] {
  return [
    `<path d="M${left} ${round(y)}H${width - right}" stroke="#e4e4e4"/>`,
    text(left - 8, y + 4, label, { anchor: "end" }),
  ];
}

type Placer = (value: number) => number;

function placer(axis: Axis, start: number, end: number): Placer {
  const scaled = axis.scale === "logarithmic" ? Math.log : (value: number) => value;
  const from = scaled(axis.from);
  const span = scaled(axis.to) - from;
  return (value) => start + ((scaled(value) - from) / span) * (end - start);
}

function textOf(axis: Axis, value: number): string {
  return axis.tickText?.(value) ?? value.toLocaleString("en");
}

function text(
  x: number,
  y: number,
  content: string,
  style: { readonly anchor?: "middle" | "end"; readonly size?: number; readonly weight?: string },
): string {
  const anchor = style.anchor === undefined ? "" : ` text-anchor="${style.anchor}"`;
  const size = style.size === undefined ? "" : ` font-size="${style.size}"`;
  const weight = style.weight === undefined ? "" : ` font-weight="${style.weight}"`;
  return `<text x="${round(x)}" y="${round(y)}"${anchor}${size}${weight}>${escapeXml(content)}</text>`;
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escapeXml(raw: string): string {
  return raw.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
