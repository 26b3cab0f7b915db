//! The published table of peers: immutable, swapped whole, loaded once a batch.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use boringtun::noise::rate_limiter::RateLimiter;
use boringtun::x25519;

use crate::allowed_ips::{AllowedIps, QuickHash};
use crate::drops::Drops;
use crate::key::PublicKey;
use crate::now::Now;
use crate::peer::Peer;
use crate::receiver::Receiver;

/// All peers of a device as they are configured now. A peer that is removed after this was loaded
/// refuses to work, so that an old table does no harm.
pub struct Peers {
    pub(crate) identity: Option<Arc<Identity>>,
    pub(crate) all: Vec<Arc<Peer>>,
    pub(crate) by_key: HashMap<PublicKey, Arc<Peer>>,
    /// The upper 24 bits of a session's index say whose it is.
    pub(crate) by_index: HashMap<u32, Arc<Peer>, QuickHash>,
    pub(crate) allowed: AllowedIps,
    pub(crate) drops: Arc<Drops>,
}

/// The device's own key, and what is derived from it.
pub(crate) struct Identity {
    pub secret: x25519::StaticSecret,
    pub public: x25519::PublicKey,
    /// Under load it answers handshakes with cookies (WireGuard paper §5.3).
    pub limiter: RateLimiter,
    /// For the peers' own second look at a message that `limiter` has let in: never under load.
    pub unlimited: Arc<RateLimiter>,
}

/// Handshake messages a second, of the whole device, from which on a sender must prove its
/// address. Ours; a handshake costs about 0.1 ms.
const HANDSHAKES_PER_SECOND: u64 = 100;

impl Identity {
    pub fn new(secret: x25519::StaticSecret) -> Self {
        let public = x25519::PublicKey::from(&secret);
        Identity {
            secret,
            public,
            limiter: RateLimiter::new(&public, HANDSHAKES_PER_SECOND),
            unlimited: Arc::new(RateLimiter::new(&public, u64::MAX)),
        }
    }
}

impl Peers {
    pub(crate) fn empty(drops: Arc<Drops>) -> Self {
        Peers {
            identity: None,
            all: Vec::new(),
            by_key: HashMap::new(),
            by_index: HashMap::default(),
            allowed: AllowedIps::default(),
            drops,
        }
    }

    /// In the order of their public keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Peer>> {
        self.all.iter()
    }

    pub fn by_key(&self, key: &PublicKey) -> Option<&Arc<Peer>> {
        self.by_key.get(key)
    }

    /// For a batch of datagrams. It holds the lock of the last peer that it received from.
    pub fn receiver(&self) -> Receiver<'_> {
        Receiver::new(self)
    }

    /// To be called every 100–250 ms: handshakes, keepalives, expiry. `send` gets what is to be
    /// sent; `out` holds at least a full datagram. Peers are independent of each other.
    pub fn update_timers(&self, now: Now, out: &mut [u8], mut send: impl FnMut(&[u8], SocketAddr)) {
        if let Some(identity) = &self.identity {
            identity.limiter.reset_count();
        }
        for peer in &self.all {
            peer.state
                .lock()
                .update_timers(now, out, &self.drops, &mut send);
        }
    }
}
