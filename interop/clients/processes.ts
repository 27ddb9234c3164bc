import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

// Enough of a program's last words to see what was wrong, not a log.
const linesKeptMax = 200;
const tailBytesMax = 4096;
const stopGrace = 5_000;

export interface Program {
  /** Names the log file in `work`. */
  readonly label: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly work: string;
  readonly netns?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  /** It hears what `say` is given; otherwise its stdin is empty. */
  readonly listens?: boolean;
  /** Start it without the wrapper that ends it with us: for timing a start. */
  readonly bare?: boolean;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ProgramError extends Error {
  readonly label: string;

  constructor(label: string, message: string, lastWords: string) {
    super(`${label}: ${message}${lastWords === "" ? "" : `\n${lastWords}`}`);
    this.name = "ProgramError";
    this.label = label;
  }
}

/** The processes one harness started. None outlives it: not a return, not Ctrl-C, not `kill -9`. */
export class Processes {
  /** A folder for programs that need none of their own. */
  readonly scratch = join(tmpdir(), `dure-programs-${process.pid}`);
  readonly #alive = new Set<RunningProgram>(); // as many as the harness starts; leaves with the process

  constructor() {
    process.once("exit", () => {
      this.killAll();
      rmSync(this.scratch, { recursive: true, force: true });
    });
  }

  start(program: Program): RunningProgram {
    mkdirSync(program.work, { recursive: true });
    const running = new RunningProgram(program);
    this.#alive.add(running);
    void running.exited.then(() => this.#alive.delete(running));
    return running;
  }

  /** Run to the end; what it printed on stdout. */
  async run(
    program: Program,
    options: { within: number },
  ): Promise<{ exit: Exit; lines: readonly string[] }> {
    const running = this.start(program);
    const exit = await withinOrUndefined(running.exited, options.within);
    if (exit === undefined) {
      await running.stop();
      throw running.failure(`still running after ${options.within} ms`);
    }
    await running.drained;
    return { exit, lines: running.lines };
  }

  /** Synchronous, for `exit` handlers. */
  killAll(): void {
    for (const running of this.#alive) running.kill("SIGKILL");
  }
}

/** A started program, its stdout as lines, its stderr in a file of its scratch folder. */
export class RunningProgram {
  readonly pid: number;
  /** `performance.now()` at the spawn. */
  readonly startedAt: number;
  readonly exited: Promise<Exit>;
  /** Resolves when all of stdout has been heard. */
  readonly drained: Promise<void>;
  readonly #program: Program;
  readonly #child: ChildProcess;
  readonly #lines: string[] = []; // bounded: the oldest leave at linesKeptMax
  readonly #listeners = new Set<(line: string) => void>(); // one per pending wait
  #gone = false;

  constructor(program: Program) {
    this.#program = program;
    const [command, args] = wrapped(program);
    const log = openSync(this.#errorPath(), "w");
    this.startedAt = performance.now();
    this.#child = spawn(command, args, {
      stdio: [program.listens === true ? "pipe" : "ignore", "pipe", log],
      env: { ...process.env, ...program.env },
      cwd: program.work,
    });
    closeSync(log);
    this.#child.stdin?.on("error", () => {}); // it left: `exited` says so
    this.pid = this.#child.pid ?? -1; // -1: never started; `exited` then says so
    this.exited = new Promise((resolve) => {
      const leave = (exit: Exit): void => {
        this.#gone = true;
        resolve(exit);
      };
      this.#child.once("exit", (code, signal) => leave({ code, signal }));
      this.#child.once("error", () => leave({ code: 127, signal: null }));
    });
    this.drained = this.#read();
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** The first line, heard already or to come, for which `find` gives a value. Rejects at the exit or the deadline. */
  async until<Found>(
    find: (line: string) => Found | undefined,
    options: { within: number; what: string },
  ): Promise<Found> {
    for (const line of this.#lines) {
      const found = find(line);
      if (found !== undefined) return found;
    }
    return await new Promise<Found>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(listener);
      };
      const listener = (line: string): void => {
        const found = find(line);
        if (found === undefined) return;
        settle();
        resolve(found);
      };
      const timer = setTimeout(() => {
        settle();
        reject(this.failure(`not ${options.what} within ${options.within} ms`));
      }, options.within);
      this.#listeners.add(listener);
      // Its last line may still be in the pipe when the process is gone.
      void Promise.all([this.exited, this.drained]).then(([exit]) => {
        if (!this.#listeners.has(listener)) return;
        settle();
        reject(this.failure(`left (${exit.signal ?? `status ${exit.code}`}) before it was ${options.what}`));
      });
    });
  }

  /** A line to the program's stdin. */
  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.#gone) this.#child.kill(signal);
  }

  async stop(options: { grace: number } = { grace: stopGrace }): Promise<void> {
    this.kill("SIGTERM");
    if ((await withinOrUndefined(this.exited, options.grace)) !== undefined) return;
    this.kill("SIGKILL");
    await this.exited;
  }

  failure(message: string): ProgramError {
    const said = this.#lines.slice(-10).join("\n");
    return new ProgramError(
      this.#program.label,
      message,
      [said, this.#errorTail()].filter(Boolean).join("\n"),
    );
  }

  #read(): Promise<void> {
    const { stdout } = this.#child;
    if (stdout === null) return Promise.resolve();
    const reader = createInterface({ input: stdout });
    reader.on("line", (line) => {
      this.#lines.push(line);
      if (this.#lines.length > linesKeptMax) this.#lines.shift();
      for (const listener of this.#listeners) listener(line);
    });
    return new Promise((resolve) => reader.once("close", resolve));
  }

  #errorPath(): string {
    return join(this.#program.work, `${this.#program.label}.stderr`);
  }

  #errorTail(): string {
    if (!existsSync(this.#errorPath())) return ""; // the scratch folder was removed already
    const file = openSync(this.#errorPath(), "r");
    try {
      const { size } = fstatSync(file);
      const bytes = Buffer.alloc(Math.min(size, tailBytesMax));
      readSync(file, bytes, 0, bytes.length, size - bytes.length);
      return bytes.toString("utf8").trim();
    } finally {
      closeSync(file);
    }
  }
}

export async function withinOrUndefined<Value>(
  promise: Promise<Value>,
  wait: number,
): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), wait);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Both wrappers `exec`, so the child's pid is the program's own. `setpriv --pdeathsig` is what kills the program
 * when this process dies without a chance to do it.
 */
function wrapped(program: Program): [string, string[]] {
  const words: string[] = [];
  if (program.netns !== undefined) words.push("nsenter", `--net=/run/netns/${program.netns}`);
  if (program.bare !== true && existsSync("/usr/bin/setpriv")) words.push("setpriv", "--pdeathsig", "KILL");
  const [command, ...args] = [...words, program.command, ...program.args];
  return [command ?? program.command, args];
}

/** Ports on which `pid`'s network namespace has a listening TCP socket, whichever process holds it. */
export function listeningPorts(pid: number): ReadonlySet<number> {
  const ports = new Set<number>(); // as many as the namespace listens on
  for (const table of ["tcp", "tcp6"]) {
    let text: string;
    try {
      text = readFileSync(`/proc/${pid}/net/${table}`, "latin1");
    } catch {
      continue; // the process is gone, or the kernel has no IPv6: no ports either way
    }
    // "  0: 0100007F:1AE1 00000000:0000 0A …": local address, remote address, state (0A = LISTEN).
    for (const match of text.matchAll(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A /gm)) {
      ports.add(Number.parseInt(match[1] ?? "", 16));
    }
  }
  return ports;
}

export async function untilListening(
  running: RunningProgram,
  port: number,
  options: { within: number },
): Promise<void> {
  const deadline = performance.now() + options.within;
  let exited = false;
  void running.exited.then(() => {
    exited = true;
  });
  while (!listeningPorts(running.pid).has(port)) {
    if (exited) throw running.failure(`left before it listened on port ${port}`);
    if (performance.now() > deadline)
      throw running.failure(`not listening on port ${port} within ${options.within} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
