// A terminal's text as an SVG picture: bin/dure demo | node scripts/picture.ts 'dure demo' > docs/demo.svg
import { text } from "node:stream/consumers";

const lineHeight = 19;
const characterWidth = 8.4;
const [title = ""] = process.argv.slice(2);
const all = (await text(process.stdin)).trimEnd().split("\n");
// The start, one moment of the middle and the end tell the story; the rest repeats.
const lines = all.length <= 30 ? all : [...all.slice(0, 13), "…", ...all.slice(-12)];
const width = Math.ceil(Math.min(100, Math.max(...lines.map((line) => line.length))) * characterWidth) + 40;
const height = (lines.length + 2) * lineHeight + 34;

const rows = [`$ ${title}`, ...lines].map((line, index) => {
  const y = 58 + index * lineHeight;
  const fill = index === 0 ? "#8ae234" : /\b100%|byte for byte/.test(line) ? "#8ae234" : "#d3d7cf";
  return `<text x="20" y="${y}" fill="${fill}" xml:space="preserve">${escapeXml(line.slice(0, 100))}</text>`;
});

process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escapeXml(title)}</title>
<rect width="100%" height="100%" rx="8" fill="#1e2227"/>
<circle cx="20" cy="18" r="6" fill="#ef5350"/><circle cx="40" cy="18" r="6" fill="#fbc02d"/><circle cx="60" cy="18" r="6" fill="#66bb6a"/>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14">
${rows.join("\n")}
</g>
</svg>
`);

function escapeXml(raw: string): string {
  return raw.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
