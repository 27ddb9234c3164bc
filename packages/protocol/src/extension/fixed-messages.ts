import { assert, fail, ok, type Result, viewOf } from "@dure/base";

/*
 * Messages without a dictionary:
 *
 *   lt_donthave   piece (4)   BEP 54: the sender no longer has this piece
 *   upload_only   flag (1)    BEP 21 told anew during a connection, as libtorrent does; 0 is no
 */

/** BEP 54. */
export function encodeDontHave(piece: number): Uint8Array<ArrayBuffer> {
  assert(piece >= 0 && piece <= 0xffffffff, "a piece index has four bytes");
  const payload = new Uint8Array(4);
  viewOf(payload).setUint32(0, piece);
  return payload;
}

export function decodeDontHave(payload: Uint8Array): Result<number, "wrong-length"> {
  return payload.length === 4 ? ok(viewOf(payload).getUint32(0)) : fail("wrong-length");
}

export function encodeUploadOnly(uploadOnly: boolean): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(uploadOnly ? 1 : 0);
}

export function decodeUploadOnly(payload: Uint8Array): Result<boolean, "wrong-length"> {
  return payload.length === 1 ? ok(payload[0] !== 0) : fail("wrong-length");
}
