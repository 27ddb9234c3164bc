/** A job of the state port cannot be done; the message is for the user. */
export class StateError extends Error {
  override readonly name = "StateError";
}

// Primary result codes, the low byte of what SQLite gives (sqlite.org/rescode.html).
const busy = 5;
const corrupt = 11;
const notADatabase = 26;

export function isSqliteError(error: unknown): error is Error & { readonly errcode: number } {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number";
}

/** A failed system call: of a folder that cannot be made, a file that cannot be renamed. */
export function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error;
}

export function isBusy(error: unknown): boolean {
  return isSqliteError(error) && (error.errcode & 0xff) === busy;
}

export function isCorruption(error: unknown): boolean {
  return isSqliteError(error) && [corrupt, notADatabase].includes(error.errcode & 0xff);
}
