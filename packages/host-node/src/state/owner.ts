import { readFileSync } from "node:fs";
import process from "node:process";

/** A process, told apart from later ones that get its number. */
export interface Owner {
  readonly pid: number;
  /** Boot and start time; empty where the system does not tell them. */
  readonly mark: string;
}

export function thisProcess(): Owner {
  return { pid: process.pid, mark: markOf(process.pid) ?? "" };
}

/** Processes in other PID namespaces (containers that share a profile) do not see each other, and count as dead. */
export function isAlive(owner: Owner): boolean {
  if (process.platform === "linux") return markOf(owner.pid) === owner.mark;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // another user's, but there; kill throws nothing else
  }
}

/** Undefined when no such process runs. */
function markOf(pid: number): string | undefined {
  if (process.platform !== "linux") return undefined;
  const stat = readOrNothing(`/proc/${pid}/stat`);
  // proc(5): the name in brackets may hold anything; field 3, the state, follows it, and 22 is the start time.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTime] = [fields[0] ?? "", fields[19]];
  const ended = ["Z", "X", "x"].includes(state); // killed, and not yet fetched by its parent
  if (startTime === undefined || ended) return undefined;
  return `${readOrNothing("/proc/sys/kernel/random/boot_id").trim()} ${startTime}`;
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // the process is gone, or /proc is not mounted
  }
}
