/** What a gateway maps a port of: NAT-PMP, PCP and UPnP number and name the same two. */
export type MappedProtocol = "tcp" | "udp";

/** Where a gateway listens for NAT-PMP and PCP alike (RFC 6886, 3; RFC 6887, 19.1). */
export const gatewayPort = 5351;
/** Where clients listen for what a gateway announces to all of them. */
export const gatewayAnnouncementPort = 5350;
