import type { Ms } from "@dure/base";
import {
  decodeDontHave,
  decodeExtensionHandshake,
  decodeMetadataMessage,
  decodeUploadOnly,
  encodeDontHave,
  encodeExtensionHandshake,
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
  encodeUploadOnly,
  extensionName,
  mergeExtensions,
} from "@dure/protocol";
import { MetadataServe } from "../metadata/index.ts";
import type { Content } from "./content.ts";
import type { Context } from "./context.ts";
import type { Links } from "./links.ts";
import type { TorrentOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import { uploadQueueMax } from "./uploads.ts";

/** Under which numbers peers send us these. */
const own = { metadata: 1, dontHave: 2, uploadOnly: 3 } as const;

/** BEP 10 and what rides on it: metadata (BEP 9), pieces let go (BEP 54), partial seeds (BEP 21). */
export class Extensions {
  readonly #context: Context;
  readonly #links: Links;
  readonly #options: Pick<TorrentOptions, "client" | "port">;
  readonly #serve = new MetadataServe();
  ready: Content | undefined;

  constructor(context: Context, links: Links, options: Pick<TorrentOptions, "client" | "port">) {
    this.#context = context;
    this.#links = links;
    this.#options = options;
  }

  greet(now: Ms, peer: Peer): void {
    if (!peer.facts.extended) return;
    const payload = encodeExtensionHandshake({
      m: {
        [extensionName.metadata]: own.metadata,
        [extensionName.dontHave]: own.dontHave,
        [extensionName.uploadOnly]: own.uploadOnly,
      },
      v: this.#options.client,
      p: this.#options.port,
      reqq: uploadQueueMax,
      yourIp: peer.facts.address.ip,
      metadataSize: this.ready?.info.infoBytes.length,
      uploadOnly: this.ready !== undefined && this.ready.picker.wantedLeft === 0 ? true : undefined,
    });
    this.#context.send(now, peer, { type: "extended", id: 0, payload });
  }

  /** False when the peer broke the protocol. */
  heard(now: Ms, peer: Peer, id: number, payload: Uint8Array): boolean {
    switch (id) {
      case 0:
        return this.#handshake(now, peer, payload);
      case own.metadata:
        return this.#metadata(now, peer, payload);
      case own.dontHave:
        return this.#dontHave(peer, payload);
      case own.uploadOnly: {
        const flag = decodeUploadOnly(payload);
        if (flag.ok) peer.uploadOnly = flag.value;
        return flag.ok;
      }
      default:
        return true; // an extension we never offered: ignored, as BEP 10 asks
    }
  }

  requestMetadata(now: Ms, peer: Peer, piece: number): void {
    this.#send(now, peer, extensionName.metadata, encodeMetadataRequest(piece));
  }

  /** Everyone learns that we will not download any more. */
  tellUploadOnly(now: Ms): void {
    for (const peer of this.#context.peers.values()) {
      this.#send(now, peer, extensionName.uploadOnly, encodeUploadOnly(true));
    }
  }

  /** BEP 54; peers without it cannot be told, and learn it from our reject. */
  tellDontHave(now: Ms, piece: number): void {
    for (const peer of this.#context.peers.values()) {
      this.#send(now, peer, extensionName.dontHave, encodeDontHave(piece));
    }
  }

  #handshake(now: Ms, peer: Peer, payload: Uint8Array): boolean {
    const decoded = decodeExtensionHandshake(payload);
    if (!decoded.ok) return false;
    const { m, v, p, reqq, metadataSize, uploadOnly, yourIp } = decoded.value;
    peer.extensions = mergeExtensions(peer.extensions, m);
    if (v !== undefined) peer.client = v;
    if (reqq !== undefined) peer.pipeline.setRequestsMax(reqq);
    if (uploadOnly !== undefined) peer.uploadOnly = uploadOnly;
    if (p !== undefined && peer.facts.incoming)
      this.#links.listensAt(now, peer, { ip: peer.facts.address.ip, port: p });
    if (yourIp !== undefined) this.#links.seenAs(peer, yourIp);
    if (metadataSize !== undefined && peer.extensions.has(extensionName.metadata)) {
      this.#context.metadata?.handle(now, { type: "peer", peer: peer.id, metadataBytes: metadataSize });
    }
    return true;
  }

  #metadata(now: Ms, peer: Peer, payload: Uint8Array): boolean {
    const decoded = decodeMetadataMessage(payload);
    if (!decoded.ok) return false;
    const message = decoded.value;
    const fetch = this.#context.metadata;
    if (message.type === "request") this.#serveMetadata(now, peer, message.piece);
    else if (message.type === "reject")
      fetch?.handle(now, { type: "reject", peer: peer.id, piece: message.piece });
    else if (message.type === "data") {
      fetch?.handle(now, { type: "data", peer: peer.id, piece: message.piece, bytes: message.bytes.slice() });
    }
    return true;
  }

  #serveMetadata(now: Ms, peer: Peer, piece: number): void {
    const info = this.ready?.info;
    const bytes = info === undefined ? undefined : this.#serve.serve(now, peer.id, piece, info.infoBytes);
    const reply =
      info === undefined || bytes === undefined
        ? encodeMetadataReject(piece)
        : encodeMetadataData({ piece, totalBytes: info.infoBytes.length, bytes });
    this.#send(now, peer, extensionName.metadata, reply);
  }

  #dontHave(peer: Peer, payload: Uint8Array): boolean {
    const piece = decodeDontHave(payload);
    if (!piece.ok) return false;
    const picker = this.ready?.picker;
    if (picker === undefined) return true;
    if (piece.value >= picker.have.length) return false;
    if (!peer.holdings.has(piece.value)) return true;
    picker.peerLoses(peer.holdings, piece.value);
    peer.holdings.lose(piece.value);
    if (picker.wants(piece.value)) peer.interesting -= 1;
    return true;
  }

  #send(now: Ms, peer: Peer, name: string, payload: Uint8Array): void {
    const id = peer.extensions.get(name);
    if (id !== undefined) this.#context.send(now, peer, { type: "extended", id, payload });
  }
}
