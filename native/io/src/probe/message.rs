//! The probe as it is written and the answer to it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use labelway_forward::MAX_PUSHED_LABELS;
use labelway_measure::Reply;
use labelway_wire::stamp::{
    ReflectorPacket, STAMP_BYTES, SenderPacket, Timestamp, Tlv, Tlvs, UNSYNCHRONIZED,
    encode_generation, encode_return_path,
};

pub type Generation = [u8; 8];

/// Labels for the way back, without an allocation.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ReturnLabels {
    labels: [u32; MAX_PUSHED_LABELS],
    count: usize,
}

impl ReturnLabels {
    pub fn as_slice(&self) -> &[u32] {
        &self.labels[..self.count]
    }
}

/// Wall-clock time, for the peer's eyes; our own intervals are taken from the monotonic clock.
pub fn timestamp() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_unix(since_1970.unwrap_or(Duration::ZERO))
}

/// Writes a probe to `out`; none if it has no room or a label is none.
pub fn write_probe(
    out: &mut [u8],
    sequence: u32,
    session: u16,
    sent: Timestamp,
    generation: Generation,
    return_labels: &[u32],
) -> Option<usize> {
    let packet = SenderPacket {
        sequence,
        timestamp: sent,
        error_estimate: UNSYNCHRONIZED,
        session,
    };
    out.get_mut(..STAMP_BYTES)?
        .copy_from_slice(&packet.encode());
    let mut length = STAMP_BYTES;
    length += encode_generation(generation, &mut out[length..]).ok()?;
    if !return_labels.is_empty() {
        length += encode_return_path(return_labels, &mut out[length..]).ok()?;
    }
    Some(length)
}

/// What a reflector needs of a probe.
#[derive(Debug, PartialEq)]
pub struct Probe {
    pub packet: SenderPacket,
    pub generation: Option<Generation>,
    pub return_labels: ReturnLabels,
}

pub fn read_probe(bytes: &[u8]) -> Option<Probe> {
    let (packet, tlvs) = SenderPacket::decode(bytes).ok()?;
    let mut probe = Probe {
        packet,
        generation: None,
        return_labels: ReturnLabels::default(),
    };
    for tlv in tlvs {
        match tlv.ok()? {
            Tlv::Generation(generation) => probe.generation = Some(generation),
            Tlv::ReturnPath(path) => {
                let labels = path.labels();
                let room = probe.return_labels.labels.get_mut(..labels.len())?;
                room.iter_mut()
                    .zip(path.labels())
                    .for_each(|(to, label)| *to = label);
                probe.return_labels.count = room.len();
            }
            Tlv::Report(_) | Tlv::Other { .. } => {}
        }
    }
    Some(probe)
}

/// Writes the answer to a probe that arrived at `received` with this TTL, under the reflector's own
/// sequence number (RFC 8762 §4.3.1).
pub fn write_answer(
    out: &mut [u8],
    probe: &SenderPacket,
    sequence: u32,
    received: Timestamp,
    sender_ttl: u8,
    generation: Generation,
) -> Option<usize> {
    let packet = ReflectorPacket {
        sequence,
        timestamp: timestamp(),
        error_estimate: UNSYNCHRONIZED,
        session: probe.session,
        received,
        sender_sequence: probe.sequence,
        sender_timestamp: probe.timestamp,
        sender_error_estimate: probe.error_estimate,
        sender_ttl,
    };
    out.get_mut(..STAMP_BYTES)?
        .copy_from_slice(&packet.encode());
    let length = encode_generation(generation, &mut out[STAMP_BYTES..]).ok()?;
    Some(STAMP_BYTES + length)
}

/// What the sender needs of an answer.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub session: u16,
    pub reply: Reply,
    pub generation: Option<Generation>,
}

pub fn read_answer(bytes: &[u8]) -> Option<Answer> {
    let (packet, tlvs) = ReflectorPacket::decode(bytes).ok()?;
    Some(Answer {
        session: packet.session,
        reply: Reply::from(&packet),
        generation: generation(tlvs),
    })
}

fn generation(tlvs: Tlvs<'_>) -> Option<Generation> {
    tlvs.flatten().find_map(|tlv| match tlv {
        Tlv::Generation(generation) => Some(generation),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_and_its_answer() {
        let mut room = [0; 256];
        let length = write_probe(
            &mut room,
            7,
            99,
            Timestamp(5),
            *b"mine1234",
            &[16001, 16002],
        )
        .unwrap();
        let probe = read_probe(&room[..length]).unwrap();
        assert_eq!((probe.packet.sequence, probe.packet.session), (7, 99));
        assert_eq!(probe.generation, Some(*b"mine1234"));
        assert_eq!(probe.return_labels.as_slice(), [16001, 16002]);
        let received = Timestamp(timestamp().0 - (1 << 32) / 4); // a quarter second ago
        let length = write_answer(&mut room, &probe.packet, 3, received, 61, *b"theirs12").unwrap();
        let answer = read_answer(&room[..length]).unwrap();
        assert_eq!(answer.session, 99);
        assert_eq!(answer.generation, Some(*b"theirs12"));
        let reply = answer.reply;
        assert_eq!((reply.sender_sequence, reply.reflector_sequence), (7, 3));
        assert_eq!((reply.sent, reply.received), (Timestamp(5), received));
        let residence = reply.sent_back.micros_since(received);
        assert!((249_000..10_000_000).contains(&residence), "{residence} µs");
    }

    #[test]
    fn what_is_too_long_or_too_short_is_refused() {
        assert_eq!(
            write_probe(&mut [0; 43], 1, 1, Timestamp(0), [0; 8], &[]),
            None
        );
        assert_eq!(
            write_probe(&mut [0; 60], 1, 1, Timestamp(0), [0; 8], &[16]),
            None
        );
        assert_eq!(read_probe(&[0; 43]), None);
        let mut room = [0; 256];
        let labels = [16; MAX_PUSHED_LABELS + 1];
        let length = write_probe(&mut room, 1, 1, Timestamp(0), [0; 8], &labels).unwrap();
        assert_eq!(
            read_probe(&room[..length]),
            None,
            "more labels than anybody may push"
        );
    }
}
