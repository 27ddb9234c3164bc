import { fromHex, type InfoHash, must } from "@dure/base";
import { type MseEstablished, type MseMethod, MseOutgoing } from "@dure/protocol";
import { type CarrierStage, WirePeer } from "./stage.ts";

export interface Veil {
  readonly infoHash: InfoHash;
  readonly methods: readonly MseMethod[];
  /** IA. */
  readonly initialPayload?: Uint8Array;
}

/** A peer that connects to the carrier and encrypts: what it says and hears is plain to the test. */
export class VeiledPeer extends WirePeer {
  readonly #stage: CarrierStage;
  readonly #machine: MseOutgoing;
  end: MseEstablished | undefined;
  readonly wire: Uint8Array[] = [];

  constructor(stage: CarrierStage, socket: number, veil: Veil) {
    super(stage, socket);
    this.#stage = stage;
    const chance = {
      secret: new Uint8Array(20).fill(socket),
      keyPadding: must(fromHex("00ff".repeat(50)), "hex"),
      optionsPaddingBytes: 3,
    };
    const { infoHash, methods, initialPayload = new Uint8Array(0) } = veil;
    this.#machine = new MseOutgoing({ infoHash, methods, initialPayload, chance });
  }

  begin(): this {
    this.#drain();
    return this;
  }

  override raw(bytes: Uint8Array): this {
    const ciphered = bytes.slice();
    this.end?.send?.apply(ciphered);
    return super.raw(ciphered);
  }

  override heard(bytes: Uint8Array): void {
    this.wire.push(bytes.slice());
    const copy = bytes.slice();
    if (this.end === undefined) {
      this.#machine.receive(copy);
      this.#drain();
      this.#stage.carrier.handle(this.#stage.now, { type: "tcp-written", socket: this.socket, count: 1 });
      return;
    }
    this.end.receive?.apply(copy);
    super.heard(copy);
  }

  #drain(): void {
    for (let output = this.#machine.poll(); output !== undefined; output = this.#machine.poll()) {
      if (output.type === "send") super.raw(output.bytes);
      else if (output.type === "established") {
        this.end = output;
      } else this.leave();
    }
  }
}
