// Generated from native/boundary by `deno task boundary`. Do not edit: change the Rust types.
//
// What crosses between the two halves as JSON. 64-bit counters are numbers: exact up to 2^53.

/**
 * One complete forwarding table. The engine checks it, then swaps it in atomically, or refuses it
 * whole and keeps the one it has.
 */
export type Table = { 
/**
 * Hash of the configuration this was compiled from: 16 lower-case hexadecimal digits.
 */
generation: string, site: Site, ttl: TtlModel, probe: ProbeTimers, bfd: BfdTimers, uplinks: Array<Uplink>, adjacencies: Array<Adjacency>, segments: Array<Segment>, 
/**
 * Ascending by `label`, no label twice.
 */
labels: Array<LabelEntry>, paths: Array<Path>, lists: Array<SegmentList>, };

/**
 * This router. The loopbacks are the source of its own ICMP errors and STAMP packets.
 */
export type Site = { name: string, sid: number, loopback4: string | null, loopback6: string | null, };

/**
 * RFC 3443: whether the customer's TTL is copied into the stack and back, or hidden from it.
 * Pipe pushes TTL 255 (short-pipe at the egress: the customer TTL goes down by one there, as at
 * the ingress); uniform carries the customer TTL through every label-switching router.
 */
export type TtlModel = "pipe" | "uniform";

/**
 * How often adjacencies and segment lists are probed, and when a list counts as up or down. An
 * adjacency that was down is up again when BFD has been for `up_after` intervals.
 */
export type ProbeTimers = { interval_millis: number, 
/**
 * So many replies missing in a row: down.
 */
down_after: number, 
/**
 * So many replies in a row: up again (hysteresis). The first reply ever counts at once.
 */
up_after: number, };

/**
 * How neighbours find out that an adjacency is dead (RFC 5880): both ends agree on the slower of
 * their intervals.
 */
export type BfdTimers = { 
/**
 * Between packets that we send and that we are ready to receive: 10,000–60,000,000.
 */
interval_micros: number, 
/**
 * So many of ours missing in a row and the neighbour takes it for dead: 1–255.
 */
multiplier: number, };

/**
 * One uplink of this site: one WireGuard interface.
 */
export type Uplink = { 
/**
 * The uplink's name in the file; unique within the site.
 */
key: string, 
/**
 * WireGuard interface name, at most 15 bytes.
 */
interface: string, backend: Backend, 
/**
 * The embedded backend binds its sockets to this device (SO_BINDTODEVICE).
 */
device: string, 
/**
 * Address inside the tunnels, source of everything sent over this uplink's adjacencies.
 */
tunnel_address: string, };

export type Backend = "embedded" | "kernel";

/**
 * A pair of uplinks that meet: one WireGuard peer on one of our interfaces.
 */
export type Adjacency = { 
/**
 * `<uplink>><site>.<uplink>`, e.g. `fibre>porto.lte`; unique within the table.
 */
key: string, 
/**
 * Index into `uplinks`.
 */
uplink: number, 
/**
 * Peer's public key, base64 as `wg` writes it.
 */
remote_key: string, 
/**
 * Peer's address inside the tunnel; the only source accepted from it.
 */
remote_address: string, remote_site: number, 
/**
 * Number of the peer's uplink, 0–7.
 */
remote_uplink: number, 
/**
 * Largest label stack plus customer packet, bytes, that fits this adjacency unfragmented.
 */
mtu: number, };

/**
 * An isolated network (VPN) as it is present at this site.
 */
export type Segment = { name: string, number: number, 
/**
 * Pushed below everything else; names the segment at every egress.
 */
service_label: number, 
/**
 * Name of the TUN device, at most 15 bytes.
 */
tun: string, 
/**
 * MTU of the TUN, bytes: the smallest customer packet size that all its lists carry.
 */
mtu: number, 
/**
 * Prefixes at this site. What comes out of a tunnel for another destination is dropped.
 */
local: string[], 
/**
 * Prefixes at other sites; longest match wins. What comes out of a tunnel from a source
 * that none of these covers is dropped as spoofed.
 */
routes: Array<Route>, 
/**
 * Rule lists that routes refer to.
 */
steerings: Array<Steering>, };

export type Route = { prefix: string, 
/**
 * Index into the segment's `steerings`.
 */
steering: number, };

/**
 * First rule that matches decides; `fallback` if none does.
 */
export type Steering = { rules: Array<Rule>, fallback: Verdict, };

export type Rule = { 
/**
 * Name of the policy in the file.
 */
policy: string, matches: Match, verdict: Verdict, };

/**
 * Every field that is present must match. Ports are inclusive ranges and match only TCP, UDP and
 * SCTP; a non-first fragment has no ports and matches no rule that names them.
 */
export type Match = { source: string | null, destination: string | null, dscp: number | null, 
/**
 * IP protocol number of the customer packet, after IPv6 extension headers.
 */
protocol: number | null, 
/**
 * Empty: any.
 */
source_ports: Array<[number, number]>, 
/**
 * Empty: any.
 */
destination_ports: Array<[number, number]>, };

export type Verdict = { "paths": { 
/**
 * For new flows, best first: the first that is up is used; none: drop.
 */
order: Array<number>, 
/**
 * So many at the head of `order` are as good as one another: new flows are shared among
 * all of their lists that are up, by weight. 0 is as 1.
 */
equal: number, 
/**
 * Flows stay on the list that they have while it is up and belongs to one of these paths,
 * or to one of the equal ones.
 */
keep: Array<number>, } } | "drop";

/**
 * A candidate path: weighted segment lists to one egress site (RFC 9256 §2.2).
 */
export type Path = { key: string, 
/**
 * SID of the egress site.
 */
egress: number, 
/**
 * Indices into the table's `lists`. The path is up while one of them is; a flow stays on its
 * list while that is up, and losing one list moves that list's flows only.
 */
lists: Array<number>, };

/**
 * What to do for one way through the network: an NHLFE with its whole stack.
 */
export type SegmentList = { 
/**
 * The hops, e.g. `fibre>hub.fibre,fibre>porto.lte`; unique within the table.
 */
key: string, 
/**
 * 1–255; the share of flows among the lists of one path.
 */
weight: number, 
/**
 * First hop: index into `adjacencies`.
 */
adjacency: number, 
/**
 * Pushed above the service label, outermost first; empty where the first hop is the egress.
 */
labels: Array<number>, 
/**
 * The stack under which the egress sends an answer back over the adjacency that the probe came
 * by, outermost first. It has no label for that first hop (which would turn the packet around,
 * and the acceptance check refuses that), so the egress looks nothing up in its own ILM; empty
 * where that adjacency leads to this site already.
 */
return_labels: Array<number>, 
/**
 * Egress router's loopback (or tunnel address), destination of the STAMP packets of this list.
 */
probe_address: string, 
/**
 * Largest customer packet, bytes, with the service label and `labels` taken off every MTU on
 * the way.
 */
mtu: number, 
/**
 * Uplinks of other sites that the list passes, in its order: that by which it comes to each
 * site, and that by which it leaves it again.
 */
ends: Array<UplinkEnd>, };

/**
 * One uplink of another site.
 */
export type UplinkEnd = { 
/**
 * SID.
 */
site: number, 
/**
 * Its number, 0–7.
 */
uplink: number, };

/**
 * One entry of the incoming label map.
 */
export type LabelEntry = { 
/**
 * 16–1048575. Special-purpose labels (RFC 9017) are the switch's own business.
 */
label: number, 
/**
 * Indices into `adjacencies`, ascending: from any other the label is dropped as not meant
 * for it.
 */
accept: Array<number>, action: LabelAction, };

export type LabelAction = { "deliver": number } | "pop" | { "forward": Array<Hop> };

/**
 * `labels` in place of the incoming one: none = penultimate-hop pop, one = swap (0 or 2 =
 * explicit null), more = a repair.
 */
export type Hop = { adjacency: number, labels: Array<number>, 
/**
 * A way round what failed (RFC 9855), for customers' packets alone: probes do not take it, so
 * that whoever chose the path learns that it is broken.
 */
repair: boolean, };

/**
 * Handed over once, when the engine starts.
 */
export type EngineConfig = { 
/**
 * Folder of the WireGuard userspace sockets, normally `/var/run/wireguard`.
 */
uapi_folder: string, 
/**
 * Threads that move packets; null: as fits the processors that this process may use.
 */
threads: ThreadCounts | null, };

/**
 * How many threads move packets in each direction, 1 to 64.
 */
export type ThreadCounts = { 
/**
 * Read the LANs.
 */
ingress: number, 
/**
 * Read the uplinks.
 */
underlay: number, };

/**
 * State of everything at one instant. All counters count since the engine started or, for an
 * entry that appeared later, since its key did.
 */
export type Snapshot = { 
/**
 * Generation of the table in use; null before the first.
 */
generation: string | null, uptime_millis: number, adjacencies: Array<AdjacencyState>, lists: Array<ListState>, segments: Array<SegmentState>, 
/**
 * The threads that move packets.
 */
threads: Array<ThreadState>, 
/**
 * Packets dropped, by reason; reasons never seen are present with 0.
 */
drops: Record<string, number>, 
/**
 * Table swaps so far.
 */
swaps: number, };

export type Liveness = "unknown" | "up" | "down";

/**
 * What the probes of the last window (100 of them) measured.
 */
export type Quality = { state: Liveness, 
/**
 * How long it has been in this state.
 */
state_millis: number, 
/**
 * Times it went down.
 */
downs: number, 
/**
 * Median round trip of the window; null without a reply in it.
 */
rtt_micros: number | null, 
/**
 * Mean difference of successive round trips (RFC 3550 style, of the window).
 */
jitter_micros: number | null, 
/**
 * Share of probes in the window that got no reply, 0–1.
 */
loss: number, probes_sent: number, probes_answered: number, 
/**
 * What was found to cross in one piece, bytes: the largest label stack plus customer packet of an
 * adjacency (and of a list without labels, which is as its adjacency is), the largest customer
 * packet of a list with labels; null while it is not known.
 */
mtu: number | null, };

export type AdjacencyState = { key: string, quality: Quality, bfd: BfdState, 
/**
 * Generation that the neighbour runs, as its last reply told.
 */
remote_generation: string | null, 
/**
 * Inner packets, labelled ones and probes.
 */
tx_packets: number, tx_bytes: number, rx_packets: number, rx_bytes: number, };

/**
 * A BFD session (RFC 5880 §6.8.1), which decides whether its adjacency is up.
 */
export type BfdState = { state: BfdSessionState, 
/**
 * Why it is not up, as we tell the neighbour (RFC 5880 §4.1); 0: no reason.
 */
diagnostic: number, 
/**
 * As the neighbour last told.
 */
remote_state: BfdSessionState, remote_diagnostic: number, 
/**
 * Between our packets, before jitter; null while the neighbour wants none.
 */
transmit_micros: number | null, 
/**
 * Without a packet for so long it is down.
 */
detection_micros: number, sent: number, received: number, 
/**
 * Discarded as RFC 5880 §6.8.6 has it, for whatever reason.
 */
discarded: number, };

export type BfdSessionState = "admindown" | "down" | "init" | "up";

export type ListState = { key: string, quality: Quality, 
/**
 * Something that it passes seems dead from here: it is used where nothing else is usable.
 */
suspect: boolean, 
/**
 * Customer packets and bytes that this router put on the list.
 */
tx_packets: number, tx_bytes: number, };

export type SegmentState = { name: string, 
/**
 * From the LAN into the overlay.
 */
ingress_packets: number, ingress_bytes: number, 
/**
 * From the overlay to the LAN.
 */
egress_packets: number, egress_bytes: number, };

/**
 * Where a thread takes packets from.
 */
export type Direction = "ingress" | "underlay";

/**
 * What one of the threads that move packets has taken.
 */
export type ThreadState = { 
/**
 * As the system shows it, e.g. `lw-underlay-1`.
 */
name: string, direction: Direction, 
/**
 * Among those of its direction, from 0.
 */
number: number, 
/**
 * From LANs, or decrypted from neighbours (probes included).
 */
packets: number, bytes: number, };

/**
 * Hits of one label of the ILM, in the order of the table.
 */
export type LabelState = { label: number, packets: number, bytes: number, };

/**
 * News of paths since the looks before: only of those of which there is any.
 */
export type Looks = { uptime_millis: number, looks: Array<Look>, 
/**
 * What other sites told of their adjacencies, when they were asked.
 */
reported: Array<ReportedAdjacency>, };

/**
 * One adjacency or segment list. A list without labels is its adjacency and has the same key.
 */
export type Look = { key: string, state: Liveness, 
/**
 * How long it has been in this state.
 */
state_millis: number, 
/**
 * Times it went down.
 */
downs: number, 
/**
 * Probes whose fate was settled since the last look, each in one look only.
 */
since: Window, 
/**
 * Probes sent in the last 10 s.
 */
ten_seconds: Window, 
/**
 * Probes sent in the last minute.
 */
minute: Window, 
/**
 * Real packets since the last look, counted by both ends; null where they cannot be told
 * apart from those of other paths (more than one hop) or nobody has answered meanwhile.
 */
carried: Carried | null, };

/**
 * Packets that went into an adjacency and came out of it, customers' and others alike, between two
 * answers of the neighbour (direct measurement, RFC 8972 §4.5).
 */
export type Carried = { span_millis: number, forward_sent: number, forward_lost: number, return_sent: number, return_lost: number, };

/**
 * Probes of one path over a stretch of time.
 */
export type Window = { span_millis: number, 
/**
 * Without those that are still waited for.
 */
sent: number, answered: number, 
/**
 * Of the sent, those that the reflector never saw; null: it does not tell.
 */
lost_forward: number | null, 
/**
 * Of the reflected, those whose answer was lost; null as above.
 */
lost_return: number | null, 
/**
 * Answered after they had been given up.
 */
late: number, 
/**
 * Copies that the way there and the way back made.
 */
copies_forward: number, copies_return: number, 
/**
 * Overtaken on the way there and on the way back (RFC 4737 §3.3).
 */
reordered_forward: number, reordered_return: number, 
/**
 * Null without an answer.
 */
round_trip: RoundTrip | null, 
/**
 * Mean difference of successive round trips, µs; null without two of them.
 */
jitter_micros: number | null, };

/**
 * Round trips in µs, without the time in the reflector.
 */
export type RoundTrip = { min: number, mean: number, p50: number, p95: number, p99: number, max: number, };

/**
 * Everything that is known of one adjacency or segment list.
 */
export type Measured = { key: string, 
/**
 * Of 1 s, 10 s, 1 min, 15 min and 24 h.
 */
windows: Array<Window>, 
/**
 * The last minute of each class that was probed, ascending.
 */
classes: Array<ClassMeasured>, 
/**
 * Largest customer packet, bytes, that was found to cross it in one piece, every hop of a list;
 * null while it is not known.
 */
mtu: number | null, };

export type ClassMeasured = { 
/**
 * TC of the label stack (RFC 5462), 0–7.
 */
class: number, minute: Window, };

/**
 * How often paths are to be probed, until told otherwise: what is not named is a candidate.
 */
export type Probing = { paths: Array<ProbedPath>, 
/**
 * Keys of adjacencies whose far end is asked for what it measures on its own.
 */
asked: Array<string>, };

export type ProbedPath = { 
/**
 * Of a segment list or an adjacency; a key that the table does not know is passed over.
 */
key: string, rank: ProbeRank, 
/**
 * Classes (TC) that travel on it, bit 0 for TC 0; each has its turn. 0 is taken as 1.
 */
classes: number, };

/**
 * How much a path matters; the order is the priority.
 */
export type ProbeRank = "closest" | "closer" | "in-use" | "candidate" | "rest";

/**
 * Which mode of STAMP (RFC 8762 §4.2) is sent and taken. Two that stand beside each other here
 * understand each other in both directions, so that a network can go from one end to the other.
 */
export type ProbeAuthentication = "none" | "accept" | "prefer" | "require";

/**
 * An adjacency as its own site measured it over a minute, unless it says otherwise.
 */
export type ReportedAdjacency = { 
/**
 * SID of the site that told it.
 */
site: number, 
/**
 * Tunnel addresses of its end and of the far end.
 */
local: string, remote: string, is_up: boolean, 
/**
 * Median; null: not known, as for the others.
 */
round_trip_micros: number | null, jitter_micros: number | null, 
/**
 * Shares, 0–1.
 */
lost_forward: number | null, lost_return: number | null, 
/**
 * Bytes of label stack and customer packet, found by probing.
 */
mtu: number | null, };
