import { ok } from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

// The layer table of ARCHITECTURE.md: who may import whom. Tests and `testing` folders may import `sim` and anything below them.
const layers: Readonly<Record<string, readonly string[]>> = {
  base: [],
  protocol: ["base"],
  engine: ["base", "protocol"],
  control: ["base"],
  carrier: ["base", "protocol", "engine"],
  "host-node": ["base", "protocol", "engine", "carrier"],
  sim: ["base", "protocol", "engine", "carrier"],
  cli: ["base", "protocol", "engine", "carrier", "control", "host-node"],
};
const pure = new Set(["base", "protocol", "engine", "control", "carrier"]);
const pureGuests = /^@noble\/hashes(\/|$)/;
const root = join(import.meta.dirname, "..");

interface Source {
  readonly path: string;
  readonly layer: string;
  readonly isTest: boolean;
  readonly text: string;
}

const sources: readonly Source[] = globSync("{packages,apps}/*/src/**/*.ts", { cwd: root }).map((path) => ({
  path,
  layer: path.split("/")[1] ?? "",
  isTest: /\.test\.ts$|\/testing\/|\/contract\/|\/hostile\//.test(path),
  text: readFileSync(join(root, path), "utf8"),
}));

function importsOf(source: Source): string[] {
  const found = source.text.matchAll(
    /^(?:import|export)\b[^"']*?from\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm,
  );
  return [...found].map((match) => match[1] ?? match[2] ?? "");
}

function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}

test("there are sources to look at", () => ok(sources.length > 100));

test("a layer imports only the layers below it", () => {
  const wrong: string[] = [];
  for (const source of sources.filter(({ isTest }) => !isTest)) {
    const allowed = layers[source.layer];
    ok(allowed !== undefined, `${source.path}: the layer table does not know ${source.layer}`);
    for (const name of importsOf(source)) {
      const layer = /^@dure\/([^/]+)/.exec(name)?.[1];
      if (layer !== undefined && !allowed.includes(layer)) wrong.push(`${source.path} imports ${name}`);
    }
  }
  ok(wrong.length === 0, wrong.join("\n"));
});

test("the pure layers import nothing but each other and audited pure packages", () => {
  const wrong: string[] = [];
  for (const source of sources.filter(({ isTest, layer }) => !isTest && pure.has(layer))) {
    for (const name of importsOf(source)) {
      if (name.startsWith(".") || name.startsWith("@dure/") || pureGuests.test(name)) continue;
      wrong.push(`${source.path} imports ${name}`);
    }
  }
  ok(wrong.length === 0, wrong.join("\n"));
});

test("the pure layers read no clock, draw no global chance, set no timer, wait for nothing", () => {
  const banned =
    /\bDate\b|\bMath\.random\b|\bperformance\b|\bset(?:Timeout|Interval|Immediate)\b|\brandomBytes\b|\bgetRandomValues\b|\bprocess\.|\bawait\b|\basync\b|\bnew Promise\b/;
  const wrong = sources
    .filter(({ isTest, layer }) => !isTest && pure.has(layer))
    .flatMap(({ path, text }) =>
      code(text)
        .split("\n")
        .flatMap((line) => (banned.test(line) ? [`${path}: ${line.trim()}`] : [])),
    );
  ok(wrong.length === 0, wrong.join("\n"));
});

test("nobody reaches past the index of another folder", () => {
  const wrong: string[] = [];
  for (const source of sources.filter(({ isTest }) => !isTest)) {
    for (const name of importsOf(source)) {
      if (!name.startsWith("../")) continue;
      const target = relative(join(root, dirname(source.path)), join(root, dirname(source.path), name));
      const steps = target.split("/");
      const folder = steps.filter((step) => step !== "..");
      // ../name.ts is the parent's own file; ../folder/name.ts must be that folder's index where it has one.
      if (folder.length < 2) continue;
      const face = join(root, dirname(source.path), dirname(name), "index.ts");
      if (existsSync(face) && !name.endsWith("/index.ts")) wrong.push(`${source.path} imports ${name}`);
    }
  }
  ok(wrong.length === 0, wrong.join("\n"));
});

test("hosts never import each other, and only tests import the simulator", () => {
  const wrong = sources
    .filter(({ isTest, layer }) => !isTest && layer !== "sim")
    .filter((source) => importsOf(source).some((name) => name.startsWith("@dure/sim")))
    .map(({ path }) => path);
  ok(wrong.length === 0, wrong.join("\n"));
});

test("no default exports, no skipped tests, nothing left for later", () => {
  const banned = /^export default\b|\b(?:test|it|describe)\.(?:only|todo)\(|\b(?:TODO|FIXME|XXX)\b/m;
  const wrong = sources.filter(({ text }) => banned.test(text)).map(({ path }) => path);
  ok(wrong.length === 0, wrong.join("\n"));
});

test("files are kebab-case and small enough to hold in mind", () => {
  const names = sources
    .filter(({ path }) => !/\/[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:model|swarm|slow|test|d))*\.ts$/.test(path))
    .map(({ path }) => path);
  ok(names.length === 0, names.join("\n"));
  const long = sources
    .filter(({ isTest, text }) => !isTest && text.split("\n").length > 500)
    .map(({ path }) => path);
  ok(long.length === 0, `over 500 lines: ${long.join(", ")}`);
});

test("each protocol folder says what it does and what it does not", () => {
  const folders = new Set(
    sources
      .filter(({ layer }) => layer === "protocol")
      .flatMap(({ path }) => /src\/([^/]+)\//.exec(path)?.[1] ?? []),
  );
  ok(folders.size >= 6);
  for (const folder of folders) {
    const readme = join(root, "packages/protocol/src", folder, "README.md");
    ok(existsSync(readme), `${folder} has no README.md`);
    const text = readFileSync(readme, "utf8");
    ok(
      /not implemented/i.test(text) && /on purpose/i.test(text),
      `${folder}/README.md has no "Not implemented" or "On purpose"`,
    );
  }
});

test("the lock file records no download addresses", () => {
  const lock = readFileSync(join(root, "package-lock.json"), "utf8");
  ok(!/"resolved":\s*"https?:/.test(lock));
});
