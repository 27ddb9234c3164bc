// One part of the laboratory as a process: the part as JSON in the argument, its result as JSON on stdout.
import { type Part, runPart } from "./parts.ts";

const part: Part = JSON.parse(process.argv[2] ?? "");
process.stdout.write(`${JSON.stringify(runPart(part))}\n`);
