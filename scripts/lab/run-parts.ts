import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Part, PartResult } from "./parts.ts";

/** Of each process; ten thousand nodes have to fit. */
const heapMegabytesMax = 3500;

/** So many parts at a time, in the order given; `tell` hears of each as it ends. Throws when one fails. */
export async function runParts(
  parts: readonly Part[],
  jobs: number,
  tell: (result: PartResult) => void,
): Promise<void> {
  const waiting = [...parts];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      tell(await runPart(next));
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

function runPart(part: Part): Promise<PartResult> {
  const main = join(import.meta.dirname, "part-main.ts");
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${heapMegabytesMax}`, main, JSON.stringify(part)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let output = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text: string) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(JSON.parse(output));
      else reject(new Error(`${part.name} of seed ${part.seed} ended with ${code}`));
    });
  });
}
