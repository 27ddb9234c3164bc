import type { HttpFailure } from "@dure/carrier";

/** Why a request has no answer. `beforeTalk`: nobody was spoken to yet, another address may do better. */
export class HttpFault extends Error {
  override readonly name = "HttpFault";
  readonly reason: HttpFailure;
  readonly beforeTalk: boolean;

  constructor(reason: HttpFailure, message: string, beforeTalk = false) {
    super(message);
    this.reason = reason;
    this.beforeTalk = beforeTalk;
  }
}
