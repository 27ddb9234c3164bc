export { MappedPort, type MappedPortOptions, type PortReport } from "./mapped-port.ts";
