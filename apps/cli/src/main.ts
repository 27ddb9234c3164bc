// The program's first file: it answers `--version` without loading the rest, and runs on any Node that can say
// why it cannot run. Everything else is behind the dynamic import.
import { version } from "./version.ts";

const nodeMajorMin = 24;

const args = process.argv.slice(2);
const major = Number.parseInt(process.versions.node, 10);
if (major < nodeMajorMin) {
  process.stderr.write(
    `dure: needs Node ${nodeMajorMin} or newer, this is ${process.versions.node}: install Node ${nodeMajorMin} from https://nodejs.org\n`,
  );
  process.exitCode = 1;
} else if (args.length === 1 && (args[0] === "--version" || args[0] === "-V")) {
  process.stdout.write(`dure ${version()}\n`);
} else {
  const { start } = await import("./start.ts");
  await start(args);
}
