//! Which flow a packet belongs to, and where a flow is placed.

use std::net::IpAddr;

use labelway_wire::Customer;

/// First port of a label-switched flow's entropy: RFC 7510 §3 asks for the dynamic range,
/// 49152–65535 (RFC 6335 §6).
const ENTROPY_BASE: u16 = 49152;

/// Odd 64-bit constants with bits well spread (digits of π); any such would do.
const SEED: u64 = 0x243f_6a88_85a3_08d3;
const STEP: u64 = 0x1319_8a2e_0370_7345;

/// A hash of addresses, protocol and ports. All fragments of a datagram, its first one included,
/// are hashed without ports, so that they stay together: the later ones have none.
pub(crate) fn hash(customer: &Customer) -> u64 {
    let mut state = mix(SEED, u64::from(customer.protocol));
    state = address(state, customer.source);
    state = address(state, customer.destination);
    if let (Some(ports), false) = (customer.ports, customer.fragment) {
        state = mix(
            state,
            u64::from(ports.source) << 16 | u64::from(ports.destination),
        );
    }
    state
}

/// UDP source port that tells underlays with several links which packets belong together.
pub(crate) fn entropy_port(flow: u64) -> u16 {
    ENTROPY_BASE | (flow >> 48) as u16 & 0x3fff
}

/// What a list is recognised by in every generation of the table: a hash of its key.
pub(crate) fn identity(key: &str) -> u64 {
    key.bytes()
        .fold(SEED, |state, byte| mix(state, u64::from(byte)))
}

/// The flow of one of this router's own sessions.
pub(crate) fn of_session(session: u64) -> u64 {
    mix(SEED, session)
}

/// Weighted rendezvous: among several lists, the one with the highest score has the flow. A list's
/// score depends on nothing but itself and the flow, so losing a list moves that list's flows only;
/// and it wins with a probability proportional to its weight.
pub(crate) fn score(flow: u64, identity: u64, weight: u8) -> f64 {
    let bits = mix(flow, identity) >> 11;
    // In (0, 1), both ends excluded: 53 bits are what an f64 holds.
    let uniform = (bits as f64 + 0.5) / (1u64 << 53) as f64;
    -f64::from(weight) / uniform.ln()
}

fn address(state: u64, address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => mix(state, u64::from(u32::from(address))),
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            mix(mix(state, (bits >> 64) as u64), bits as u64)
        }
    }
}

/// One folded multiplication, as in wyhash: every input bit reaches every output bit.
fn mix(state: u64, value: u64) -> u64 {
    let product = u128::from(state ^ STEP) * u128::from(value ^ SEED.rotate_left(17));
    let folded = product as u64 ^ (product >> 64) as u64;
    folded.wrapping_add(STEP).rotate_left(23) ^ state
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(number: u64) -> u64 {
        mix(SEED, number)
    }

    #[test]
    fn flows_spread_by_weight() {
        let lists = [("a", 1u8), ("b", 3), ("c", 6)].map(|(key, weight)| (identity(key), weight));
        let mut hits = [0u32; 3];
        for number in 0..20_000 {
            let scores = lists.map(|(identity, weight)| score(flow(number), identity, weight));
            let best = (0..3)
                .max_by(|a, b| scores[*a].total_cmp(&scores[*b]))
                .unwrap();
            hits[best] += 1;
        }
        for (hits, expected) in hits.into_iter().zip([2_000.0, 6_000.0, 12_000.0]) {
            // Six standard deviations of the binomial distribution at most.
            assert!(
                (f64::from(hits) - expected).abs() < 6.0 * expected.sqrt(),
                "{hits} ~ {expected}"
            );
        }
    }

    #[test]
    fn entropy_ports_use_the_whole_dynamic_range() {
        let ports: std::collections::HashSet<u16> = (0..200_000)
            .map(|number| entropy_port(flow(number)))
            .collect();
        assert!(ports.iter().all(|port| *port >= 49152));
        assert!(ports.len() > 16_000, "{}", ports.len());
    }
}
