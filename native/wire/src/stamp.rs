//! STAMP test packets (RFC 8762 §4.2, §4.3) and their TLVs (RFC 8972 §4).

mod authenticated;
mod direct;
mod reflect;
mod report;
mod session_key;
mod tlv;

pub use authenticated::{
    AUTHENTICATED_STAMP_BYTES, AuthenticationKey, CODE_BYTES, LEAST_KEY_BYTES, Refused,
    claimed_session, is_laid_out_as_authenticated,
};
pub use direct::{
    DIRECT_MEASUREMENT_TLV_TYPE, DirectMeasurement, direct_measurement_len,
    encode_direct_measurement,
};
pub use reflect::{
    CLASS_OF_SERVICE_TLV_TYPE, ClassOfService, EXTRA_PADDING_TLV_TYPE, HMAC_TLV_TYPE, Integrity,
    Reflecting, class_of_service_len, encode_class_of_service, encode_extra_padding, encode_hmac,
    flag, flag_as_sender, hmac_len, reflect_tlvs, verify_tlvs,
};
pub use report::{
    REPORT_TLV_TYPE, Report, ReportEntry, encode_report, encode_report_request, report_len,
};
pub use session_key::{NetworkKey, Role, SessionName};
pub use tlv::{
    GENERATION_TLV_TYPE, RETURN_PATH_TLV_TYPE, ReturnPath, Tlv, Tlvs, encode_generation,
    encode_return_path, generation_len, return_path_len,
};

use crate::{Malformed, u16_at, u32_at};

/// Bytes of a sender's and of a reflector's packet without TLVs.
pub const STAMP_BYTES: usize = 44;

/// Error estimate of a clock that is not synchronised: S and Z 0, scale 0, multiplier 1, since 0 is
/// not allowed (RFC 4656 §4.1.2).
pub const UNSYNCHRONIZED: u16 = 1;

/// NTP format: seconds since 1900 and their fraction, 32 bits each (RFC 8762 §4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

/// Seconds from 1900 to 1970.
const NTP_TO_UNIX_SECONDS: u64 = 2_208_988_800;

impl Timestamp {
    /// From the time since 1970. The seconds wrap in 2036 (RFC 5905 §6), which differences do not
    /// notice.
    pub fn from_unix(since_1970: std::time::Duration) -> Self {
        let seconds = since_1970.as_secs().wrapping_add(NTP_TO_UNIX_SECONDS) & 0xffff_ffff;
        let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
        Self(seconds << 32 | fraction)
    }

    /// How much later this is than `earlier`, in microseconds; negative if it is not.
    pub fn micros_since(self, earlier: Timestamp) -> i64 {
        let difference = self.0.wrapping_sub(earlier.0) as i64;
        ((i128::from(difference) * 1_000_000) >> 32) as i64
    }
}

/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                        Sequence Number                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      Timestamp (8 bytes)                      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |         Error Estimate        |   SSID (RFC 8972 §3)          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     must be zero (28 bytes)                   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderPacket {
    pub sequence: u32,
    pub timestamp: Timestamp,
    pub error_estimate: u16,
    /// STAMP session identifier.
    pub session: u16,
}

impl SenderPacket {
    /// The packet and the TLVs behind it. What must be zero is ignored on receipt.
    pub fn decode(bytes: &[u8]) -> Result<(Self, Tlvs<'_>), Malformed> {
        let (head, tlvs) = split(bytes)?;
        let packet = Self {
            sequence: u32_at(head, 0),
            timestamp: timestamp_at(head, 4),
            error_estimate: u16_at(head, 12),
            session: u16_at(head, 14),
        };
        Ok((packet, Tlvs::new(tlvs)))
    }

    pub fn encode(&self) -> [u8; STAMP_BYTES] {
        let mut bytes = [0; STAMP_BYTES];
        bytes[..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.timestamp.0.to_be_bytes());
        bytes[12..14].copy_from_slice(&self.error_estimate.to_be_bytes());
        bytes[14..16].copy_from_slice(&self.session.to_be_bytes());
        bytes
    }
}

/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                        Sequence Number                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      Timestamp (8 bytes)                      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |         Error Estimate        |             SSID              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                   Receive Timestamp (8 bytes)                 |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                 Session-Sender Sequence Number                |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |               Session-Sender Timestamp (8 bytes)              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Session-Sender Error Estimate |          must be zero         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Ses-Sender TTL |                  must be zero                 |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReflectorPacket {
    /// A stateless reflector copies the sender's (RFC 8762 §4.3.1).
    pub sequence: u32,
    /// When the reflector sent it.
    pub timestamp: Timestamp,
    pub error_estimate: u16,
    pub session: u16,
    /// When the reflector received the sender's packet.
    pub received: Timestamp,
    pub sender_sequence: u32,
    pub sender_timestamp: Timestamp,
    pub sender_error_estimate: u16,
    /// TTL of the sender's packet as it arrived.
    pub sender_ttl: u8,
}

impl ReflectorPacket {
    /// The packet and the TLVs behind it.
    pub fn decode(bytes: &[u8]) -> Result<(Self, Tlvs<'_>), Malformed> {
        let (head, tlvs) = split(bytes)?;
        let packet = Self {
            sequence: u32_at(head, 0),
            timestamp: timestamp_at(head, 4),
            error_estimate: u16_at(head, 12),
            session: u16_at(head, 14),
            received: timestamp_at(head, 16),
            sender_sequence: u32_at(head, 24),
            sender_timestamp: timestamp_at(head, 28),
            sender_error_estimate: u16_at(head, 36),
            sender_ttl: head[40],
        };
        Ok((packet, Tlvs::new(tlvs)))
    }

    pub fn encode(&self) -> [u8; STAMP_BYTES] {
        let mut bytes = [0; STAMP_BYTES];
        bytes[..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.timestamp.0.to_be_bytes());
        bytes[12..14].copy_from_slice(&self.error_estimate.to_be_bytes());
        bytes[14..16].copy_from_slice(&self.session.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.received.0.to_be_bytes());
        bytes[24..28].copy_from_slice(&self.sender_sequence.to_be_bytes());
        bytes[28..36].copy_from_slice(&self.sender_timestamp.0.to_be_bytes());
        bytes[36..38].copy_from_slice(&self.sender_error_estimate.to_be_bytes());
        bytes[40] = self.sender_ttl;
        bytes
    }
}

fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    if bytes.len() < STAMP_BYTES {
        return Err(Malformed::Truncated);
    }
    Ok(bytes.split_at(STAMP_BYTES))
}

fn timestamp_at(bytes: &[u8], at: usize) -> Timestamp {
    Timestamp(u64::from(u32_at(bytes, at)) << 32 | u64::from(u32_at(bytes, at + 4)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn time_is_counted_from_1900() {
        assert_eq!(
            Timestamp::from_unix(Duration::ZERO).0 >> 32,
            NTP_TO_UNIX_SECONDS
        );
        let half = Timestamp::from_unix(Duration::from_millis(1500));
        assert_eq!(half.0 as u32, 1 << 31);
        assert_eq!(
            half.micros_since(Timestamp::from_unix(Duration::from_secs(1))),
            500_000
        );
        assert_eq!(
            Timestamp::from_unix(Duration::from_secs(1)).micros_since(half),
            -500_000
        );
        // Across the wrap of February 2036.
        let before = Timestamp::from_unix(Duration::from_secs(2_085_978_495));
        let after = Timestamp::from_unix(Duration::from_secs(2_085_978_497));
        assert_eq!(after.micros_since(before), 2_000_000);
    }

    proptest! {
        #[test]
        fn a_sender_packet_comes_back(sequence: u32, timestamp: u64, error_estimate: u16, session: u16) {
            let packet = SenderPacket { sequence, timestamp: Timestamp(timestamp), error_estimate, session };
            let bytes = packet.encode();
            let (decoded, mut tlvs) = SenderPacket::decode(&bytes).unwrap();
            prop_assert_eq!(decoded, packet);
            prop_assert!(tlvs.next().is_none());
        }

        #[test]
        fn a_reflector_packet_reads_as_it_was_written(bytes in prop::collection::vec(any::<u8>(), 44)) {
            let (packet, _) = ReflectorPacket::decode(&bytes).unwrap();
            let again = packet.encode();
            let (decoded, _) = ReflectorPacket::decode(&again).unwrap();
            prop_assert_eq!(decoded, packet);
        }
    }

    #[test]
    fn short_packets_are_refused() {
        for length in 0..STAMP_BYTES {
            assert!(SenderPacket::decode(&vec![0; length]).is_err());
            assert!(ReflectorPacket::decode(&vec![0; length]).is_err());
        }
    }
}
