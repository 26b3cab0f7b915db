//! The device: configured by text, publishes its peers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use crate::allowed_ips::AllowedIps;
use crate::config::{Config, PeerConfig, Plan};
use crate::drops::{DropReason, Drops};
use crate::key::{PublicKey, SecretKey, push_hex};
use crate::now::Now;
use crate::peer::{Peer, PeerId};
use crate::peers::{Identity, Peers};
use crate::uapi::{Request, SetRequest, parse};

/// A positive error number of the system, as `EADDRINUSE`.
pub type Errno = i32;

const EINVAL: Errno = 22;

/// What a request wants changed of the sockets. Everything else of the request happens only if
/// this succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketChange {
    /// Bind to this port; 0: to any free one.
    pub listen_port: Option<u16>,
    /// Mark what is sent (SO_MARK); 0: no mark.
    pub fwmark: Option<u32>,
}

/// One WireGuard interface.
pub struct Device {
    name: String,
    peers: ArcSwap<Peers>,
    drops: Arc<Drops>,
    /// Held while a request is answered; packets never take it.
    control: Mutex<Control>,
}

#[derive(Default)]
struct Control {
    config: Config,
    /// As asked for: 0 is any. Kept apart from the port in use, so that asking for any port again
    /// does not move the socket.
    wanted_port: u16,
    port: u16,
    next_id: u64,
    peers: BTreeMap<PublicKey, Arc<Peer>>,
}

impl Device {
    pub fn new(name: &str) -> Self {
        let drops = Arc::new(Drops::new());
        Device {
            name: name.to_string(),
            peers: ArcSwap::from_pointee(Peers::empty(drops.clone())),
            drops,
            control: Mutex::default(),
        }
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The peers as they are now: to be loaded once a batch, without a lock.
    pub fn peers(&self) -> Guard<Arc<Peers>> {
        self.peers.load()
    }

    /// Packets dropped so far for this reason, in both directions.
    pub fn drops(&self, reason: DropReason) -> u64 {
        self.drops.read(reason)
    }

    /// Tells the port that the sockets were bound to without a request, for `get`.
    pub fn listening(&self, port: u16) {
        self.control.lock().port = port;
    }

    /// Answers one request of the userspace protocol, its empty line included (see
    /// [`crate::request_length`]). `sockets` is called only if something about them changes; it
    /// returns the port that they are bound to (looked at only if it was to change), or the error that
    /// refuses the whole request.
    ///
    /// `sockets` is called before anything else is applied. Who sends loads [`Device::peers`] first
    /// and its sockets after that; then no new peer's handshake leaves by an old socket, where the
    /// answer would be lost.
    ///
    /// Errors are written as the system's error number, negative, which is what `wg` expects. The
    /// request may hold keys: wipe the buffer that it was read into.
    pub fn uapi(
        &self,
        now: Now,
        request: &[u8],
        sockets: impl FnOnce(SocketChange) -> Result<u16, Errno>,
    ) -> Zeroizing<String> {
        let errno = match parse(request) {
            Ok(Request::Get) => {
                let mut text = self.get();
                text.push_str("errno=0\n\n");
                return text;
            }
            Ok(Request::Set(set)) => self.set(now, set, sockets).err().unwrap_or(0),
            Err(_) => EINVAL,
        };
        Zeroizing::new(format!("errno={}\n\n", -errno))
    }

    fn set(
        &self,
        now: Now,
        request: SetRequest,
        sockets: impl FnOnce(SocketChange) -> Result<u16, Errno>,
    ) -> Result<(), Errno> {
        let mut control = self.control.lock();
        let wanted_port = request.listen_port.unwrap_or(control.wanted_port);
        let moved = request.listen_port.filter(|port| {
            *port != control.wanted_port || control.port == 0 || ![0, control.port].contains(port)
        });
        let change = SocketChange {
            listen_port: moved,
            fwmark: request.fwmark.filter(|mark| *mark != control.config.fwmark),
        };
        let plan = control.config.plan(request, SecretKey::public);
        if change
            != (SocketChange {
                listen_port: None,
                fwmark: None,
            })
        {
            let bound = sockets(change)?;
            if change.listen_port.is_some() {
                control.port = bound;
            }
        }
        control.wanted_port = wanted_port;
        if let Some(peers) = control.apply(now, plan, &self.peers.load(), &self.drops) {
            self.peers.store(Arc::new(peers));
        }
        Ok(())
    }

    fn get(&self) -> Zeroizing<String> {
        let control = self.control.lock();
        let networks: usize = control
            .config
            .peers
            .values()
            .map(|p| p.allowed_ips.len())
            .sum();
        // Enough to never grow, which would leave a copy of the keys in memory.
        let room = 512 + control.config.peers.len() * 512 + networks * 64;
        let mut text = Zeroizing::new(String::with_capacity(room));
        control.write(&mut text);
        debug_assert!(text.len() < room);
        text
    }
}

impl Control {
    /// Applies a plan. Returns the new table if peers, keys or allowed IPs differ.
    fn apply(
        &mut self,
        now: Now,
        plan: Plan,
        published: &Peers,
        drops: &Arc<Drops>,
    ) -> Option<Peers> {
        let before = std::mem::replace(&mut self.config, plan.config);
        let rekeyed = before.private_key != self.config.private_key;
        let identity = if rekeyed {
            let secret = self.config.private_key.as_ref();
            secret.map(|secret| Arc::new(Identity::new(secret.clone())))
        } else {
            published.identity.clone()
        };
        let config = &self.config;
        self.peers.retain(|key, peer| {
            let kept = config.peers.contains_key(key) && !plan.forgotten.contains(key);
            if !kept {
                peer.lock().remove();
            }
            kept
        });
        let mut indices: BTreeSet<u32> = self.peers.values().map(|peer| peer.index).collect();
        for (key, wanted) in &config.peers {
            let mut created = false;
            let peer = self.peers.entry(*key).or_insert_with(|| {
                created = true;
                self.next_id += 1;
                let (id, index) = (PeerId(self.next_id), unused_index(&mut indices));
                Arc::new(Peer::new(id, *key, index, drops.clone(), now.monotonic))
            });
            let mut peer = peer.lock();
            if rekeyed || created {
                peer.set_identity(identity.clone());
            }
            peer.set_preshared(wanted.preshared_key.as_ref());
            peer.set_keepalive(wanted.keepalive);
            if let Some(endpoint) = plan.endpoints.get(key) {
                peer.set_endpoint(*endpoint);
            }
        }
        let same = !rekeyed && plan.forgotten.is_empty() && tables_agree(&before, &self.config);
        (!same).then(|| self.table(identity, drops))
    }

    fn table(&self, identity: Option<Arc<Identity>>, drops: &Arc<Drops>) -> Peers {
        let mut peers = Peers {
            identity,
            ..Peers::empty(drops.clone())
        };
        for (key, peer) in &self.peers {
            peers.all.push(peer.clone());
            peers.by_key.insert(*key, peer.clone());
            peers.by_index.insert(peer.index, peer.clone());
        }
        peers.allowed = AllowedIps::new(self.config.peers.iter().flat_map(|(key, config)| {
            let id = self.peers[key].id();
            let nets = config.allowed_ips.iter().copied();
            // As for a peer that is everybody's way to everywhere: see forward/src/plain.rs.
            #[cfg(feature = "plain")]
            let nets = nets.chain([ipnet::Ipv4Net::default().into()]);
            nets.map(move |net| (net, id))
        }));
        peers
    }

    fn write(&self, text: &mut String) {
        if let Some(key) = &self.config.private_key {
            push_hex(text, "private_key", key.bytes());
        }
        if self.port != 0 {
            line(text, "listen_port", self.port);
        }
        if self.config.fwmark != 0 {
            line(text, "fwmark", self.config.fwmark);
        }
        for (key, peer) in &self.peers {
            push_hex(text, "public_key", key.as_bytes());
            self.write_peer(text, peer, &self.config.peers[key]);
        }
    }

    fn write_peer(&self, text: &mut String, peer: &Peer, config: &PeerConfig) {
        if let Some(key) = &config.preshared_key {
            push_hex(text, "preshared_key", key.bytes());
        }
        line(text, "protocol_version", 1);
        if let Some(endpoint) = peer.sessions.load().endpoint {
            line(text, "endpoint", endpoint);
        }
        let handshake = peer.lock().last_handshake();
        let handshake = handshake.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let handshake = handshake.unwrap_or_default();
        line(text, "last_handshake_time_sec", handshake.as_secs());
        line(text, "last_handshake_time_nsec", handshake.subsec_nanos());
        let bytes = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        line(text, "tx_bytes", bytes(&peer.activity.sent_bytes));
        line(text, "rx_bytes", bytes(&peer.activity.received_bytes));
        line(text, "persistent_keepalive_interval", config.keepalive);
        for net in &config.allowed_ips {
            line(text, "allowed_ip", net);
        }
    }
}

/// Whether both configurations lead to the same table, private key aside.
fn tables_agree(before: &Config, after: &Config) -> bool {
    before.peers.len() == after.peers.len()
        && before
            .peers
            .iter()
            .zip(&after.peers)
            .all(|((key, a), (other, b))| key == other && a.allowed_ips == b.allowed_ips)
}

fn line(text: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = writeln!(text, "{name}={value}"); // writing to a String does not fail
}

/// Random, as the protocol's session indices are; 24 bits are the peer's, 8 its sessions'.
fn unused_index(taken: &mut BTreeSet<u32>) -> u32 {
    loop {
        let index = OsRng.next_u32() >> 8;
        if taken.insert(index) {
            return index;
        }
    }
}
