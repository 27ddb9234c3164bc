import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { NodeError } from "../api.ts";

/*
 * A key is a file of its own: an ed25519 private key, PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes it.
 * Nobody but its owner may open it, and it is never written over.
 */

/** A key of ours has 119 bytes; `openssl pkcs12` puts some lines before it. */
const keyBytesMax = 16 * 1024;
const ownerOnly = 0o600;
const othersMask = 0o077;

/** Makes a new key in a new file, on disk when it resolves. Rejects with `NodeError` "key-exists" or "key". */
export async function createKeyFile(path: string): Promise<KeyObject> {
  const { privateKey } = generateKeyPairSync("ed25519");
  // Exclusive: neither a file nor a symlink, not even a dangling one, is followed or replaced.
  const file = await open(path, "wx", ownerOnly).catch((error: unknown) => {
    throw notMade(path, error);
  });
  try {
    await file.chmod(ownerOnly); // an odd umask may have taken the owner's own rights
    await file.writeFile(privateKey.export({ format: "pem", type: "pkcs8" }));
    await file.sync();
  } catch (error) {
    await unlink(path).catch(() => undefined); // half a key is none
    throw notMade(path, error);
  } finally {
    await file.close();
  }
  return privateKey;
}

/**
 * Reads a key. What is judged is the file that was opened, not what its name points at a moment later. Rejects with
 * `NodeError` "key-missing", "key-exposed" (others may open it) or "key".
 */
export async function readKeyFile(path: string): Promise<KeyObject> {
  // Without waiting: a pipe of that name would never open.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw notRead(path, error);
  });
  try {
    refuse(path, await file.stat());
    return parsed(path, await textOf(path, file));
  } catch (error) {
    throw notRead(path, error);
  } finally {
    await file.close();
  }
}

function refuse(path: string, found: Stats): void {
  if (!found.isFile()) throw bad(path, "no file");
  if ((found.mode & othersMask) !== 0) {
    const message = `${path} may be opened by others than its owner: chmod 600 ${path}`;
    throw new NodeError("key-exposed", message, path);
  }
  if (found.size > keyBytesMax) throw bad(path, "too large");
}

/** No more than it may have, should the file grow meanwhile. */
async function textOf(path: string, file: FileHandle): Promise<string> {
  const buffer = Buffer.alloc(keyBytesMax + 1);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
  if (bytesRead > keyBytesMax) throw bad(path, "too large");
  return buffer.toString("utf8", 0, bytesRead);
}

function parsed(path: string, pem: string): KeyObject {
  if (pem.includes("ENCRYPTED")) throw bad(path, "encrypted with a passphrase");
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw bad(path, "no private key in PEM"); // OpenSSL's words for it would help nobody
  }
  if (key.asymmetricKeyType !== "ed25519") throw bad(path, `a key of ${key.asymmetricKeyType}`);
  return key;
}

function bad(path: string, what: string): NodeError {
  return new NodeError("key", `${path} is no ed25519 private key: ${what}`, path);
}

function notMade(path: string, cause: unknown): unknown {
  const code = systemCode(cause);
  if (code === undefined) return cause;
  if (code === "EEXIST")
    return new NodeError("key-exists", `${path} is there already: keys are never written over`, path);
  return new NodeError("key", `${path} cannot be written: ${code}`, path, { cause });
}

function notRead(path: string, cause: unknown): unknown {
  const code = systemCode(cause);
  if (code === undefined) return cause;
  if (code === "ENOENT") return new NodeError("key-missing", `${path} is not there`, path, { cause });
  return new NodeError("key", `${path} cannot be read: ${code}`, path, { cause });
}

/** Undefined for what is no fault of the file system. */
function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "syscall" in error && "code" in error ? String(error.code) : undefined;
}
