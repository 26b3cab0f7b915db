//! Why a packet or datagram went no further.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)*) => {
        /// Closed set of reasons; [`DropReason::name`] is what counters are called.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum DropReason { $($(#[$doc])* $variant,)* }

        impl DropReason {
            pub const ALL: &[DropReason] = &[$(DropReason::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self { $(DropReason::$variant => $name,)* }
            }
        }
    };
}

reasons! {
    /// Not a WireGuard message.
    Malformed => "wireguard-malformed",
    /// For a session that no peer of this device has.
    UnknownIndex => "wireguard-unknown-index",
    /// A handshake by a key that is no peer of this device.
    UnknownPeer => "wireguard-unknown-peer",
    /// Handshake not made for this device's public key.
    WrongMac => "wireguard-wrong-mac",
    /// Handshake that does not authenticate: wrong key, wrong preshared key, replayed timestamp.
    BadHandshake => "wireguard-bad-handshake",
    /// More than 50 handshakes a second from a peer or, under load, more than 20 from an address.
    HandshakeFlood => "wireguard-handshake-flood",
    /// Data that does not authenticate.
    BadData => "wireguard-bad-data",
    /// Data received before, or older than the replay window.
    Replayed => "wireguard-replayed",
    /// Data of a session that has ended.
    NoSession => "wireguard-no-session",
    /// Authentic, but not an IP packet.
    NotIp => "wireguard-not-ip",
    /// Authentic, but from an address that the peer's allowed IPs do not hold.
    SourceNotAllowed => "wireguard-source-not-allowed",
    /// To send, but the peer has no endpoint yet.
    NoEndpoint => "wireguard-no-endpoint",
    /// Waited for a handshake that nobody answered for 90 s.
    NoAnswer => "wireguard-no-answer",
    /// Waited for a handshake, and had to make room: 256 packets that came later do.
    QueueFull => "wireguard-queue-full",
    /// The device has no private key.
    NoPrivateKey => "wireguard-no-private-key",
    /// The peer was removed while the packet was on its way.
    PeerRemoved => "wireguard-peer-removed",
    /// The caller's output buffer is too small for the packet.
    BufferTooSmall => "wireguard-buffer-too-small",
}

/// One counter for each reason. Written only on a drop, by any thread.
#[derive(Debug)]
pub(crate) struct Drops([AtomicU64; DropReason::ALL.len()]);

impl Drops {
    pub fn new() -> Self {
        Drops([const { AtomicU64::new(0) }; DropReason::ALL.len()])
    }

    pub fn count(&self, reason: DropReason) -> DropReason {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
        reason
    }

    pub fn add(&self, reason: DropReason, packets: u64) {
        if packets > 0 {
            self.0[reason as usize].fetch_add(packets, Ordering::Relaxed);
        }
    }

    pub fn read(&self, reason: DropReason) -> u64 {
        self.0[reason as usize].load(Ordering::Relaxed)
    }
}
