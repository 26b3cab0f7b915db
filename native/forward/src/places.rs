//! Where an address is: longest-prefix match over both IP versions.

use std::net::IpAddr;

use ipnet::IpNet;

const LOCAL: u32 = 1 << 31;
const NOWHERE: u32 = LOCAL - 1;

/// What a segment's prefixes say about one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(u32);

impl Place {
    /// The steering of the longest remote prefix.
    #[inline]
    pub(crate) fn steering(self) -> Option<u32> {
        let steering = self.0 & !LOCAL;
        (steering != NOWHERE).then_some(steering)
    }

    /// At this site. Where a local and a remote prefix both cover it, the longer one has it, and
    /// of two alike the local one.
    #[inline]
    pub(crate) fn is_local(self) -> bool {
        self.0 & LOCAL != 0
    }

    /// At another site.
    #[inline]
    pub(crate) fn is_remote(self) -> bool {
        !self.is_local() && self.steering().is_some()
    }
}

/// Prefixes, flattened to the intervals of addresses that they treat alike: one binary search finds
/// what would be a walk down a tree for each kind of prefix.
#[derive(Debug)]
pub(crate) struct Places {
    v4: Intervals<u32>,
    v6: Intervals<u128>,
}

impl Places {
    /// Of local prefixes, and remote ones with their steerings.
    pub(crate) fn new<'a>(
        local: impl Iterator<Item = &'a IpNet>,
        remote: impl Iterator<Item = (&'a IpNet, u32)>,
    ) -> Self {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        let local = local.map(|prefix| (prefix, None));
        let remote = remote.map(|(prefix, steering)| (prefix, Some(steering)));
        for (prefix, steering) in local.chain(remote) {
            match prefix {
                IpNet::V4(prefix) => v4.push(Covered {
                    first: u32::from(prefix.network()).into(),
                    last: u32::from(prefix.broadcast()).into(),
                    steering,
                }),
                IpNet::V6(prefix) => v6.push(Covered {
                    first: prefix.network().into(),
                    last: prefix.broadcast().into(),
                    steering,
                }),
            }
        }
        Self {
            v4: Intervals::new(flatten(v4), |start| u32::try_from(start).ok()),
            v6: Intervals::new(flatten(v6), Some),
        }
    }

    #[inline]
    pub(crate) fn of(&self, address: IpAddr) -> Place {
        match address {
            IpAddr::V4(address) => self.v4.of(address.into()),
            IpAddr::V6(address) => self.v6.of(address.into()),
        }
    }
}

/// Each goes from its start to the next one's; the first starts at zero.
#[derive(Debug)]
struct Intervals<A> {
    starts: Box<[A]>,
    places: Box<[Place]>,
}

impl<A: Copy + Ord> Intervals<A> {
    /// Leaves out what begins behind the last address.
    fn new(intervals: Vec<(u128, Place)>, address: impl Fn(u128) -> Option<A>) -> Self {
        let (starts, places): (Vec<_>, Vec<_>) = intervals
            .into_iter()
            .filter_map(|(start, place)| Some((address(start)?, place)))
            .unzip();
        Self {
            starts: starts.into(),
            places: places.into(),
        }
    }

    #[inline]
    fn of(&self, address: A) -> Place {
        let after = self.starts.partition_point(|start| *start <= address);
        let place = self.places.get(after.wrapping_sub(1));
        place.copied().unwrap_or(Place(NOWHERE))
    }
}

/// The addresses of one prefix.
struct Covered {
    first: u128,
    last: u128,
    /// None where they are local.
    steering: Option<u32>,
}

/// Sweeps over the addresses. Prefixes are either apart or one within the other, so that those
/// around an address are a stack, and the last one of each kind is the longest.
fn flatten(mut prefixes: Vec<Covered>) -> Vec<(u128, Place)> {
    // Within one another: the shorter first; of a local and a remote one alike, the local last.
    prefixes.sort_by_key(|prefix| {
        let length = std::cmp::Reverse(prefix.last - prefix.first);
        (prefix.first, length, prefix.steering.is_none())
    });
    let mut intervals = Vec::with_capacity(2 * prefixes.len() + 1);
    let mut around: Vec<(u128, Place)> = Vec::new();
    let place =
        |around: &[(u128, Place)]| around.last().map_or(Place(NOWHERE), |(_, place)| *place);
    start(&mut intervals, 0, Place(NOWHERE));
    for prefix in &prefixes {
        leave(&mut intervals, &mut around, |last| last < prefix.first);
        let outside = place(&around);
        let inside = match prefix.steering {
            Some(steering) => Place(steering),
            None => Place(outside.0 | LOCAL),
        };
        around.push((prefix.last, inside));
        start(&mut intervals, prefix.first, inside);
    }
    leave(&mut intervals, &mut around, |_| true);
    intervals
}

/// Goes on behind the end of the innermost prefixes.
fn leave(
    intervals: &mut Vec<(u128, Place)>,
    around: &mut Vec<(u128, Place)>,
    is_over: impl Fn(u128) -> bool,
) {
    while let Some((last, _)) = around.pop_if(|(last, _)| is_over(*last)) {
        let outside = around.last().map_or(Place(NOWHERE), |(_, place)| *place);
        if let Some(next) = last.checked_add(1) {
            start(intervals, next, outside);
        }
    }
}

fn start(intervals: &mut Vec<(u128, Place)>, at: u128, place: Place) {
    intervals.pop_if(|(start, _)| *start == at);
    if intervals.last().is_none_or(|(_, before)| *before != place) {
        intervals.push((at, place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipnet::{Ipv4Net, Ipv6Net};
    use proptest::prelude::*;

    /// Few bits, at both ends of the address space, so that prefixes lie within one another.
    fn bits() -> impl Strategy<Value = u8> {
        prop_oneof![0u8..8, 248u8..=255]
    }

    fn prefix() -> impl Strategy<Value = IpNet> {
        (bits(), bits(), 0u8..=16, any::<bool>()).prop_map(|(a, b, length, six)| match six {
            true => {
                let address = u128::from_be_bytes([a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b]);
                let length = if length == 16 { 128 } else { length };
                IpNet::V6(Ipv6Net::new(address.into(), length).unwrap().trunc())
            }
            false => {
                let length = if length == 16 { 32 } else { length };
                IpNet::V4(Ipv4Net::new([a, b, a, b].into(), length).unwrap().trunc())
            }
        })
    }

    fn longest<'a>(prefixes: impl Iterator<Item = &'a IpNet>, address: IpAddr) -> Option<IpNet> {
        prefixes
            .filter(|prefix| prefix.contains(&address))
            .max_by_key(|prefix| prefix.prefix_len())
            .copied()
    }

    proptest! {
        #[test]
        fn is_as_a_search_of_all_prefixes(
            local in prop::collection::btree_set(prefix(), 0..8),
            remote in prop::collection::btree_map(prefix(), 0u32..9, 0..8),
            addresses in prop::collection::vec((bits(), bits(), bits(), any::<bool>()), 40),
        ) {
            let places = Places::new(local.iter(), remote.iter().map(|(p, steering)| (p, *steering)));
            let ends = local.iter().chain(remote.keys()).flat_map(|p| [p.network(), p.broadcast()]);
            let addresses = addresses.into_iter().map(|(a, b, c, six)| match six {
                true => IpAddr::from([a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, c]),
                false => IpAddr::from([a, b, a, c]),
            });
            for address in addresses.chain(ends) {
                let (near, far) = (longest(local.iter(), address), longest(remote.keys(), address));
                let is_local = near.is_some_and(|near| {
                    far.is_none_or(|far| near.prefix_len() >= far.prefix_len())
                });
                let place = places.of(address);
                prop_assert_eq!(place.is_local(), is_local, "{}", address);
                prop_assert_eq!(place.is_remote(), far.is_some() && !is_local, "{}", address);
                prop_assert_eq!(place.steering(), far.map(|far| remote[&far]), "{}", address);
            }
        }
    }
}
