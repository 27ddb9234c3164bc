import { constants } from "node:os";
import type { DiskFault } from "@dure/carrier";

/** A job cannot be done, and why. Thrown inside the worker, caught where jobs are run, told as a `failed` result. */
export class DiskError extends Error {
  override readonly name = "DiskError";
  readonly fault: DiskFault;
  readonly path: string;

  constructor(fault: DiskFault, path: string, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.fault = fault;
    this.path = path;
  }
}

const faults: Readonly<Record<string, DiskFault>> = {
  ENOSPC: "full",
  EDQUOT: "full",
  EFBIG: "full",
  EROFS: "read-only",
  ENOENT: "missing",
  ENOTDIR: "missing",
  ENODEV: "missing",
  ENXIO: "missing",
  ESTALE: "missing",
  ENOMEDIUM: "missing",
  EACCES: "denied",
  EPERM: "denied",
  ELOOP: "denied", // O_NOFOLLOW met a symlink
  EISDIR: "denied",
  EMFILE: "too-many-files",
  ENFILE: "too-many-files",
  ENAMETOOLONG: "name",
  EILSEQ: "name",
};

/** Names a system error. Anything else is a bug of ours and goes on being thrown. */
export function toDiskError(error: unknown, path: string): DiskError {
  if (error instanceof DiskError) return error;
  const code = codeOf(error);
  if (code === undefined) throw error;
  return new DiskError(faults[code] ?? "io", path, (error as Error).message, { cause: error }); // a code sits on an Error
}

/** The errno name of a system error; undefined for any other value. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return undefined;
  const nameless = "errno" in error ? unknownToLibuv.get(Number(error.errno)) : undefined;
  return nameless ?? String(error.code);
}

// libuv knows no name for these: Node then says `UNKNOWN` or `Unknown system error -116`, depending on the call.
const { EDQUOT, ESTALE } = constants.errno;
const unknownToLibuv: ReadonlyMap<number, string> = new Map([
  [-EDQUOT, "EDQUOT"],
  [-ESTALE, "ESTALE"],
  [-123, "ENOMEDIUM"], // which Node's constants do not name either
]);
