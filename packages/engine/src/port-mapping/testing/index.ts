export { DatagramGateway, type GatewayEntry } from "./datagram-gateway.ts";
export { IgdGateway, type IgdReply, type IgdRequest } from "./igd-gateway.ts";
