import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { temporary } from "../testing/temporary.ts";
import { createKeyFile, rawPublicKey, readKeyFile } from "./index.ts";

function folderFor(context: TestContext): string {
  const { folder, remove } = temporary();
  context.after(remove);
  return folder;
}

function write(path: string, text: string | Buffer, mode = 0o600): string {
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

test("a new key can be read again, and only by its owner, whatever the umask", async (context) => {
  const folder = folderFor(context);
  const before = process.umask();
  context.after(() => process.umask(before));
  for (const umask of [0o022, 0, 0o077, 0o777]) {
    process.umask(umask);
    const path = join(folder, `key-${umask}`);
    const key = await createKeyFile(path);
    process.umask(before);
    equal(statSync(path).mode & 0o7777, 0o600);
    const again = await readKeyFile(path);
    ok(verify(null, Buffer.from("x"), createPublicKey(key), sign(null, Buffer.from("x"), again)));
    equal(rawPublicKey(again).length, 32);
    deepEqual(rawPublicKey(again), rawPublicKey(key));
  }
});

test("openssl reads our keys, and we read openssl's", async (context) => {
  const folder = folderFor(context);
  const ours = join(folder, "ours");
  const key = await createKeyFile(ours);
  const der = execFileSync("openssl", ["pkey", "-in", ours, "-pubout", "-outform", "DER"]);
  deepEqual(new Uint8Array(der.subarray(-32)), rawPublicKey(key));
  const theirs = join(folder, "theirs");
  execFileSync("openssl", ["genpkey", "-algorithm", "ed25519", "-out", theirs]);
  chmodSync(theirs, 0o600);
  equal((await readKeyFile(theirs)).asymmetricKeyType, "ed25519");
});

test("nothing is ever written over: no file, no folder, no symlink, not even one that leads nowhere", async (context) => {
  const folder = folderFor(context);
  const file = write(join(folder, "file"), "precious");
  mkdirSync(join(folder, "folder"));
  symlinkSync(file, join(folder, "link"));
  symlinkSync(join(folder, "nowhere"), join(folder, "dangling"));
  for (const name of ["file", "folder", "link", "dangling"])
    await rejects(createKeyFile(join(folder, name)), { code: "key-exists", detail: join(folder, name) });
  equal(readFileSync(file, "utf8"), "precious");
  ok(!existsSync(join(folder, "nowhere")));
  await rejects(createKeyFile(join(folder, "none/key")), { code: "key" });
});

test("a key that others may open, read or not, is refused with what to do", async (context) => {
  const folder = folderFor(context);
  const path = join(folder, "key");
  await createKeyFile(path);
  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666]) {
    chmodSync(path, mode);
    await rejects(readKeyFile(path), { code: "key-exposed", message: new RegExp(`chmod 600 ${path}$`) });
  }
  chmodSync(path, 0o400);
  await readKeyFile(path);
  symlinkSync(path, join(folder, "link"));
  chmodSync(path, 0o644);
  await rejects(readKeyFile(join(folder, "link")), { code: "key-exposed" }); // the file counts, not the link
});

test("what is no ed25519 private key is refused in a line, and nothing hangs", async (context) => {
  const folder = folderFor(context);
  const pem = { format: "pem", type: "pkcs8" } as const;
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const files: Readonly<Record<string, readonly [string | Buffer, RegExp]>> = {
    x25519: [generateKeyPairSync("x25519").privateKey.export(pem), /a key of x25519/],
    public: [publicKey.export({ format: "pem", type: "spki" }), /no private key/],
    encrypted: [privateKey.export({ ...pem, cipher: "aes-256-cbc", passphrase: "x" }), /passphrase/],
    empty: ["", /no private key/],
    noise: [Buffer.from([0, 255, 254, 10]), /no private key/],
    large: [Buffer.alloc(16 * 1024 + 1, "a"), /too large/],
  };
  for (const [name, [content, message]] of Object.entries(files))
    await rejects(readKeyFile(write(join(folder, name), content)), { code: "key", message });
  await rejects(readKeyFile(join(folder, "none")), { code: "key-missing" });
  await rejects(readKeyFile(folder), { code: "key", message: /no file/ });
  execFileSync("mkfifo", ["-m", "600", join(folder, "pipe")]);
  await rejects(readKeyFile(join(folder, "pipe")), { code: "key", message: /no file/ });
});
