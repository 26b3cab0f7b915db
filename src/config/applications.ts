/**
 * The applications that `match` knows by name: what IANA's registry of ports and the conventions of
 * DSCP (RFC 4594) tell of a packet. Nothing here looks into what a packet carries.
 */

import type { ApplicationTerm, PortRange } from "../model/network.ts";
import { DSCP, PROTOCOLS } from "../match/words.ts";

/** A term by its protocols and server ports. */
function on(protocols: string, ...ports: (number | PortRange)[]): ApplicationTerm {
  return {
    protocols: protocols.split(" ").map((word) => PROTOCOLS[word]!),
    ports: ports.map((port) => typeof port === "number" ? [port, port] : port),
    dscps: [],
    servers: [],
  };
}

/** A term by its marks. */
function marked(words: string): ApplicationTerm {
  return {
    protocols: [],
    ports: [],
    dscps: words.split(" ").map((word) => DSCP[word]!),
    servers: [],
  };
}

export const BUILT_IN_APPLICATIONS: Readonly<Record<string, readonly ApplicationTerm[]>> = {
  // RFC 4594 §4.1 and §4.2, telephony and its signalling; RFC 5865; SIP, H.323, MGCP, IAX.
  voip: [
    marked("ef va cs5"),
    on("tcp udp", 5060, 5061, 1720),
    on("udp", 2427, 2727, 4569),
  ],
  // RFC 4594 §4.3 and §4.4; STUN and TURN (RFC 8489, 8656), and the ranges that the makers of Teams,
  // Zoom and Meet tell administrators to open.
  conferencing: [
    marked("af41 af42 af43 cs4"),
    on("udp", [3478, 3481], [8801, 8810], [19302, 19309]),
  ],
  // RFC 4594 §4.5 and §4.6; RTSP, RTMP.
  streaming: [marked("af31 af32 af33 cs3"), on("tcp udp", 554), on("tcp", 1935)],
  // HTTP/3 is UDP (RFC 9114).
  web: [on("tcp", 80, 443), on("udp", 443)],
  // RFC 7858, 9250: over TLS and QUIC.
  dns: [on("tcp udp", 53, 853)],
  ntp: [on("udp", 123)],
  dhcp: [on("udp", 67, 68, 546, 547)],
  ssh: [on("tcp", 22)],
  telnet: [on("tcp", 23)],
  rdp: [on("tcp udp", 3389)],
  vnc: [on("tcp", [5900, 5903])],
  citrix: [on("tcp udp", 1494, 2598)],
  mail: [on("tcp", 25, 110, 143, 465, 587, 993, 995)],
  ldap: [on("tcp udp", 389), on("tcp", 636, 3268, 3269)],
  kerberos: [on("tcp udp", 88, 464)],
  smb: [on("tcp", 139, 445)],
  nfs: [on("tcp udp", 2049)],
  // Its control connection and active data; passive data has no port of its own.
  ftp: [on("tcp", 20, 21, 989, 990)],
  rsync: [on("tcp", 873)],
  bacula: [on("tcp", [9101, 9103])],
  mysql: [on("tcp", 3306)],
  postgresql: [on("tcp", 5432)],
  mssql: [on("tcp", 1433), on("udp", 1434)],
  oracle: [on("tcp", 1521)],
  // Dispatcher, gateway and message server of instances 00 to 99.
  sap: [on("tcp", [3200, 3399], [3600, 3699])],
  printing: [on("tcp", 515, 631, 9100)],
  mqtt: [on("tcp", 1883, 8883)],
  snmp: [on("udp", 161, 162)],
  syslog: [on("udp", 514), on("tcp", 6514)],
  // RFC 4594 §3.3, operation and management.
  management: [marked("cs2"), on("udp", 161, 162, 514), on("tcp", 6514)],
  // RFC 4594 §3.2; BGP, BFD (RFC 5881, 5883), OSPF.
  routing: [marked("cs6"), on("tcp", 179), on("udp", 3784, 3785, 4784), on("ospf")],
  // IKE and its traversal of NAT (RFC 3948).
  ipsec: [on("esp ah"), on("udp", 500, 4500)],
  ping: [on("icmp icmpv6")],
  // RFC 4594 §4.8 and §4.10, RFC 8622: high-throughput and low-priority data by its marks alone.
  bulk: [marked("af11 af12 af13 cs1 le")],
};
