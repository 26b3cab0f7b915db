//! Making super-packets of what goes to a TUN.

use crate::VnetHeader;
use crate::header::{self, Transport, tcp, udp};
use crate::open::{Begin, Open};
use crate::read::{Flow, Read, read};

/// Packets of UDP in a super-packet: what the kernel coalesces itself (UDP_GRO_CNT_MAX), and what
/// every kernel with GSO_UDP_L4 takes.
const MAX_DATAGRAMS: usize = 64;

/// Bytes of a super-packet, IP header included: the IPv4 total length has no room for more.
const MAX_LENGTH: usize = 65_535;

/// Finds which packets of a batch can go to the kernel as one. It keeps positions and a copy of the
/// headers of open super-packets, never payload; all of it is allocated once.
///
/// A batch: [`offer`](Self::offer) each packet in the order of arrival, write the
/// [`groups`](Self::groups), [`clear`](Self::clear).
pub struct Coalescer {
    capacity: usize,
    limit: usize,
    takes_udp: bool,
    members: Vec<Member>,
    supers: Vec<Super>,
    open: Open,
}

/// A packet of the batch.
struct Member {
    id: u32,
    /// The packet behind it in its super-packet, as an index of `members`.
    next: usize,
}

/// A super-packet, or a packet that stays alone.
struct Super {
    first: usize,
    last: usize,
    count: usize,
    /// Bytes of the IP packet.
    length: usize,
    /// Of packets that others may be put behind.
    shape: Option<Shape>,
    /// The last packet has PSH set.
    push: bool,
}

/// What all packets of a super-packet have in common.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub transport: Transport,
    pub v6: bool,
    /// Where TCP or UDP begins.
    pub upper: usize,
    /// Bytes in front of the payload.
    pub headers: usize,
    /// Bytes of payload; only the last packet of a super-packet may have fewer.
    pub size: usize,
}

impl Coalescer {
    /// Room for `capacity` packets a batch; a super-packet may have as many.
    pub fn with_capacity(capacity: usize) -> Coalescer {
        Coalescer {
            capacity,
            limit: capacity,
            takes_udp: true,
            members: Vec::with_capacity(capacity),
            supers: Vec::with_capacity(capacity),
            open: Open::with_capacity(capacity),
        }
    }

    /// At most `packets` packets become one (a `writev` takes 1,024 pieces); of UDP never more than
    /// 64.
    pub fn with_limit(self, packets: usize) -> Coalescer {
        Coalescer {
            limit: packets,
            ..self
        }
    }

    /// Whether UDP becomes super-packets too, which a TUN takes since Linux 6.2.
    pub fn take_udp(&mut self, takes: bool) {
        self.takes_udp = takes;
    }

    /// Puts a packet on the end of the open super-packet of its flow, or lets it start its own. `id`
    /// is the caller's. False, and nothing done, when the batch is full.
    pub fn offer(&mut self, id: u32, packet: &[u8]) -> bool {
        if self.members.len() == self.capacity {
            return false;
        }
        let member = self.members.len();
        self.members.push(Member { id, next: member });
        match read(packet) {
            Read::NoFlow => self.start(member, packet, None),
            Read::Between(addresses) => {
                self.open.close_between(&addresses);
                self.start(member, packet, None);
            }
            Read::Flow(flow) => self.offer_of_flow(member, packet, &flow),
        }
        true
    }

    /// The super-packets, and packets that stay alone, in the order in which the first packet of
    /// each came.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = Group<'_>> {
        self.supers.iter().map(|own| Group {
            members: &self.members,
            own,
        })
    }

    /// Forgets all packets; the next batch may begin.
    pub fn clear(&mut self) {
        self.members.clear();
        self.supers.clear();
        self.open.clear();
    }

    fn offer_of_flow(&mut self, member: usize, packet: &[u8], flow: &Flow) {
        let at = self.open.find(&flow.key);
        let candidate = flow.candidate.as_ref();
        let candidate =
            candidate.filter(|one| self.takes_udp || one.shape.transport != Transport::Udp);
        if let (Some(at), Some(candidate)) = (at, candidate) {
            let own = &mut self.supers[self.open.group(at)];
            let fits = own.length + candidate.payload() <= MAX_LENGTH;
            if fits && self.open.continues(at, packet, candidate) {
                if !candidate.checksum_is_ours(packet) {
                    self.open.close(at);
                    return self.start(member, packet, None);
                }
                self.members[own.last].next = member;
                own.last = member;
                own.count += 1;
                own.length += candidate.payload();
                own.push = candidate.push;
                let full = own.count == self.limit.min(most(candidate.shape.transport));
                if candidate.is_last_behind(own.shape.as_ref()) || full {
                    self.open.close(at);
                } else {
                    self.open.advance(at, candidate);
                }
                return;
            }
        }
        if let Some(at) = at {
            self.open.close(at);
        }
        // A packet with PSH ends what it is part of: the receiver is to have it now.
        match candidate.filter(|one| !one.push && self.limit > 1 && one.checksum_is_ours(packet)) {
            Some(candidate) => {
                self.open.begin(Begin {
                    key: flow.key,
                    group: self.supers.len(),
                    packet,
                    candidate,
                });
                self.start(member, packet, Some(candidate.shape));
            }
            None => self.start(member, packet, None),
        }
    }

    fn start(&mut self, member: usize, packet: &[u8], shape: Option<Shape>) {
        self.supers.push(Super {
            first: member,
            last: member,
            count: 1,
            length: packet.len(),
            shape,
            push: false,
        });
    }
}

fn most(transport: Transport) -> usize {
    match transport {
        Transport::Tcp => usize::MAX,
        Transport::Udp => MAX_DATAGRAMS,
    }
}

/// Packets to be written as one, or a packet that stays alone.
#[derive(Clone, Copy)]
pub struct Group<'a> {
    members: &'a [Member],
    own: &'a Super,
}

impl<'a> Group<'a> {
    /// How many packets; at least one.
    pub fn count(&self) -> usize {
        self.own.count
    }

    /// The first packet, which is to be given to [`finish`](Self::finish).
    pub fn first(&self) -> u32 {
        self.members[self.own.first].id
    }

    /// All packets in order, the first one too.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = u32> + 'a {
        let members = self.members;
        let mut at = self.own.first;
        (0..self.own.count).map(move |_| {
            let member = &members[at];
            at = member.next;
            member.id
        })
    }

    /// How many bytes to skip in all packets but the first. What is behind them is to be written
    /// whole. Zero for a packet that was never to have others behind it.
    pub fn headers(&self) -> usize {
        self.own.shape.map_or(0, |shape| shape.headers)
    }

    /// Bytes of the whole, without the `virtio_net_hdr`.
    pub fn length(&self) -> usize {
        self.own.length
    }

    /// Makes the headers of the first packet those of the super-packet, and tells what goes in front
    /// of it. A packet that stays alone is not touched and gets [`VnetHeader::NONE`].
    ///
    /// # Panics
    ///
    /// When `first` is shorter than the first packet's headers.
    pub fn finish(&self, first: &mut [u8]) -> VnetHeader {
        let (Some(shape), true) = (self.own.shape, self.own.count > 1) else {
            return VnetHeader::NONE;
        };
        let addresses = header::addresses(first, !shape.v6);
        let (ip, upper) = first[..shape.headers].split_at_mut(shape.upper);
        header::set_length(ip, shape.v6, self.own.length);
        let length = (self.own.length - shape.upper) as u16;
        let gso_type = match (shape.transport, shape.v6) {
            (Transport::Tcp, false) => VnetHeader::GSO_TCPV4,
            (Transport::Tcp, true) => VnetHeader::GSO_TCPV6,
            (Transport::Udp, _) => VnetHeader::GSO_UDP_L4,
        };
        match shape.transport {
            Transport::Tcp if self.own.push => upper[tcp::FLAGS] |= tcp::PSH,
            Transport::Tcp => {}
            Transport::Udp => header::put_u16(upper, udp::LENGTH, length),
        }
        let at = shape.transport.checksum_at();
        let pseudo = addresses
            .word(u16::from(shape.transport.protocol()))
            .word(length);
        header::put_u16(upper, at, !pseudo.finish());
        VnetHeader {
            flags: VnetHeader::NEEDS_CSUM,
            gso_type,
            hdr_len: shape.headers as u16,
            gso_size: shape.size as u16,
            csum_start: shape.upper as u16,
            csum_offset: at as u16,
        }
    }
}
