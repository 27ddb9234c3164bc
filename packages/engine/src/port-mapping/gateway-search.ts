import { type Ms, ms } from "@dure/base";
import { decodeSsdpResponse, encodeSsdpSearch, gatewaySearchTargets, type HttpTarget } from "@dure/protocol";
import { searchAgain, searchesMax, searchWait } from "./timing.ts";

/** More devices than this on one network that call themselves a gateway are not tried. */
const candidatesMax = 4;

type State =
  | { readonly name: "idle" }
  | { readonly name: "searching"; readonly searches: number; readonly searchAt: Ms; readonly until: Ms }
  | { readonly name: "over" };

/** Looks for UPnP gateways by SSDP. The default gateway, once it has answered, is worth no more waiting. */
export class GatewaySearch {
  readonly #gateway: string;
  readonly #found: HttpTarget[] = []; // at most candidatesMax; the default gateway comes first
  readonly #seen = new Set<string>(); // likewise
  #state: State = { name: "idle" };

  constructor(gateway: string) {
    this.#gateway = gateway;
  }

  /** Datagrams to send together. */
  begin(now: Ms): readonly Uint8Array[] {
    return this.#search(now, 1, ms(now + searchWait));
  }

  /** Whether `next` is the best there is, or nothing better is to be expected. */
  get ready(): boolean {
    return this.#state.name === "over" || this.#found[0]?.ip === this.#gateway;
  }

  next(): HttpTarget | undefined {
    return this.#found.shift();
  }

  hear(from: string, bytes: Uint8Array): void {
    const response = decodeSsdpResponse(bytes);
    // A device speaks for itself alone: otherwise it could send us to any host (SSRF).
    if (!response.ok || response.value.location.ip !== from) return;
    const { location } = response.value;
    const key = `${location.ip} ${location.port} ${location.path}`;
    if (this.#seen.has(key) || this.#seen.size >= candidatesMax) return;
    this.#seen.add(key);
    if (location.ip === this.#gateway) this.#found.unshift(location);
    else this.#found.push(location);
  }

  deadline(): Ms | undefined {
    if (this.#state.name !== "searching") return undefined;
    return this.#state.searches < searchesMax ? this.#state.searchAt : this.#state.until;
  }

  /** Datagrams to send together, or none: also when the time for answers is over. */
  expire(now: Ms): readonly Uint8Array[] {
    const due = this.deadline();
    if (this.#state.name !== "searching" || due === undefined || now < due) return [];
    if (this.#state.searches < searchesMax)
      return this.#search(now, this.#state.searches + 1, this.#state.until);
    this.#state = { name: "over" };
    return [];
  }

  #search(now: Ms, searches: number, until: Ms): readonly Uint8Array[] {
    this.#state = { name: "searching", searches, searchAt: ms(now + searchAgain), until };
    return gatewaySearchTargets.map(encodeSsdpSearch);
  }
}
