//! The whole forwarding state of one router: FTN, ILM and NHLFEs as one value (RFC 3031 §3.10–3.12).

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
#[cfg(test)]
use ts_rs::TS;

/// One complete forwarding table. The engine checks it, then swaps it in atomically, or refuses it
/// whole and keeps the one it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Hash of the configuration this was compiled from: 16 lower-case hexadecimal digits.
    pub generation: String,
    pub site: Site,
    pub ttl: TtlModel,
    pub probe: ProbeTimers,
    pub bfd: BfdTimers,
    pub uplinks: Vec<Uplink>,
    pub adjacencies: Vec<Adjacency>,
    pub segments: Vec<Segment>,
    /// Ascending by `label`, no label twice.
    pub labels: Vec<LabelEntry>,
    pub paths: Vec<Path>,
    pub lists: Vec<SegmentList>,
}

/// This router. The loopbacks are the source of its own ICMP errors and STAMP packets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct Site {
    pub name: String,
    pub sid: u32,
    pub loopback4: Option<Ipv4Addr>,
    pub loopback6: Option<Ipv6Addr>,
}

/// RFC 3443: whether the customer's TTL is copied into the stack and back, or hidden from it.
/// Pipe pushes TTL 255 (short-pipe at the egress: the customer TTL goes down by one there, as at
/// the ingress); uniform carries the customer TTL through every label-switching router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(rename_all = "lowercase")]
pub enum TtlModel {
    Pipe,
    Uniform,
}

/// How neighbours find out that an adjacency is dead (RFC 5880): both ends agree on the slower of
/// their intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct BfdTimers {
    /// Between packets that we send and that we are ready to receive: 10,000–60,000,000.
    pub interval_micros: u32,
    /// So many of ours missing in a row and the neighbour takes it for dead: 1–255.
    pub multiplier: u8,
}

impl Default for BfdTimers {
    fn default() -> Self {
        BfdTimers {
            interval_micros: 50_000,
            multiplier: 3,
        }
    }
}

/// How often adjacencies and segment lists are probed, and when a list counts as up or down. An
/// adjacency that was down is up again when BFD has been for `up_after` intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct ProbeTimers {
    pub interval_millis: u32,
    /// So many replies missing in a row: down.
    pub down_after: u32,
    /// So many replies in a row: up again (hysteresis). The first reply ever counts at once.
    pub up_after: u32,
}

/// One uplink of this site: one WireGuard interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct Uplink {
    /// The uplink's name in the file; unique within the site.
    pub key: String,
    /// WireGuard interface name, at most 15 bytes.
    pub interface: String,
    pub backend: Backend,
    /// The embedded backend binds its sockets to this device (SO_BINDTODEVICE).
    pub device: String,
    /// Address inside the tunnels, source of everything sent over this uplink's adjacencies.
    pub tunnel_address: Ipv4Addr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// WireGuard inside the engine; configured by `wg` over its userspace socket.
    Embedded,
    /// Any network device that `wg` can configure (the kernel's, or wireguard-go's); the engine
    /// sends and receives inner packets through sockets bound to it.
    Kernel,
}

/// A pair of uplinks that meet: one WireGuard peer on one of our interfaces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct Adjacency {
    /// `<uplink>><site>.<uplink>`, e.g. `fibre>porto.lte`; unique within the table.
    pub key: String,
    /// Index into `uplinks`.
    pub uplink: u32,
    /// Peer's public key, base64 as `wg` writes it.
    pub remote_key: String,
    /// Peer's address inside the tunnel; the only source accepted from it.
    pub remote_address: Ipv4Addr,
    pub remote_site: u32,
    /// Number of the peer's uplink, 0–7.
    pub remote_uplink: u32,
    /// Largest label stack plus customer packet, bytes, that fits this adjacency unfragmented.
    pub mtu: u32,
}

/// An isolated network (VPN) as it is present at this site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct Segment {
    pub name: String,
    pub number: u32,
    /// Pushed below everything else; names the segment at every egress.
    pub service_label: u32,
    /// Name of the TUN device, at most 15 bytes.
    pub tun: String,
    /// MTU of the TUN, bytes: the smallest customer packet size that all its lists carry.
    pub mtu: u32,
    /// Prefixes at this site. What comes out of a tunnel for another destination is dropped.
    #[cfg_attr(test, ts(type = "string[]"))]
    pub local: Vec<IpNet>,
    /// Prefixes at other sites; longest match wins. What comes out of a tunnel from a source
    /// that none of these covers is dropped as spoofed.
    pub routes: Vec<Route>,
    /// Rule lists that routes refer to.
    pub steerings: Vec<Steering>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct Route {
    #[cfg_attr(test, ts(type = "string"))]
    pub prefix: IpNet,
    /// Index into the segment's `steerings`.
    pub steering: u32,
}

/// First rule that matches decides; `fallback` if none does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct Steering {
    pub rules: Vec<Rule>,
    pub fallback: Verdict,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Name of the policy in the file.
    pub policy: String,
    pub matches: Match,
    pub verdict: Verdict,
}

/// Every field that is present must match. Ports are inclusive ranges and match only TCP, UDP and
/// SCTP; a non-first fragment has no ports and matches no rule that names them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct Match {
    #[cfg_attr(test, ts(type = "string | null"))]
    pub source: Option<IpNet>,
    #[cfg_attr(test, ts(type = "string | null"))]
    pub destination: Option<IpNet>,
    pub dscp: Option<u8>,
    /// IP protocol number of the customer packet, after IPv6 extension headers.
    pub protocol: Option<u8>,
    /// Empty: any.
    pub source_ports: Vec<(u16, u16)>,
    /// Empty: any.
    pub destination_ports: Vec<(u16, u16)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Verdict {
    /// Indices into the table's `paths`.
    Paths {
        /// For new flows, best first: the first that is up is used; none: drop.
        order: Vec<u32>,
        /// So many at the head of `order` are as good as one another: new flows are shared among
        /// all of their lists that are up, by weight. 0 is as 1.
        equal: u32,
        /// Flows stay on the list that they have while it is up and belongs to one of these paths,
        /// or to one of the equal ones.
        keep: Vec<u32>,
    },
    Drop,
}

impl Verdict {
    /// One path after the other, on which no flow stays once a better one is up.
    pub fn in_order(order: Vec<u32>) -> Self {
        Verdict::Paths {
            order,
            equal: 1,
            keep: Vec::new(),
        }
    }
}

/// A candidate path: weighted segment lists to one egress site (RFC 9256 §2.2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct Path {
    pub key: String,
    /// SID of the egress site.
    pub egress: u32,
    /// Indices into the table's `lists`. The path is up while one of them is; a flow stays on its
    /// list while that is up, and losing one list moves that list's flows only.
    pub lists: Vec<u32>,
}

/// What to do for one way through the network: an NHLFE with its whole stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct SegmentList {
    /// The hops, e.g. `fibre>hub.fibre,fibre>porto.lte`; unique within the table.
    pub key: String,
    /// 1–255; the share of flows among the lists of one path.
    pub weight: u32,
    /// First hop: index into `adjacencies`.
    pub adjacency: u32,
    /// Pushed above the service label, outermost first; empty where the first hop is the egress.
    pub labels: Vec<u32>,
    /// The stack under which the egress sends an answer back over the adjacency that the probe came
    /// by, outermost first. It has no label for that first hop (which would turn the packet around,
    /// and the acceptance check refuses that), so the egress looks nothing up in its own ILM; empty
    /// where that adjacency leads to this site already.
    pub return_labels: Vec<u32>,
    /// Egress router's loopback (or tunnel address), destination of the STAMP packets of this list.
    pub probe_address: Ipv4Addr,
    /// Largest customer packet, bytes, with the service label and `labels` taken off every MTU on
    /// the way.
    pub mtu: u32,
    /// Uplinks of other sites that the list passes, in its order: that by which it comes to each
    /// site, and that by which it leaves it again.
    pub ends: Vec<UplinkEnd>,
}

/// One uplink of another site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct UplinkEnd {
    /// SID.
    pub site: u32,
    /// Its number, 0–7.
    pub uplink: u32,
}

/// One entry of the incoming label map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct LabelEntry {
    /// 16–1048575. Special-purpose labels (RFC 9017) are the switch's own business.
    pub label: u32,
    /// Indices into `adjacencies`, ascending: from any other the label is dropped as not meant
    /// for it.
    pub accept: Vec<u32>,
    pub action: LabelAction,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum LabelAction {
    /// A segment's service label (index into `segments`): must be the bottom; the customer packet
    /// leaves by the segment's TUN.
    Deliver(u32),
    /// Our own node SID: pop it and look at the next label.
    Pop,
    /// Replace the label by `labels` and send; the first hop whose adjacency is up is used.
    Forward(Vec<Hop>),
}

/// `labels` in place of the incoming one: none = penultimate-hop pop, one = swap (0 or 2 =
/// explicit null), more = a repair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct Hop {
    pub adjacency: u32,
    pub labels: Vec<u32>,
}
