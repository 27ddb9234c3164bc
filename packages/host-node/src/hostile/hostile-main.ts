import { connect } from "node:net";
import { Line, type Prey, pause, type Script, scripts } from "./scripts.ts";

/*
 * Plays every script against every victim until it is told to end, each connecting anew half a second after it was
 * dropped. A process of its own, so that what the hostile peers cost themselves is not counted against the victims.
 */
export interface Task {
  readonly ports: readonly number[];
  readonly prey: Prey;
}

/** By script and victim: connections made, and how many the victim ended. */
export interface Tally {
  readonly name: string;
  readonly port: number;
  connections: number;
  dropped: number;
}

const again = 500;

async function play(script: Script, port: number, prey: Prey, tally: Tally): Promise<void> {
  for (;;) {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    socket.on("error", () => {}); // a reset is how some victims hang up
    let closed = false;
    socket.once("close", () => {
      closed = true;
    });
    await new Promise<void>((resolve) => {
      socket.once("connect", resolve);
      socket.once("close", () => resolve());
    });
    if (!closed) {
      tally.connections += 1;
      // A socket that nobody reads from does not see its end; a script that must not read says so itself.
      socket.resume();
      socket.on("end", () => socket.destroy());
      await script.play(new Line(socket, prey));
      tally.dropped += 1;
    }
    socket.destroy();
    await pause(again);
  }
}

if (process.send !== undefined) {
  process.once("message", (task: Task) => {
    const tallies: Tally[] = [];
    for (const script of scripts) {
      for (const port of task.ports) {
        const tally = { name: script.name, port, connections: 0, dropped: 0 };
        tallies.push(tally);
        void play(script, port, task.prey, tally);
      }
    }
    process.on("message", () => process.send?.(tallies, () => process.exit(0)));
    process.send?.("playing");
  });
  process.once("disconnect", () => process.exit(0));
}
