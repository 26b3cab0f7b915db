//! Direct measurement: counters of real packets, exchanged by probes (RFC 8972 §4.5).

use super::tlv::HEADER;
use crate::{Malformed, u32_at};

/// RFC 8972 §4.5.
pub const DIRECT_MEASUREMENT_TLV_TYPE: u8 = 5;

const VALUE_BYTES: usize = 12;

/// Packets in profile so far, modulo 2^32; a sender leaves the reflector's at 0.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |STAMP TLV Flags|    Type=5     |           Length=12           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |             Session-Sender Tx counter  (S_TxC)                |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Session-Reflector Rx counter (R_RxC)                |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Session-Reflector Tx counter (R_TxC)                |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DirectMeasurement {
    pub sender_sent: u32,
    pub reflector_received: u32,
    pub reflector_sent: u32,
}

impl DirectMeasurement {
    /// From the value of a TLV.
    pub fn decode(value: &[u8]) -> Result<Self, Malformed> {
        if value.len() != VALUE_BYTES {
            return Err(Malformed::Length);
        }
        Ok(DirectMeasurement {
            sender_sent: u32_at(value, 0),
            reflector_received: u32_at(value, 4),
            reflector_sent: u32_at(value, 8),
        })
    }
}

/// Bytes of a Direct Measurement TLV.
pub const fn direct_measurement_len() -> usize {
    HEADER + VALUE_BYTES
}

/// Writes a Direct Measurement TLV to the front of `out`; tells its length.
pub fn encode_direct_measurement(
    counters: DirectMeasurement,
    out: &mut [u8],
) -> Result<usize, Malformed> {
    let out = out
        .get_mut(..direct_measurement_len())
        .ok_or(Malformed::Truncated)?;
    out[..HEADER].copy_from_slice(&[0, DIRECT_MEASUREMENT_TLV_TYPE, 0, VALUE_BYTES as u8]);
    let fields = [
        counters.sender_sent,
        counters.reflector_received,
        counters.reflector_sent,
    ];
    for (field, to) in fields.iter().zip(out[HEADER..].chunks_exact_mut(4)) {
        to.copy_from_slice(&field.to_be_bytes());
    }
    Ok(direct_measurement_len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lays_it_out_as_rfc_8972() {
        let mut out = [0xff; 17];
        let counters = DirectMeasurement {
            sender_sent: 1,
            reflector_received: 0x0203,
            reflector_sent: u32::MAX,
        };
        assert_eq!(encode_direct_measurement(counters, &mut out), Ok(16));
        assert_eq!(
            out,
            [
                0, 5, 0, 12, 0, 0, 0, 1, 0, 0, 2, 3, 255, 255, 255, 255, 0xff
            ]
        );
        let short = encode_direct_measurement(counters, &mut [0; 15]);
        assert_eq!(short, Err(Malformed::Truncated));
        assert_eq!(DirectMeasurement::decode(&[0; 11]), Err(Malformed::Length));
    }

    proptest! {
        #[test]
        fn counters_come_back(sender_sent: u32, reflector_received: u32, reflector_sent: u32) {
            let counters = DirectMeasurement { sender_sent, reflector_received, reflector_sent };
            let mut out = [0; 16];
            encode_direct_measurement(counters, &mut out).unwrap();
            prop_assert_eq!(DirectMeasurement::decode(&out[4..]), Ok(counters));
        }
    }
}
