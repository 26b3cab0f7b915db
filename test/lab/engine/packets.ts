/** Random customer packets for the comparison of captures: right, odd and wrong ones of many flows. */

/** Addresses as bytes. */
export interface Ends {
  readonly source4: Uint8Array;
  readonly destination4: Uint8Array;
  readonly source6: Uint8Array;
  readonly destination6: Uint8Array;
}

/** Even within [0, below). */
export type Draw = (below: number) => number;

const MTU = 1500;
const [TCP, UDP] = [6, 17];
const [HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS] = [0, 43, 44, 60];
const [FIN, RST, PSH, ACK, URG, ECE, CWR] = [1, 4, 8, 16, 32, 64, 128];

/** Numbers that look random and are the same for the same seed (mulberry32). */
export function seeded(seed: number): Draw {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * below);
  };
}

/**
 * `bulk` has TCP and UDP of the kind that Linux gathers (GRO) without changing their order; that
 * lets what it does not gather, wrong checksums for example, overtake what it does. `any` has that
 * as well, options, fragments, extension headers and other protocols.
 */
export type Kind = "bulk" | "any";

/** At least `count` packets, IPv4 and IPv6, in the order to be sent. */
export function customerPackets(kind: Kind, draw: Draw, ends: Ends, count: number): Uint8Array[] {
  const make = new Maker(kind, draw, ends);
  const packets: Uint8Array[] = [];
  while (packets.length < count) {
    // Runs that are sent at once come in between each other, each in its own order.
    const runs = Array.from({ length: 1 + draw(4) }, () => make.run());
    while (runs.length > 0) {
      const at = draw(runs.length);
      const turn = draw(4) === 0 ? 1 : 1 + draw(20);
      packets.push(...runs[at]!.splice(0, turn));
      if (runs[at]!.length === 0) runs.splice(at, 1);
    }
  }
  return packets;
}

interface Flow {
  readonly version: 4 | 6;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly timestamps: boolean;
  readonly dontFragment: boolean;
  sequence: number;
  identification: number;
}

/** What goes into the IP header; all that is left out is ordinary. */
interface Header {
  readonly tos: number;
  readonly protocol: number;
  readonly ttl: number;
  /** IPv4: options, a multiple of four bytes. */
  readonly options?: Uint8Array;
  readonly identification?: number;
  readonly dontFragment?: boolean;
  /** Of the packet's payload within its datagram, bytes; a multiple of eight. */
  readonly fragment?: { readonly offset: number; readonly more: boolean };
  /** IPv6: extension headers, each with its number; `next` of each is filled in. */
  readonly extensions?: readonly { readonly number: number; readonly bytes: Uint8Array }[];
  readonly flowLabel?: number;
}

class Maker {
  readonly #any: boolean;
  readonly #draw: Draw;
  readonly #ends: Ends;
  readonly #flows: Flow[];

  constructor(kind: Kind, draw: Draw, ends: Ends) {
    this.#any = kind === "any";
    this.#draw = draw;
    this.#ends = ends;
    this.#flows = Array.from({ length: 16 }, (_, index) => ({
      version: index % 2 === 0 ? 4 : 6,
      sourcePort: 20000 + draw(20000),
      destinationPort: 40000 + index,
      timestamps: draw(2) === 0,
      dontFragment: draw(2) === 0,
      sequence: draw(2 ** 32),
      identification: draw(2 ** 16),
    }));
  }

  run(): Uint8Array[] {
    switch (this.#draw(this.#any ? 9 : 4)) {
      case 0:
      case 1:
        return this.#tcpRun();
      case 2:
      case 3:
        return this.#udpRun();
      case 4:
        return Array.from({ length: 1 + this.#draw(8) }, () => this.#oneDatagram());
      case 5:
        return this.#withOptions();
      case 6:
        return this.#fragments();
      case 7:
        return this.#withExtensions();
      default:
        return this.#otherProtocol();
    }
  }

  /** Bulk of one connection: full segments and an odd tail, now and then something else among them. */
  #tcpRun(): Uint8Array[] {
    const flow = this.#flow();
    const size = this.#draw(3) === 0 ? 1 + this.#draw(1400) : flow.version === 4 ? 1448 : 1428;
    const header = this.#header(flow, TCP);
    const segments = 2 + this.#draw(60);
    return Array.from({ length: segments }, (_, index) => {
      const last = index === segments - 1;
      const odd = this.#draw(40);
      const flags = odd === 0 ? [FIN, RST, URG, ECE, CWR, 0][this.#draw(6)]! : 0;
      const length = last ? this.#draw(size + 1) : odd === 1 ? this.#draw(size) : size;
      const tos = odd === 2 ? this.#draw(256) : header.tos;
      const segment = this.#tcp(
        flow,
        length,
        ACK | flags | (last ? PSH : 0),
        this.#any && odd === 3,
      );
      flow.sequence = (flow.sequence + length + (odd === 4 ? 100 : 0)) >>> 0;
      return this.#ip(flow, { ...header, tos }, segment, odd === 5);
    });
  }

  #udpRun(): Uint8Array[] {
    const flow = this.#flow();
    const size = this.#datagramBytes(flow.version);
    const header = this.#header(flow, UDP);
    const zero = this.#any && flow.version === 4 && this.#draw(4) === 0;
    const datagrams = 2 + this.#draw(60);
    return Array.from({ length: datagrams }, (_, index) => {
      const odd = this.#draw(40);
      const last = index === datagrams - 1;
      const length = last
        ? 1 + this.#draw(size)
        : odd === 0
        ? this.#datagramBytes(flow.version)
        : size;
      const checksum = zero || (this.#any && odd === 1 && flow.version === 4)
        ? "zero"
        : this.#any && odd === 2
        ? "wrong"
        : "right";
      return this.#ip(flow, header, this.#udp(flow, length, checksum), odd === 3);
    });
  }

  #oneDatagram(): Uint8Array {
    const flow = this.#flow();
    const kinds = flow.version === 4
      ? ["right", "wrong", "zero"] as const
      : ["right", "wrong"] as const;
    const datagram = this.#udp(
      flow,
      this.#datagramBytes(flow.version),
      kinds[this.#draw(kinds.length)]!,
    );
    return this.#ip(flow, this.#header(flow, UDP), datagram, true);
  }

  /** No-operations, an experimental option, the end of the list: nothing that a router rewrites. */
  #withOptions(): Uint8Array[] {
    const flow = this.#flow(4);
    const length = 4 * (1 + this.#draw(10));
    const options = new Uint8Array(length).fill(1);
    if (length >= 8) options.set([0x5e, 4, this.#draw(256), this.#draw(256)], length - 8);
    options[length - 1] = 0;
    return Array.from({ length: 1 + this.#draw(6) }, () => {
      const [protocol, payload] = this.#draw(2) === 0
        ? [TCP, this.#tcp(flow, this.#draw(1380), ACK, false)] as const
        : [UDP, this.#udp(flow, 1 + this.#draw(1400), "right")] as const;
      return this.#ip(flow, { ...this.#header(flow, protocol), options }, payload, true);
    });
  }

  /** A datagram in pieces, in order or not. */
  #fragments(): Uint8Array[] {
    const flow = this.#flow();
    const whole = this.#udp(flow, 1500 + this.#draw(4000), "right");
    const piece = 8 * (40 + this.#draw(140));
    const header = { ...this.#header(flow, UDP), dontFragment: false };
    const identification = this.#draw(2 ** 16);
    const pieces: Uint8Array[] = [];
    for (let offset = 0; offset < whole.length; offset += piece) {
      const fragment = { offset, more: offset + piece < whole.length };
      const part = whole.subarray(offset, offset + piece);
      pieces.push(this.#ip(flow, { ...header, identification, fragment }, part, false));
    }
    return this.#draw(2) === 0 ? pieces : pieces.reverse();
  }

  #withExtensions(): Uint8Array[] {
    const flow = this.#flow(6);
    const options = (number: number, length: number) => {
      const bytes = this.#bytes(length);
      // Over all that follows: an experimental option (RFC 4727) that is skipped where not known.
      bytes.set([0, length / 8 - 1, 0x1e, length - 4]);
      return { number, bytes };
    };
    const routing = new Uint8Array(8);
    // Type 253, experimental, no segments left: a router has nothing to do with it.
    routing.set([0, 0, 253, 0]);
    const all = [
      options(HOP_BY_HOP, 8 * (1 + this.#draw(3))),
      options(DESTINATION_OPTIONS, 8 * (1 + this.#draw(3))),
      { number: ROUTING, bytes: routing },
    ];
    const chosen = all.filter(() => this.#draw(2) === 0);
    const extensions = chosen.length > 0 ? chosen : [all[this.#draw(3)]!];
    const length = 1 + this.#draw(1300);
    const header = this.#header(flow, TCP);
    return Array.from({ length: 2 + this.#draw(20) }, () => {
      if (this.#draw(3) === 0) {
        const datagram = this.#udp(flow, length, "right");
        return this.#ip(flow, { ...header, protocol: UDP, extensions }, datagram, false);
      }
      const segment = this.#tcp(flow, length, ACK, false);
      flow.sequence = (flow.sequence + length) >>> 0;
      return this.#ip(flow, { ...header, extensions }, segment, false);
    });
  }

  /** SCTP, GRE, one that nobody knows: payload that no router looks into. */
  #otherProtocol(): Uint8Array[] {
    const flow = this.#flow();
    const protocol = [132, 47, 253][this.#draw(3)]!;
    return Array.from(
      { length: 1 + this.#draw(6) },
      () => this.#ip(flow, this.#header(flow, protocol), this.#bytes(8 + this.#draw(1400)), true),
    );
  }

  #flow(version?: 4 | 6): Flow {
    const flows = this.#flows.filter((flow) => version === undefined || flow.version === version);
    return flows[this.#draw(flows.length)]!;
  }

  #header(flow: Flow, protocol: number): Header {
    const tos = this.#draw(3) === 0 ? this.#draw(256) : this.#draw(4);
    const flowLabel = this.#any ? this.#draw(2 ** 20) : flow.destinationPort;
    return { tos, protocol, ttl: 10 + this.#draw(246), dontFragment: flow.dontFragment, flowLabel };
  }

  /** From one byte to what just fits. */
  #datagramBytes(version: 4 | 6): number {
    const most = MTU - (version === 4 ? 28 : 48);
    return [1, most, 1 + this.#draw(most), 1 + this.#draw(64)][this.#draw(4)]!;
  }

  #bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#draw(256));
  }

  #tcp(flow: Flow, length: number, flags: number, wrong: boolean): Uint8Array {
    const headerBytes = flow.timestamps ? 32 : 20;
    const room = MTU - (flow.version === 4 ? 20 : 40) - headerBytes;
    const segment = new Uint8Array(headerBytes + Math.min(length, room));
    const view = new DataView(segment.buffer);
    view.setUint16(0, flow.sourcePort);
    view.setUint16(2, flow.destinationPort);
    view.setUint32(4, flow.sequence);
    view.setUint32(8, 1);
    segment.set([headerBytes << 2, flags, 0x40, 0], 12);
    if (flow.timestamps) segment.set([1, 1, 8, 10, 0, 0, 1, 2, 0, 0, 3, 4], 20);
    segment.set(this.#bytes(segment.length - headerBytes), headerBytes);
    view.setUint16(16, this.#checksum(flow, TCP, segment) ^ (wrong ? 0x0101 : 0));
    return segment;
  }

  #udp(flow: Flow, length: number, checksum: "right" | "wrong" | "zero"): Uint8Array {
    const datagram = new Uint8Array(8 + length);
    const view = new DataView(datagram.buffer);
    view.setUint16(0, flow.sourcePort);
    view.setUint16(2, flow.destinationPort);
    view.setUint16(4, datagram.length);
    datagram.set(this.#bytes(length), 8);
    if (checksum === "zero") return datagram;
    const right = this.#checksum(flow, UDP, datagram) || 0xffff;
    view.setUint16(6, checksum === "right" ? right : (right ^ 0x0101) || 0x0101);
    return datagram;
  }

  #checksum(flow: Flow, protocol: number, payload: Uint8Array): number {
    const { source4, destination4, source6, destination6 } = this.#ends;
    const addresses = flow.version === 4 ? [source4, destination4] : [source6, destination6];
    const length = [payload.length >> 8, payload.length & 255];
    return internetChecksum(
      Uint8Array.from([...addresses[0]!, ...addresses[1]!, 0, protocol, ...length, ...payload]),
    );
  }

  /** `leap`: the identification is not the one that follows. */
  #ip(flow: Flow, header: Header, payload: Uint8Array, leap: boolean): Uint8Array {
    if (flow.version === 6) return this.#ip6(header, payload);
    flow.identification = (flow.identification + (leap ? 2 + this.#draw(1000) : 1)) & 0xffff;
    return this.#ip4({ identification: flow.identification, ...header }, payload);
  }

  #ip4(header: Header, payload: Uint8Array): Uint8Array {
    const options = header.options ?? new Uint8Array(0);
    const headerBytes = 20 + options.length;
    const packet = new Uint8Array(headerBytes + payload.length);
    const view = new DataView(packet.buffer);
    packet.set([0x40 | headerBytes / 4, header.tos]);
    view.setUint16(2, packet.length);
    view.setUint16(4, header.identification ?? 0);
    const { offset, more } = header.fragment ?? { offset: 0, more: false };
    view.setUint16(6, (header.dontFragment ? 0x4000 : 0) | (more ? 0x2000 : 0) | offset / 8);
    packet.set([header.ttl, header.protocol], 8);
    packet.set(this.#ends.source4, 12);
    packet.set(this.#ends.destination4, 16);
    packet.set(options, 20);
    packet.set(payload, headerBytes);
    view.setUint16(10, internetChecksum(packet.subarray(0, headerBytes)));
    return packet;
  }

  #ip6(header: Header, payload: Uint8Array): Uint8Array {
    const extensions = [...header.extensions ?? []];
    if (header.fragment !== undefined) {
      const bytes = new Uint8Array(8);
      const view = new DataView(bytes.buffer);
      view.setUint16(2, header.fragment.offset | (header.fragment.more ? 1 : 0));
      view.setUint32(4, header.identification ?? 0);
      extensions.push({ number: FRAGMENT, bytes });
    }
    const chain = [...extensions.map(({ number }) => number), header.protocol];
    const parts = extensions.map(({ bytes }, index) => {
      const part = bytes.slice();
      part[0] = chain[index + 1]!;
      return part;
    });
    const body = [...parts, payload];
    const length = body.reduce((sum, part) => sum + part.length, 0);
    const packet = new Uint8Array(40 + length);
    const view = new DataView(packet.buffer);
    view.setUint32(0, (6 << 28 | header.tos << 20 | (header.flowLabel ?? 0)) >>> 0);
    view.setUint16(4, length);
    packet.set([chain[0]!, header.ttl], 6);
    packet.set(this.#ends.source6, 8);
    packet.set(this.#ends.destination6, 24);
    let at = 40;
    for (const part of body) {
      packet.set(part, at);
      at += part.length;
    }
    return packet;
  }
}

/** RFC 1071, ready to be written into the packet. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes[at]! << 8 | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
