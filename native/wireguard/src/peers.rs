//! The published table of peers: immutable, swapped whole, loaded once a batch.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::allowed_ips::{AllowedIps, QuickHash};
use crate::cookie::Checker;
use crate::drops::{DropReason, Drops};
use crate::key::{PublicKey, SecretKey};
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
    pub secret: SecretKey,
    pub checker: Checker,
}

impl Identity {
    pub fn new(secret: SecretKey) -> Self {
        Identity {
            checker: Checker::new(&secret.public()),
            secret,
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

    /// The peer that a session's index is of.
    pub(crate) fn by_index(&self, index: u32) -> Result<&Arc<Peer>, DropReason> {
        let peer = self.by_index.get(&(index >> 8));
        peer.ok_or(DropReason::UnknownIndex)
    }

    /// For a batch of datagrams.
    pub fn receiver(&self) -> Receiver<'_> {
        Receiver::new(self)
    }

    /// To be called every 100–250 ms: handshakes, keepalives, expiry. `send` gets what is to be
    /// sent; `out` holds at least a full datagram. Peers are independent of each other.
    pub fn update_timers(&self, now: Now, out: &mut [u8], mut send: impl FnMut(&[u8], SocketAddr)) {
        for peer in &self.all {
            let mut peer = peer.lock();
            while let Some(due) = peer.next_due(now, out) {
                send(&out[..due.len], due.to);
            }
        }
    }
}
