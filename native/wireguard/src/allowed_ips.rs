//! Cryptokey routing: which peer may send from an address. Immutable; rebuilt on configuration.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::peer::PeerId;

/// Longest match by one hash lookup for each prefix length that is in use, longest first. Tunnels
/// here allow single addresses, so that it is nearly always one lookup.
#[derive(Default)]
pub(crate) struct AllowedIps {
    v4: Vec<(u8, Prefixes)>,
    v6: Vec<(u8, Prefixes)>,
}

type Prefixes = HashMap<u128, PeerId, QuickHash>;

/// Keys are configured, never chosen by a sender: no need for a keyed hash.
pub(crate) type QuickHash = BuildHasherDefault<Multiply>;

impl AllowedIps {
    pub fn new(owners: impl IntoIterator<Item = (IpNet, PeerId)>) -> Self {
        let mut allowed = AllowedIps::default();
        for (net, peer) in owners {
            let levels = match net {
                IpNet::V4(_) => &mut allowed.v4,
                IpNet::V6(_) => &mut allowed.v6,
            };
            let at = levels
                .iter()
                .position(|(bits, _)| *bits == net.prefix_len());
            let at = at.unwrap_or_else(|| {
                levels.push((net.prefix_len(), Prefixes::default()));
                levels.len() - 1
            });
            levels[at]
                .1
                .insert(masked(net.addr(), net.prefix_len()), peer);
        }
        allowed.v4.sort_by_key(|(bits, _)| std::cmp::Reverse(*bits));
        allowed.v6.sort_by_key(|(bits, _)| std::cmp::Reverse(*bits));
        allowed
    }

    pub fn owner(&self, address: IpAddr) -> Option<PeerId> {
        let levels = if address.is_ipv4() {
            &self.v4
        } else {
            &self.v6
        };
        levels
            .iter()
            .find_map(|(bits, prefixes)| prefixes.get(&masked(address, *bits)).copied())
    }
}

fn masked(address: IpAddr, prefix_bits: u8) -> u128 {
    let (value, width) = match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    let host_bits = width - u32::from(prefix_bits);
    value.checked_shr(host_bits).unwrap_or(0)
}

#[derive(Default)]
pub(crate) struct Multiply(u64);

impl Hasher for Multiply {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(value.into());
    }

    fn write_u64(&mut self, value: u64) {
        // 2^64 divided by the golden ratio: spreads neighbouring numbers over the high bits.
        self.0 = (self.0.rotate_left(29) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_u128(&mut self, value: u128) {
        self.write_u64((value >> 64) as u64);
        self.write_u64(value as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn net() -> impl Strategy<Value = IpNet> {
        prop_oneof![
            (any::<u32>(), 0..=32u8).prop_map(|(a, bits)| {
                // Few distinct networks, so that they nest and repeat.
                IpNet::new(IpAddr::V4((a & 0xc3c0_00ff).into()), bits)
                    .unwrap()
                    .trunc()
            }),
            (any::<u128>(), 0..=128u8).prop_map(|(a, bits)| {
                IpNet::new(IpAddr::V6((a & (0xc3 << 120 | 0xff)).into()), bits)
                    .unwrap()
                    .trunc()
            }),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_a_search_through_all(
            nets in prop::collection::btree_map(net(), 0..20u64, 0..40),
            v4 in any::<u32>(), v6 in any::<u128>(),
        ) {
            let allowed = AllowedIps::new(nets.iter().map(|(n, p)| (*n, PeerId(*p))));
            let some = nets.keys().map(|n| n.addr());
            let v4s = [v4, v4 & 0xc3c0_00ff].map(|a| IpAddr::V4(a.into()));
            let v6s = [v6, v6 & (0xc3 << 120 | 0xff)].map(|a| IpAddr::V6(a.into()));
            for address in some.chain(v4s).chain(v6s) {
                let best = nets.iter().filter(|(n, _)| n.contains(&address))
                    .max_by_key(|(n, _)| n.prefix_len());
                prop_assert_eq!(allowed.owner(address), best.map(|(_, p)| PeerId(*p)));
            }
        }
    }
}
