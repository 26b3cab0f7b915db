//! What is configured, apart from what happens: the model that a `set` request changes. A change
//! is worked out on a copy and compared with the original, so that setting what is already so
//! touches nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;

use ipnet::IpNet;

use crate::key::{PublicKey, SecretKey};
use crate::uapi::SetRequest;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Config {
    pub private_key: Option<SecretKey>,
    pub fwmark: u32,
    pub peers: BTreeMap<PublicKey, PeerConfig>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PeerConfig {
    pub preshared_key: Option<SecretKey>,
    /// Seconds; 0 is off.
    pub keepalive: u16,
    pub allowed_ips: BTreeSet<IpNet>,
}

/// The outcome of a request.
pub(crate) struct Plan {
    pub config: Config,
    /// Endpoints to set. They are no part of the model: a peer that roams changes its own.
    pub endpoints: BTreeMap<PublicKey, SocketAddr>,
    /// Peers removed and perhaps added again: they start from nothing.
    pub forgotten: BTreeSet<PublicKey>,
}

impl Config {
    /// `public_of` gives the public key of a private one.
    pub fn plan(&self, request: SetRequest, public_of: impl Fn(&SecretKey) -> PublicKey) -> Plan {
        let mut config = self.clone();
        let mut endpoints = BTreeMap::new();
        let mut forgotten = BTreeSet::new();
        if let Some(key) = request.private_key {
            config.private_key = key;
        }
        if let Some(mark) = request.fwmark {
            config.fwmark = mark;
        }
        if request.replace_peers {
            // Not forgotten: a peer that the request names again keeps its session.
            config.peers.clear();
        }
        let own = config.private_key.as_ref().map(public_of);
        let mut owners: HashMap<IpNet, PublicKey> = config
            .peers
            .iter()
            .flat_map(|(key, peer)| peer.allowed_ips.iter().map(|net| (*net, *key)))
            .collect();
        for change in request.peers {
            let key = change.key;
            let known = config.peers.contains_key(&key);
            if change.remove || (change.update_only && !known) || Some(key) == own {
                if change.remove
                    && let Some(peer) = config.peers.remove(&key)
                {
                    for net in &peer.allowed_ips {
                        owners.remove(net);
                    }
                    endpoints.remove(&key);
                    forgotten.insert(key);
                }
                continue;
            }
            let peer = config.peers.entry(key).or_default();
            if let Some(preshared) = change.preshared_key {
                peer.preshared_key = preshared;
            }
            if let Some(seconds) = change.keepalive {
                peer.keepalive = seconds;
            }
            if change.replace_allowed_ips {
                for net in std::mem::take(&mut peer.allowed_ips) {
                    owners.remove(&net);
                }
            }
            if let Some(endpoint) = change.endpoint {
                endpoints.insert(key, endpoint);
            }
            for allowed in change.allowed_ips {
                let owner = owners.get(&allowed.net).copied();
                if !allowed.remove {
                    // An address belongs to one peer: the last that it was given to.
                    owners.insert(allowed.net, key);
                } else if owner == Some(key) {
                    owners.remove(&allowed.net);
                } else {
                    continue;
                }
                if let Some(before) = owner.and_then(|owner| config.peers.get_mut(&owner)) {
                    before.allowed_ips.remove(&allowed.net);
                }
                if !allowed.remove
                    && let Some(peer) = config.peers.get_mut(&key)
                {
                    peer.allowed_ips.insert(allowed.net);
                }
            }
        }
        // A device is never its own peer.
        if let Some(own) = own {
            config.peers.remove(&own);
            endpoints.remove(&own);
        }
        Plan {
            config,
            endpoints,
            forgotten,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uapi::{Request, parse};

    fn key(n: u8) -> String {
        format!("{n:02x}").repeat(32)
    }

    fn plan(config: &Config, lines: &str) -> Plan {
        let Ok(Request::Set(request)) = parse(format!("set=1\n{lines}\n").as_bytes()) else {
            panic!("refused: {lines}")
        };
        config.plan(request, |_| PublicKey::from_bytes([9; 32]))
    }

    fn allowed(config: &Config, n: u8) -> Vec<String> {
        let peer = &config.peers[&PublicKey::from_bytes([n; 32])];
        peer.allowed_ips.iter().map(IpNet::to_string).collect()
    }

    fn two() -> Config {
        let (one, two) = (key(1), key(2));
        plan(
            &Config::default(),
            &format!(
                "private_key={}\npublic_key={one}\nallowed_ip=10.0.0.0/8\nallowed_ip=10.1.0.0/16\n\
                 public_key={two}\nallowed_ip=fd00::/8\n",
                key(5)
            ),
        )
        .config
    }

    #[test]
    fn an_address_belongs_to_the_last_peer_it_was_given_to() {
        let after = plan(
            &two(),
            &format!("public_key={}\nallowed_ip=10.1.2.3/16\n", key(2)),
        );
        assert_eq!(allowed(&after.config, 1), ["10.0.0.0/8"]);
        assert_eq!(allowed(&after.config, 2), ["10.1.0.0/16", "fd00::/8"]);
        // Given twice to the same peer it stays.
        let again = plan(
            &after.config,
            &format!("public_key={}\nallowed_ip=10.1.0.0/16\n", key(2)),
        );
        assert_eq!(again.config, after.config);
    }

    #[test]
    fn only_the_owner_gives_an_address_up() {
        let other = plan(
            &two(),
            &format!("public_key={}\nallowed_ip=-10.1.0.0/16\n", key(2)),
        );
        assert_eq!(other.config, two());
        let own = plan(
            &two(),
            &format!("public_key={}\nallowed_ip=-10.1.0.0/16\n", key(1)),
        );
        assert_eq!(allowed(&own.config, 1), ["10.0.0.0/8"]);
    }

    #[test]
    fn removed_and_added_again_starts_from_nothing() {
        let one = key(1);
        let after = plan(
            &two(),
            &format!("public_key={one}\nremove=true\npublic_key={one}\n"),
        );
        assert_eq!(allowed(&after.config, 1), [""; 0]);
        assert!(after.forgotten.contains(&PublicKey::from_bytes([1; 32])));
        let other = plan(
            &after.config,
            &format!("public_key={}\nallowed_ip=10.0.0.0/8\n", key(2)),
        );
        assert_eq!(allowed(&other.config, 2), ["10.0.0.0/8", "fd00::/8"]);
    }

    #[test]
    fn replacing_all_by_the_same_changes_nothing() {
        let same = plan(
            &two(),
            &format!(
                "replace_peers=true\npublic_key={}\nreplace_allowed_ips=true\n\
                 allowed_ip=10.0.0.0/8\nallowed_ip=10.1.0.0/16\n\
                 public_key={}\nreplace_allowed_ips=true\nallowed_ip=fd00::/8\n",
                key(1),
                key(2)
            ),
        );
        assert!(same.config == two() && same.forgotten.is_empty());
        assert_eq!(plan(&two(), "replace_peers=true\n").config.peers.len(), 0);
    }

    #[test]
    fn update_only_and_the_own_key_add_nothing() {
        let lines = format!(
            "public_key={}\nupdate_only=true\nallowed_ip=1.0.0.0/8\n\
             public_key={}\nallowed_ip=10.0.0.0/8\n",
            key(3),
            key(9)
        );
        assert_eq!(plan(&two(), &lines).config, two());
    }
}
