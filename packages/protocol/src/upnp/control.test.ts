import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { fromUtf8, seconds, utf8 } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import { readGatewayDescription } from "./description.ts";
import { decodeGatewayAnswer, encodeGatewayAction } from "./soap.ts";
import { elementsNamed, readXml } from "./xml.ts";

const location = { ip: "192.168.1.1", port: 5000, path: "/rootDesc.xml" };
const ipConnection = (version: number) => `urn:schemas-upnp-org:service:WANIPConnection:${version}`;
const pppConnection = "urn:schemas-upnp-org:service:WANPPPConnection:1";

const service = (type: string, control: string) =>
  `<service><serviceType>${type}</serviceType><serviceId>x</serviceId><controlURL>${control}</controlURL></service>`;
const describe = (services: string, base = "") =>
  utf8(
    `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0">${base}<device><deviceList><device>` +
      `<serviceList>${services}</serviceList></device></deviceList></device></root>`,
  );
const controls = (bytes: Uint8Array) => {
  const read = readGatewayDescription(bytes, location);
  return read.ok ? read.value.map(({ control }) => `${control.port}${control.path}`) : read.reason;
};

test("the services that map ports are found wherever they stand, the best of them first", () => {
  const other = service("urn:schemas-upnp-org:service:Layer3Forwarding:1", "/l3");
  const all = [
    service(pppConnection, "/ppp"),
    other,
    service(ipConnection(1), "/1"),
    service(ipConnection(2), "2"),
  ];
  deepEqual(readGatewayDescription(describe(all.join("")), location), {
    ok: true,
    value: [
      { type: ipConnection(2), anyPort: true, control: { ...location, path: "/2" } },
      { type: ipConnection(1), anyPort: false, control: { ...location, path: "/1" } },
      { type: pppConnection, anyPort: false, control: { ...location, path: "/ppp" } },
    ],
  });
});

test("a base URL is respected, another port too", () => {
  const base = "<URLBase>http://192.168.1.1:49152/x/</URLBase>";
  deepEqual(controls(describe(service(ipConnection(1), "ctl"), base)), ["49152/x/ctl"]);
  deepEqual(controls(describe(service(ipConnection(1), "http://192.168.1.1:81/c"))), ["81/c"]);
  deepEqual(controls(describe(service(ipConnection(1), "/c"), "<URLBase></URLBase>")), ["5000/c"]);
});

test("a description that points at another host is not followed", () => {
  const foreign = [
    "http://192.168.1.2/c",
    "http://127.0.0.1:8080/c",
    "http://169.254.169.254/latest",
    "//10.0.0.9/c",
    "http://router.local/c",
    "http://192.168.1.1@10.0.0.9/c",
  ];
  for (const url of foreign) equal(controls(describe(service(ipConnection(1), url))), "foreign-host", url);
  const base = "<URLBase>http://10.0.0.9/</URLBase>";
  equal(controls(describe(service(ipConnection(1), "/c"), base)), "foreign-host");
  const two = service(ipConnection(2), "http://10.0.0.9/c") + service(ipConnection(1), "/c");
  deepEqual(controls(describe(two)), ["5000/c"], "the honest one of two is used");
});

test("a description without a service that maps ports says so, a thousand services are cut short", () => {
  equal(controls(describe("")), "no-service");
  equal(controls(describe("<service/>")), "no-service");
  equal(controls(utf8("<root>")), "unclosed");
  equal(controls(describe(service(ipConnection(1), "/c").repeat(500))).length, 8);
});

test("an action's arguments stand in the order of the service's description", () => {
  const bytes = encodeGatewayAction(ipConnection(1), {
    action: "AddPortMapping",
    protocol: "tcp",
    externalPort: 6882,
    internalPort: 6881,
    internalIp: "192.168.1.5",
    description: "Dure <&>",
    lease: seconds(3600),
  });
  ok(fromUtf8(bytes).includes(`<u:AddPortMapping xmlns:u="${ipConnection(1)}">`));
  const document = readXml(bytes);
  ok(document.ok);
  deepEqual(
    elementsNamed(document.value, "AddPortMapping")[0]?.children.map(({ name, text }) => `${name}=${text}`),
    [
      "NewRemoteHost=",
      "NewExternalPort=6882",
      "NewProtocol=TCP",
      "NewInternalPort=6881",
      "NewInternalClient=192.168.1.5",
      "NewEnabled=1",
      "NewPortMappingDescription=Dure <&>",
      "NewLeaseDuration=3600",
    ],
  );
  const place = { action: "DeletePortMapping", protocol: "udp", externalPort: 1 } as const;
  ok(
    fromUtf8(encodeGatewayAction(pppConnection, place)).includes(
      "<NewRemoteHost></NewRemoteHost><NewExternalPort>1</NewExternalPort><NewProtocol>UDP</NewProtocol></u:",
    ),
  );
  const address = fromUtf8(encodeGatewayAction(pppConnection, { action: "GetExternalIPAddress" }));
  ok(address.includes(`<u:GetExternalIPAddress xmlns:u="${pppConnection}"></u:`));
});

const envelope = (body: string) =>
  utf8(
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${body}</s:Body></s:Envelope>`,
  );
const fault = (code: string) =>
  envelope(
    `<s:Fault><faultcode>s:Client</faultcode><detail><UPnPError><errorCode>${code}</errorCode>` +
      "<errorDescription>x</errorDescription></UPnPError></detail></s:Fault>",
  );

test("answers and faults are read", () => {
  const answer = (fields: string) => decodeGatewayAnswer(envelope(`<u:XResponse>${fields}</u:XResponse>`));
  const done = { type: "done", externalIp: undefined, reservedPort: undefined, internalClient: undefined };
  const value = (fields: object) => ({ ok: true, value: { ...done, ...fields } });
  deepEqual(answer(""), value({}));
  const ip = "<NewExternalIPAddress> 198.51.100.7 </NewExternalIPAddress>";
  deepEqual(answer(ip), value({ externalIp: "198.51.100.7" }));
  for (const none of ["0.0.0.0", "", "::1", "not connected"])
    deepEqual(answer(`<NewExternalIPAddress>${none}</NewExternalIPAddress>`), value({}));
  deepEqual(answer("<NewReservedPort>50000</NewReservedPort>"), value({ reservedPort: 50_000 }));
  for (const none of ["0", "65536", "-1", "x"])
    deepEqual(answer(`<NewReservedPort>${none}</NewReservedPort>`), value({}));
  const client = "<NewInternalPort>1</NewInternalPort><NewInternalClient>10.0.0.9</NewInternalClient>";
  deepEqual(answer(client), value({ internalClient: "10.0.0.9" }));
  deepEqual(decodeGatewayAnswer(fault("718")), { ok: true, value: { type: "refused", code: 718 } });
});

test("each broken answer has its reason", () => {
  const reason = (bytes: Uint8Array) => {
    const read = decodeGatewayAnswer(bytes);
    return read.ok ? "none" : read.reason;
  };
  equal(reason(utf8("<html><p>Not here</p></html>")), "no-body");
  equal(reason(envelope("")), "no-body");
  equal(reason(fault("")), "no-code");
  equal(reason(fault("99999")), "no-code");
  equal(reason(utf8("404 Not Found")), "no-element");
});

test("10,000 mutated descriptions and answers are read or refused, and no target is another host", () => {
  const both = service(ipConnection(1), "/c") + service(ipConnection(2), "http://192.168.1.1:81/d");
  const described = fuzzCodec({
    name: "gateway-description",
    seed: 1,
    samples: [
      describe(both),
      describe(both, "<URLBase>http://192.168.1.1:49152/</URLBase>"),
      describe(service(pppConnection, "http://10.0.0.9/c")),
    ],
    decode: (bytes) => readGatewayDescription(bytes, location),
    check: (answer) => {
      if (answer.ok) for (const { control } of answer.value) equal(control.ip, location.ip);
    },
  });
  ok(described.accepted > 500, `${described.accepted} accepted`);
  for (const reason of ["foreign-host", "no-service", "unclosed"]) ok(described.reasons.has(reason), reason);
  const answered = fuzzCodec({
    name: "gateway-answer",
    seed: 2,
    samples: [
      fault("718"),
      envelope("<u:X><NewExternalIPAddress>198.51.100.7</NewExternalIPAddress></u:X>"),
      envelope("<u:X><NewReservedPort>50000</NewReservedPort></u:X>"),
    ],
    decode: decodeGatewayAnswer,
  });
  ok(answered.accepted > 500, `${answered.accepted} accepted`);
  for (const reason of ["no-body", "no-code", "unclosed"]) ok(answered.reasons.has(reason), reason);
});

test("a description or an answer cut anywhere is refused", () => {
  const read = (bytes: Uint8Array) => readGatewayDescription(bytes, location);
  for (const answer of cutEverywhere(describe(service(ipConnection(1), "/c")), read)) ok(!answer.ok);
  for (const answer of cutEverywhere(fault("718"), decodeGatewayAnswer)) ok(!answer.ok);
});
