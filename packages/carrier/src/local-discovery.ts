import { type Address, earliest, type InfoHash, type Ms, minutes, ms, type Prng } from "@dure/base";
import { Lsd, type LsdInput } from "@dure/engine";
import type { CarriedTorrent } from "./carried-torrent.ts";
import type { Desk } from "./desk.ts";

/** A torrent that was paused, resumed or turned out to be private is noticed after this at the latest. */
const lookEvery = minutes(1);

/** Local discovery (BEP 14) of all torrents: which of them take part, and where what is heard goes. */
export class LocalDiscovery {
  readonly #desk: Desk;
  readonly #torrents: ReadonlyMap<InfoHash, CarriedTorrent>;
  readonly #lsd: Lsd;
  readonly #joined = new Set<InfoHash>(); // bounded by what the user adds
  #lookAt: Ms | undefined;

  constructor(desk: Desk, prng: Prng, torrents: ReadonlyMap<InfoHash, CarriedTorrent>) {
    this.#desk = desk;
    this.#torrents = torrents;
    this.#lsd = new Lsd(prng);
  }

  deadline(): Ms | undefined {
    return earliest(this.#lookAt, this.#lsd.deadline());
  }

  added(now: Ms, torrent: CarriedTorrent): void {
    this.#look(now, torrent);
    this.#lookAt ??= ms(now + lookEvery);
    this.#drain(now);
  }

  removed(now: Ms, infoHash: InfoHash): void {
    if (this.#joined.delete(infoHash)) this.#lsd.handle(now, { type: "leave", infoHash });
    if (this.#torrents.size === 0) this.#lookAt = undefined;
    this.#drain(now);
  }

  wake(now: Ms): void {
    const due = this.deadline();
    if (due === undefined || due > now) return;
    // Before each announce: none must name a torrent that is paused or private by now.
    for (const torrent of this.#torrents.values()) this.#look(now, torrent);
    this.#lookAt = this.#torrents.size === 0 ? undefined : ms(now + lookEvery);
    this.#tell(now, { type: "wake" });
  }

  heard(
    now: Ms,
    event: { readonly from: Address; readonly neighbour: boolean; readonly bytes: Uint8Array },
  ): void {
    const { from, neighbour, bytes } = event;
    this.#tell(now, { type: "datagram", from, neighbour, bytes });
  }

  networkChanged(now: Ms): void {
    this.#tell(now, { type: "network-changed" });
  }

  #look(now: Ms, torrent: CarriedTorrent): void {
    const { infoHash } = torrent.key;
    const wanted = torrent.engine.discoverable && !torrent.stopping;
    if (wanted === this.#joined.has(infoHash)) return;
    if (wanted) {
      this.#joined.add(infoHash);
      this.#lsd.handle(now, { type: "join", infoHash, port: torrent.engine.options.port });
    } else {
      this.#joined.delete(infoHash);
      this.#lsd.handle(now, { type: "leave", infoHash });
    }
  }

  #tell(now: Ms, input: LsdInput): void {
    this.#lsd.handle(now, input);
    this.#drain(now);
  }

  #drain(now: Ms): void {
    for (let output = this.#lsd.poll(); output !== undefined; output = this.#lsd.poll()) {
      if (output.type === "peer") {
        const addresses = [output.address];
        this.#torrents.get(output.infoHash)?.input(now, { type: "add-peers", addresses, source: "lsd" });
      } else if (output.type === "listen") this.#desk.emit({ type: "lsd-listen", on: output.on });
      else this.#desk.emit({ type: "lsd-send", family: output.family, bytes: output.bytes });
    }
  }
}
