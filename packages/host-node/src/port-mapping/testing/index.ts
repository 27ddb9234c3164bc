export { IgdServer } from "./igd-server.ts";
export { UdpGateway } from "./udp-gateway.ts";
