//! One decision for a run of like packets: what was put in front of the first goes in front of all.

use labelway_wire::checksum;

use crate::ENCAPSULATION_BYTES;

/// Writes `prefix`, what [`ingress`](crate::ingress) put in front of one packet, to the front of
/// `out` for a packet of `length` bytes that goes the same way. The inner lengths and the checksum
/// are put right; UDP has none (see `encap::wrap`).
///
/// False, and nothing is written, if `prefix` is no encapsulation, or too long for the packet.
#[must_use]
pub fn repeat(prefix: &[u8], length: usize, out: &mut [u8]) -> bool {
    const TOTAL_LENGTH: usize = 2;
    const CHECKSUM: usize = 10;
    const UDP_LENGTH: usize = 24;
    let Ok(total) = u16::try_from(prefix.len() + length) else {
        return false;
    };
    let Some(out) = out.get_mut(..prefix.len()) else {
        return false;
    };
    if prefix.len() < ENCAPSULATION_BYTES {
        return false;
    }
    out.copy_from_slice(prefix);
    let word = |at: usize| u16::from_be_bytes([prefix[at], prefix[at + 1]]);
    let before = word(TOTAL_LENGTH);
    if before != total {
        let sum = checksum::update(word(CHECKSUM), before, total);
        out[TOTAL_LENGTH..][..2].copy_from_slice(&total.to_be_bytes());
        out[CHECKSUM..][..2].copy_from_slice(&sum.to_be_bytes());
        out[UDP_LENGTH..][..2].copy_from_slice(&(total - 20).to_be_bytes());
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_encapsulation_or_too_long() {
        let mut out = [0; 64];
        assert!(!repeat(&[0x45; 27], 100, &mut out), "no UDP header");
        assert!(
            !repeat(&[0x45; 32], 65_504, &mut out),
            "longer than IPv4 can tell"
        );
        assert!(!repeat(&[0x45; 32], 100, &mut out[..31]));
        assert_eq!(out, [0; 64]);
        assert!(repeat(&[0x45; 32], 65_503, &mut out));
    }
}
