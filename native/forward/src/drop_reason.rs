//! Why packets are dropped: a closed set, whose names are an interface to operators.

macro_rules! drop_reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// Why a packet was dropped.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum DropReason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl DropReason {
            /// Every reason, in the order of [`index`](Self::index).
            pub const ALL: &'static [DropReason] = &[$(DropReason::$variant,)+];

            /// Stable name, kebab-case.
            pub const fn name(self) -> &'static str {
                match self { $(DropReason::$variant => $name,)+ }
            }

            /// Position in [`ALL`](Self::ALL), for an array of counters.
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

drop_reasons! {
    // A customer packet, at the ingress or the egress.
    /// Not a well-formed IPv4 or IPv6 packet (RFC 1812 §5.2.2, RFC 8200 §3).
    CustomerMalformed = "customer-malformed",
    /// Multicast, broadcast, or link-local: never forwarded (RFC 4291 §2.5.6, RFC 1812 §5.3.7).
    CustomerNotUnicast = "customer-not-unicast",
    /// The customer's TTL or hop limit ran out (RFC 1812 §5.3.1, RFC 8200 §3).
    CustomerTtlExpired = "customer-ttl-expired",
    /// No prefix of the segment covers the destination (RFC 1812 §5.2.4.3).
    NoRoute = "no-route",
    /// A policy says so.
    PolicyDrop = "policy-drop",
    /// No path of the packet's policy is up.
    NoPath = "no-path",
    /// Larger than the list carries, and not to be fragmented (RFC 1191 §4, RFC 8200 §5).
    TooBig = "too-big",
    /// The segment does not exist in the table in use.
    UnknownSegment = "unknown-segment",
    // The inner packet from a neighbour.
    /// Not a well-formed IPv4 packet (RFC 1812 §5.2.2).
    InnerMalformed = "inner-malformed",
    /// A fragment: inner packets are never fragmented (RFC 7510 §3.1).
    InnerFragment = "inner-fragment",
    /// The source is not the neighbour's tunnel address (RFC 2827 §3).
    InnerWrongSource = "inner-wrong-source",
    /// The destination is not this uplink's tunnel address.
    InnerWrongDestination = "inner-wrong-destination",
    /// Neither MPLS-in-UDP (RFC 7510), STAMP (RFC 8762) nor BFD (RFC 5881).
    InnerUnknownProtocol = "inner-unknown-protocol",
    /// A UDP checksum that is there is wrong (RFC 768, RFC 7510 §3.1).
    InnerBadChecksum = "inner-bad-checksum",
    /// The adjacency does not exist in the table in use.
    UnknownAdjacency = "unknown-adjacency",
    // The label stack.
    /// The packet ends before a bottom of stack (RFC 3032 §2.1).
    StackWithoutBottom = "stack-without-bottom",
    /// More entries than any router of this network pushes.
    StackTooDeep = "stack-too-deep",
    /// No entry for the label in the incoming label map (RFC 3031 §3.18).
    UnknownLabel = "unknown-label",
    /// The label is not meant for packets from this adjacency (RFC 3031 §3.18, RFC 4364 §8.2).
    LabelNotAccepted = "label-not-accepted",
    /// A service label with labels below it (RFC 4364 §4.3.1).
    ServiceLabelNotBottom = "service-label-not-bottom",
    /// The bottom label names no segment and is no explicit null.
    BottomLabelNotService = "bottom-label-not-service",
    /// Label 3 is for signalling and never on the wire (RFC 3032 §2.1).
    ImplicitNullOnWire = "implicit-null-on-wire",
    /// A special-purpose label that this router does not process (RFC 9017 §2).
    SpecialPurposeLabel = "special-purpose-label",
    /// The top TTL ran out (RFC 3032 §2.4.2, RFC 3443 §5).
    LabelTtlExpired = "label-ttl-expired",
    /// None of the entry's next hops is up.
    NextHopDown = "next-hop-down",
    /// The next hop is the one that the packet came from.
    WouldReturn = "would-return",
    /// Stack and packet are larger than the outgoing adjacency carries (RFC 3032 §3.4).
    LabelledTooBig = "labelled-too-big",
    /// A probe for the MTU of a way, larger than what is known to cross the next adjacency in one
    /// piece (RFC 8899 §4.1).
    SizedTooBig = "sized-too-big",
    // The egress.
    /// The destination is in none of the segment's local prefixes.
    EgressNotLocal = "egress-not-local",
    /// The source is in none of the segment's remote prefixes (RFC 2827 §3).
    EgressSpoofed = "egress-spoofed",
    /// Congestion was marked on the way, and the customer's packet is not ECN-capable (RFC 6040
    /// §4.2).
    EgressCongested = "egress-congested",
    // Datagrams for and of this router.
    /// Below an explicit null, but for another address than this router's.
    LocalWrongDestination = "local-wrong-destination",
    /// For this router, but no well-formed STAMP datagram.
    LocalUnknownProtocol = "local-unknown-protocol",
    /// The caller's buffer has no room for the headers.
    NoHeadroom = "no-headroom",
}

impl std::fmt::Display for DropReason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}
