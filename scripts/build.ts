/**
 * Builds the package: `dist/dure.js` and its chunks, the workers as files of their own beside them, and the types of
 * the library face. Run by `npm run build`, and by npm before it packs or after it has installed a checkout: the
 * latter through apps/cli, since a `prepare` in the package itself makes npm warn everyone who installs it.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
/** An argument names another place; the build replaces what is there in one step. */
const target = resolve(process.argv[2] ?? join(root, "dist"));
const dist = `${target}.new`;

/** Output name → source. Workers look for themselves beside the file that starts them. */
const entries = {
  dure: "apps/cli/src/main.ts",
  index: "packages/host-node/src/index.ts",
  "disk-worker": "packages/host-node/src/disk/worker.ts",
  "state-worker": "packages/host-node/src/state/worker.ts",
  "filters-worker": "packages/host-node/src/filters/worker.ts",
  "hash-worker": "apps/cli/src/create/hash-worker.ts",
};

const esbuild = await loadBundler();
if (esbuild === undefined) {
  process.stdout.write(
    "Without the development dependencies nothing is built; dure runs from its sources.\n",
  );
  process.exit(0);
}
rmSync(dist, { recursive: true, force: true });
await esbuild.build({
  absWorkingDir: root,
  entryPoints: Object.entries(entries).map(([out, source]) => ({ in: source, out })),
  outdir: dist,
  bundle: true,
  splitting: true,
  // All in one folder, so that a chunk finds a worker wherever its code ended up.
  chunkNames: "chunk-[hash]",
  format: "esm",
  platform: "node",
  target: "node24",
  // Names stay, for stack traces; what only the parser would have to pass over goes.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "linked",
  logLevel: "warning",
});
buildTypes();
rmSync(target, { recursive: true, force: true });
renameSync(dist, target);

/** None after `npm ci --omit=dev`, which runs `prepare` all the same; asked for by name, a build must be one. */
async function loadBundler(): Promise<typeof import("esbuild") | undefined> {
  try {
    return await import("esbuild");
  } catch (error) {
    if (process.env.npm_lifecycle_event === "prepare") return undefined;
    throw error;
  }
}

/**
 * The declarations that `index.d.ts` reaches. The compiler writes those of all packages, in a tree like ours; imports
 * of our packages by name become relative ones, since the names mean nothing where the package is installed.
 */
function buildTypes(): void {
  const all = join(root, ".cache", "types");
  rmSync(all, { recursive: true, force: true });
  mkdirSync(all, { recursive: true });
  const config = join(all, "tsconfig.json");
  writeFileSync(
    config,
    JSON.stringify({
      extends: relative(all, join(root, "tsconfig.options.json")),
      compilerOptions: {
        lib: ["ES2023"],
        types: ["node"],
        noEmit: false,
        declaration: true,
        emitDeclarationOnly: true,
        rootDir: root,
        outDir: join(all, "out"),
        // Past node_modules, whose files are not emitted.
        paths: { "@dure/*": [join(root, "packages/*/src/index.ts")] },
      },
      files: [join(root, "packages/host-node/src/index.ts"), join(root, "packages/base/src/globals.d.ts")],
    }),
  );
  execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", config], {
    stdio: "inherit",
    cwd: root,
  });
  const out = join(all, "out", "packages");
  const kept = new Set<string>(); // bounded by the declarations there are
  keep(join(out, "host-node/src/index.d.ts"), out, kept);
  writeFileSync(join(dist, "index.d.ts"), 'export * from "./types/host-node/src/index.js";\n');
}

function keep(file: string, out: string, kept: Set<string>): void {
  if (kept.has(file)) return;
  kept.add(file);
  const text = readFileSync(file, "utf8").replace(
    /(from |import\()"([^"]+)"/g,
    (whole, before: string, name: string) => {
      const target = declarationOf(name, file, out);
      if (target === undefined) return whole;
      keep(target, out, kept);
      const path = relative(dirname(file), target).replace(/\.d\.ts$/, ".js");
      return `${before}"${path.startsWith(".") ? path : `./${path}`}"`;
    },
  );
  const place = join(dist, "types", relative(out, file));
  mkdirSync(dirname(place), { recursive: true });
  writeFileSync(place, text);
}

// `@dure/base` → base/src/index.d.ts, `./api.ts` → api.d.ts; anything else is Node's own.
function declarationOf(name: string, from: string, out: string): string | undefined {
  const own = /^@dure\/([a-z-]+)$/.exec(name)?.[1];
  if (own !== undefined) return join(out, own, "src/index.d.ts");
  return name.startsWith(".") ? resolve(dirname(from), name.replace(/\.(ts|js)$/, ".d.ts")) : undefined;
}
