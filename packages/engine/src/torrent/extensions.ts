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
  type PexFlags,
  pexName,
} from "@dure/protocol";
import { MetadataServe } from "../metadata/index.ts";
import { type Connected, Pex } from "../pex/index.ts";
import type { Content } from "./content.ts";
import type { Context } from "./context.ts";
import type { Links } from "./links.ts";
import type { TorrentOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import type { Revealing } from "./revealing.ts";
import { uploadQueueMax } from "./uploads.ts";

/** Under which numbers peers send us these. */
const own = { metadata: 1, dontHave: 2, uploadOnly: 3, pex: 4 } as const;

type ExtensionOptions = Pick<
  TorrentOptions,
  "client" | "port" | "pex" | "prng" | "start" | "countLocal" | "prefersEncryption"
>;

/** BEP 10 and what rides on it: metadata (BEP 9), pieces let go (BEP 54), partial seeds (BEP 21), peer exchange (BEP 11). */
export class Extensions {
  readonly #context: Context;
  readonly #links: Links;
  readonly #options: ExtensionOptions;
  readonly #serve = new MetadataServe();
  /** Undefined where peers are not exchanged. */
  #pex: Pex | undefined;
  ready: Content | undefined;
  /** While we super-seed. */
  revealing: Revealing | undefined;

  constructor(context: Context, links: Links, options: ExtensionOptions) {
    this.#context = context;
    this.#links = links;
    this.#options = options;
    if (options.pex !== false && options.start?.info.private !== true)
      this.#pex = new Pex(options.prng.split("pex"), { countLocal: options.countLocal ?? false });
  }

  greet(now: Ms, peer: Peer): void {
    if (!peer.facts.extended) return;
    const payload = encodeExtensionHandshake({
      m: {
        [extensionName.metadata]: own.metadata,
        [extensionName.dontHave]: own.dontHave,
        [extensionName.uploadOnly]: own.uploadOnly,
        ...(this.#pex === undefined ? {} : { [pexName]: own.pex }),
      },
      v: this.#options.client,
      p: this.#options.port,
      reqq: uploadQueueMax,
      prefersEncryption: this.#options.prefersEncryption === true ? true : undefined,
      yourIp: peer.facts.address.ip,
      metadataSize: this.ready?.info.infoBytes.length,
      uploadOnly: this.#uploadOnly ? true : undefined,
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
      case own.pex:
        this.#pex?.handle(now, { type: "heard", link: peer.id, ip: peer.facts.address.ip, payload });
        this.#drainPex(now);
        return true;
      default:
        return true; // an extension we never offered: ignored, as BEP 10 asks
    }
  }

  tick(now: Ms): void {
    const due = this.#pex?.deadline();
    if (due === undefined || due > now) return;
    this.#pex?.handle(now, { type: "wake", connected: this.#connected() });
    this.#drainPex(now);
  }

  left(now: Ms, peer: Peer): void {
    this.#pex?.handle(now, { type: "left", link: peer.id });
  }

  /** The metadata says so (BEP 27): an offer of peer exchange is taken back. */
  becomePrivate(now: Ms): void {
    if (this.#pex === undefined) return;
    this.#pex = undefined;
    const payload = encodeExtensionHandshake({ m: { [pexName]: 0 } });
    for (const peer of this.#context.peers.values())
      if (peer.facts.extended) this.#context.send(now, peer, { type: "extended", id: 0, payload });
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

  /** A super-seed looks like a peer that has nothing (BEP 16). */
  get #uploadOnly(): boolean {
    return this.ready?.picker.wantedLeft === 0 && this.revealing?.active !== true;
  }

  #handshake(now: Ms, peer: Peer, payload: Uint8Array): boolean {
    const decoded = decodeExtensionHandshake(payload);
    if (!decoded.ok) return false;
    const { m, v, p, reqq, metadataSize, uploadOnly, yourIp, prefersEncryption } = decoded.value;
    peer.extensions = mergeExtensions(peer.extensions, m);
    if (v !== undefined) peer.client = v;
    if (reqq !== undefined) peer.pipeline.setRequestsMax(reqq);
    if (uploadOnly !== undefined) peer.uploadOnly = uploadOnly;
    if (p !== undefined && peer.facts.incoming)
      this.#links.listensAt(now, peer, { ip: peer.facts.address.ip, port: p });
    if (prefersEncryption !== undefined) this.#links.prefersEncryption(peer, prefersEncryption);
    if (yourIp !== undefined) this.#links.seenAs(peer, yourIp);
    const speaks = peer.extensions.has(pexName);
    this.#pex?.handle(now, { type: "speaks", link: peer.id, ip: peer.facts.address.ip, speaks });
    if (metadataSize !== undefined && peer.extensions.has(extensionName.metadata)) {
      this.#context.metadata?.handle(now, { type: "peer", peer: peer.id, metadataBytes: metadataSize });
    }
    return true;
  }

  /** Whom others may hear of: everyone whose listening address is known. */
  #connected(): Connected[] {
    const connected: Connected[] = []; // bounded by the connections
    for (const peer of this.#context.peers.values()) {
      const address = peer.facts.incoming ? peer.listens : peer.facts.address;
      if (address !== undefined)
        connected.push({ link: peer.id, contact: { address, flags: flagsOf(peer) } });
    }
    return connected;
  }

  #drainPex(now: Ms): void {
    for (let output = this.#pex?.poll(); output !== undefined; output = this.#pex?.poll()) {
      if (output.type === "contacts") this.#links.learn(now, output.contacts);
      else if (output.type === "close") this.#context.close(now, output.link, output.reason);
      else {
        const peer = this.#context.peers.get(output.link);
        if (peer !== undefined) this.#send(now, peer, pexName, output.payload);
      }
    }
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

function flagsOf(peer: Peer): PexFlags {
  return {
    prefersEncryption: peer.prefersEncryption,
    seed: peer.seed || peer.uploadOnly,
    utp: false,
    holepunch: peer.extensions.has("ut_holepunch"),
    reachable: !peer.facts.incoming,
  };
}
