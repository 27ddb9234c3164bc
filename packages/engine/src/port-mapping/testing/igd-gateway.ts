import { must, utf8 } from "@dure/base";
import {
  childText,
  elementsNamed,
  type MappedProtocol,
  readXml,
  upnpErrors,
  type XmlElement,
} from "@dure/protocol";

export interface IgdRequest {
  readonly method: string;
  readonly path: string;
  readonly soapAction: string;
  readonly body: Uint8Array;
}

export interface IgdReply {
  readonly status: number;
  readonly body: Uint8Array;
}

interface Entry {
  readonly client: string;
  readonly internalPort: number;
  readonly leaseSeconds: number;
  readonly description: string;
}

/** An Internet Gateway Device of version 1 or 2: HTTP requests in, replies out. What is awkward is set by the story. */
export class IgdGateway {
  readonly version: 1 | 2;
  /** By `tcp 6881`. */
  readonly entries = new Map<string, Entry>(); // bounded by the story
  /** Actions asked, in order. */
  readonly asked: string[] = [];
  externalIp = "198.51.100.7";
  /** Refuses leases that end (error 725). */
  permanentOnly = false;
  /** Lets a client take another's mapping away without a word, as some gateways do. */
  overwrites = false;
  /** Calls itself version 2 and knows no AddAnyPortMapping. */
  halfVersion2 = false;
  /** Refuses everything with this code. */
  refusal: number | undefined;
  /** Where the description says that control is. */
  control = "/ctl/IPConn";
  base = "";

  constructor(version: 1 | 2) {
    this.version = version;
  }

  get deviceType(): string {
    return `urn:schemas-upnp-org:device:InternetGatewayDevice:${this.version}`;
  }

  get serviceType(): string {
    return `urn:schemas-upnp-org:service:WANIPConnection:${this.version}`;
  }

  /** The client's mappings: `tcp 6881→6881`. */
  mapped(client: string): readonly string[] {
    return [...this.entries]
      .filter(([, entry]) => entry.client === client)
      .map(([place, { internalPort }]) => `${place}→${internalPort}`)
      .sort();
  }

  /** The datagram it sends to who searches for it. */
  searchAnswer(location: string): Uint8Array {
    return utf8(
      `HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: ${this.deviceType}\r\nEXT:\r\n` +
        `USN: uuid:00000000-0000-0000-0000-000000000001::${this.deviceType}\r\n` +
        `SERVER: Test/1.0 UPnP/1.1 Test/1.0\r\nLOCATION: ${location}\r\n\r\n`,
    );
  }

  answer(request: IgdRequest): IgdReply {
    if (request.method === "GET" && request.path === "/rootDesc.xml")
      return { status: 200, body: this.#description() };
    if (request.method !== "POST" || request.path !== "/ctl/IPConn") return { status: 404, body: utf8("no") };
    const [type, action = ""] = request.soapAction.replaceAll('"', "").split("#");
    if (type !== this.serviceType) return fault(upnpErrors.invalidAction);
    const document = readXml(request.body);
    const fields = document.ok ? elementsNamed(document.value, action)[0] : undefined;
    if (fields === undefined) return fault(402);
    this.asked.push(action);
    if (this.refusal !== undefined) return fault(this.refusal);
    return this.#act(action, fields);
  }

  #act(action: string, fields: XmlElement): IgdReply {
    switch (action) {
      case "GetExternalIPAddress":
        return this.#done(action, `<NewExternalIPAddress>${this.externalIp}</NewExternalIPAddress>`);
      case "GetSpecificPortMappingEntry":
        return this.#look(fields);
      case "DeletePortMapping":
        return this.entries.delete(placeOf(fields)) ? this.#done(action) : fault(upnpErrors.noSuchEntry);
      case "AddPortMapping":
        return this.#add(fields, placeOf(fields));
      case "AddAnyPortMapping":
        if (this.version === 1 || this.halfVersion2) return fault(upnpErrors.invalidAction);
        return this.#addAny(fields);
      default:
        return fault(upnpErrors.invalidAction);
    }
  }

  #look(fields: XmlElement): IgdReply {
    const entry = this.entries.get(placeOf(fields));
    if (entry === undefined) return fault(upnpErrors.noSuchEntry);
    const { client, internalPort, leaseSeconds, description } = entry;
    return this.#done(
      "GetSpecificPortMappingEntry",
      `<NewInternalPort>${internalPort}</NewInternalPort><NewInternalClient>${client}</NewInternalClient>` +
        `<NewEnabled>1</NewEnabled><NewPortMappingDescription>${description}</NewPortMappingDescription>` +
        `<NewLeaseDuration>${leaseSeconds}</NewLeaseDuration>`,
    );
  }

  #add(fields: XmlElement, place: string, any = false): IgdReply {
    const entry: Entry = {
      client: field(fields, "NewInternalClient"),
      internalPort: Number(field(fields, "NewInternalPort")),
      leaseSeconds: Number(field(fields, "NewLeaseDuration")),
      description: field(fields, "NewPortMappingDescription"),
    };
    const before = this.entries.get(place);
    if (before !== undefined && before.client !== entry.client && !this.overwrites)
      return fault(upnpErrors.conflictInMappingEntry);
    if (this.permanentOnly && entry.leaseSeconds !== 0) return fault(upnpErrors.onlyPermanentLeases);
    this.entries.set(place, entry);
    if (!any) return this.#done("AddPortMapping");
    return this.#done("AddAnyPortMapping", `<NewReservedPort>${place.split(" ")[1]}</NewReservedPort>`);
  }

  #addAny(fields: XmlElement): IgdReply {
    const protocol = field(fields, "NewProtocol").toLowerCase();
    let port = Number(field(fields, "NewExternalPort"));
    const client = field(fields, "NewInternalClient");
    while ((this.entries.get(`${protocol} ${port}`)?.client ?? client) !== client) port += 1000;
    return this.#add(fields, `${protocol} ${port}`, true);
  }

  #done(action: string, fields = ""): IgdReply {
    const answer = `<u:${action}Response xmlns:u="${this.serviceType}">${fields}</u:${action}Response>`;
    return { status: 200, body: envelope(answer) };
  }

  #description(): Uint8Array {
    const other =
      "<service><serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType>" +
      "<controlURL>/ctl/L3F</controlURL></service>";
    const wan =
      `<service><serviceType>${this.serviceType}</serviceType><SCPDURL>/WANIPCn.xml</SCPDURL>` +
      `<controlURL>${this.control}</controlURL></service>`;
    return utf8(
      `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0">${this.base}` +
        `<device><deviceType>${this.deviceType}</deviceType><serviceList>${other}</serviceList>` +
        `<deviceList><device><deviceList><device><serviceList>${wan}</serviceList></device></deviceList></device>` +
        "</deviceList></device></root>",
    );
  }
}

function placeOf(fields: XmlElement): string {
  const protocol: MappedProtocol = field(fields, "NewProtocol") === "TCP" ? "tcp" : "udp";
  return `${protocol} ${field(fields, "NewExternalPort")}`;
}

function field(fields: XmlElement, name: string): string {
  return must(childText(fields, name), `the argument ${name}`);
}

function fault(code: number): IgdReply {
  const error =
    `<UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>${code}</errorCode>` +
    "<errorDescription>no</errorDescription></UPnPError>";
  const body = `<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>${error}</detail></s:Fault>`;
  return { status: 500, body: envelope(body) };
}

function envelope(body: string): Uint8Array {
  return utf8(
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">' +
      `<s:Body>${body}</s:Body></s:Envelope>`,
  );
}
