import { Interrupt, listenForSignals } from "./interrupt.ts";
import { run } from "./run.ts";
import { processScreen } from "./terminal/screen.ts";

/** The process around a command: signals, streams and the exit status. */
export async function start(args: readonly string[]): Promise<void> {
  const interrupt = new Interrupt();
  listenForSignals(interrupt);
  const screen = processScreen(process.env);
  const status = await run(args, {
    screen,
    interrupt,
    env: process.env,
    openNode: async (options) => (await import("./open.ts")).openNode(options),
    openTracker: async () => (await import("./open.ts")).openTracker(),
  });
  // What stdout still holds (a pipe that is read slowly) leaves before the process does.
  await new Promise<void>((done) => process.stdout.write("", () => done()));
  process.exit(status);
}
