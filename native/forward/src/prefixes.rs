//! Longest-prefix match over both IP versions.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;

/// Values by prefix.
#[derive(Debug)]
pub(crate) struct Prefixes<T> {
    v4: PrefixMap<Ipv4Net, T>,
    v6: PrefixMap<Ipv6Net, T>,
}

impl<T: Copy> Prefixes<T> {
    pub(crate) fn new(entries: impl Iterator<Item = (IpNet, T)>) -> Self {
        let mut prefixes = Self {
            v4: PrefixMap::new(),
            v6: PrefixMap::new(),
        };
        for (prefix, value) in entries {
            match prefix {
                IpNet::V4(prefix) => prefixes.v4.insert(prefix, value),
                IpNet::V6(prefix) => prefixes.v6.insert(prefix, value),
            };
        }
        prefixes
    }

    /// Length and value of the longest prefix that covers the address.
    pub(crate) fn longest(&self, address: IpAddr) -> Option<(u8, T)> {
        match address {
            IpAddr::V4(address) => self
                .v4
                .get_lpm(&Ipv4Net::from(address))
                .map(|(prefix, value)| (prefix.prefix_len(), *value)),
            IpAddr::V6(address) => self
                .v6
                .get_lpm(&Ipv6Net::from(address))
                .map(|(prefix, value)| (prefix.prefix_len(), *value)),
        }
    }
}
