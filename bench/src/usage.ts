import { readdirSync, readFileSync } from "node:fs";

// Linux reports CPU time in USER_HZ, which is 100 on every architecture Node runs on.
const ticksPerSecond = 100;

export interface Memory {
  /** Resident set, pages shared between the tree's processes counted in each. */
  readonly rssBytes: number;
  /** The part that is no mapped file or tmpfs page: what the program itself holds. */
  readonly anonymousBytes: number;
}

/** `root` and all its living descendants. */
export function tree(root: number): readonly number[] {
  const pids = [root]; // grows while it is walked; bounded by the machine's processes
  for (let index = 0; index < pids.length; index += 1) pids.push(...children(pids[index] ?? root));
  return pids;
}

/** User and system time of the tree, children that ended and were reaped included. Undefined when it is gone. */
export function cpuSeconds(root: number): number | undefined {
  let ticks: number | undefined;
  for (const pid of tree(root)) {
    const stat = readOrUndefined(`/proc/${pid}/stat`);
    if (stat !== undefined) ticks = (ticks ?? 0) + ticksOf(stat);
  }
  return ticks === undefined ? undefined : ticks / ticksPerSecond;
}

/** CPU time of all this process's own children that ended: a difference of two readings is that of one child. */
export function reapedCpuSeconds(): number {
  const fields = statFields(readFileSync("/proc/self/stat", "latin1"));
  return (Number(fields[16 - 3]) + Number(fields[17 - 3])) / ticksPerSecond;
}

export function memory(root: number): Memory | undefined {
  let rssBytes = 0;
  let anonymousBytes = 0;
  let found = false;
  for (const pid of tree(root)) {
    const status = readOrUndefined(`/proc/${pid}/status`);
    if (status === undefined) continue;
    found = true;
    rssBytes += kilobytes(status, "VmRSS");
    anonymousBytes += kilobytes(status, "RssAnon");
  }
  return found ? { rssBytes, anonymousBytes } : undefined;
}

/** The kernel's own high-water mark of the root process alone; catches a peak between two samples. */
export function highWaterBytes(root: number): number | undefined {
  const status = readOrUndefined(`/proc/${root}/status`);
  return status === undefined ? undefined : kilobytes(status, "VmHWM");
}

function children(pid: number): readonly number[] {
  const pids: number[] = [];
  for (const thread of listOrEmpty(`/proc/${pid}/task`)) {
    const text = readOrUndefined(`/proc/${pid}/task/${thread}/children`) ?? "";
    for (const word of text.split(" ")) if (word !== "") pids.push(Number(word));
  }
  return pids;
}

/** `stat` is "pid (name) state ppid …"; the name may hold spaces and parentheses, so fields count from behind it. */
export function statFields(stat: string): readonly string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** utime, stime, cutime, cstime: fields 14 to 17 of proc_pid_stat(5), the name being field 2. */
function ticksOf(stat: string): number {
  const fields = statFields(stat);
  return [14, 15, 16, 17].reduce((sum, field) => sum + Number(fields[field - 3]), 0);
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
}

/** A process may end between being listed and being read. */
function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}

function listOrEmpty(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
