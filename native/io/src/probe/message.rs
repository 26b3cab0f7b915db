//! The probe as it is written and the answer to it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use labelway_forward::MAX_PUSHED_LABELS;
use labelway_measure::Reply;
use labelway_wire::stamp::{
    AUTHENTICATED_STAMP_BYTES, AuthenticationKey, CLASS_OF_SERVICE_TLV_TYPE, ClassOfService,
    DIRECT_MEASUREMENT_TLV_TYPE, DirectMeasurement, ReflectorPacket, Report, SenderPacket,
    Timestamp, Tlv, Tlvs, UNSYNCHRONIZED, encode_class_of_service, encode_direct_measurement,
    encode_extra_padding, encode_generation, encode_hmac, encode_return_path,
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

/// What a probe says.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    pub session: u16,
    pub sequence: u32,
    pub sent: Timestamp,
    pub generation: Generation,
    /// TC that it is sent and wants to be answered with, 0–7.
    pub class: u8,
    /// Packets that went into the adjacency so far, if they are to be compared.
    pub carried: Option<u32>,
    pub return_labels: &'a [u32],
}

/// Writes a probe to `out`, in authenticated mode with a key, and then still to be sealed; none if
/// it has no room or a label is none.
pub fn write_probe(
    out: &mut [u8],
    asking: &Asking<'_>,
    key: Option<&AuthenticationKey>,
) -> Option<usize> {
    let packet = SenderPacket {
        sequence: asking.sequence,
        timestamp: asking.sent,
        error_estimate: UNSYNCHRONIZED,
        session: asking.session,
    };
    let mut length = match key {
        Some(key) => put(out, &packet.encode_authenticated(key))?,
        None => put(out, &packet.encode())?,
    };
    length += encode_generation(asking.generation, &mut out[length..]).ok()?;
    if asking.class != 0 {
        let wanted = ClassOfService::wanting(selector(asking.class));
        length += encode_class_of_service(wanted, &mut out[length..]).ok()?;
    }
    if let Some(sender_sent) = asking.carried {
        let counters = DirectMeasurement {
            sender_sent,
            ..DirectMeasurement::default()
        };
        length += encode_direct_measurement(counters, &mut out[length..]).ok()?;
    }
    if !asking.return_labels.is_empty() {
        length += encode_return_path(asking.return_labels, &mut out[length..]).ok()?;
    }
    Some(length)
}

/// Ends the TLVs of a packet of `length` bytes: with a key, by a code over them and the number of the
/// packet (RFC 8972 §4.8). Tells how long it is then.
pub fn seal(
    out: &mut [u8],
    length: usize,
    sequence: u32,
    key: Option<&AuthenticationKey>,
) -> Option<usize> {
    let Some(key) = key else {
        return Some(length);
    };
    let tlvs = out.get_mut(AUTHENTICATED_STAMP_BYTES..)?;
    let used = length.checked_sub(AUTHENTICATED_STAMP_BYTES)?;
    Some(length + encode_hmac(key, sequence, tlvs, used).ok()?)
}

fn put(out: &mut [u8], packet: &[u8]) -> Option<usize> {
    out.get_mut(..packet.len())?.copy_from_slice(packet);
    Some(packet.len())
}

/// Lengthens a probe of `length` bytes to `size` (RFC 8972 §4.1); none if that is no room for it.
pub fn pad_probe(out: &mut [u8], length: usize, size: usize) -> Option<usize> {
    let padding = size.checked_sub(length)?;
    encode_extra_padding(padding, out.get_mut(length..)?).ok()?;
    Some(size)
}

/// Class selector that stands for a TC (RFC 2474 §4.2.2).
fn selector(class: u8) -> u8 {
    (class & 7) << 3
}

/// What a reflector needs of a probe.
#[derive(Debug, PartialEq)]
pub struct Probe {
    pub packet: SenderPacket,
    pub generation: Option<Generation>,
    /// None: it did not ask for one, and is answered with TC 0.
    pub class: Option<ClassOfService>,
    /// It wants counters to be compared.
    pub carried: Option<DirectMeasurement>,
    /// The page of the reflector's own adjacencies that it wants, and for how many there is room.
    pub question: Option<(u16, usize)>,
    pub return_labels: ReturnLabels,
}

impl Probe {
    /// TC of the answer.
    pub fn class(&self) -> u8 {
        self.class.map_or(0, |class| class.wanted >> 3)
    }
}

pub fn read_probe(packet: SenderPacket, tlvs: Tlvs<'_>) -> Option<Probe> {
    let mut probe = Probe {
        packet,
        generation: None,
        class: None,
        carried: None,
        question: None,
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
            Tlv::Other { kind, value } if kind == CLASS_OF_SERVICE_TLV_TYPE => {
                probe.class = Some(ClassOfService::decode(value).ok()?);
            }
            Tlv::Other { kind, value } if kind == DIRECT_MEASUREMENT_TLV_TYPE => {
                probe.carried = Some(DirectMeasurement::decode(value).ok()?);
            }
            Tlv::Report(asked) => probe.question = Some((asked.page, asked.room())),
            Tlv::Other { .. } => {}
        }
    }
    Some(probe)
}

/// What a reflector adds to a probe.
#[derive(Debug, Clone, Copy)]
pub struct Answering {
    /// The reflector's own number (RFC 8762 §4.3).
    pub sequence: u32,
    pub received: Timestamp,
    /// TTL, DSCP and ECN that the probe arrived with.
    pub ttl: u8,
    pub dscp: u8,
    pub ecn: u8,
    pub generation: Generation,
    /// Packets that came by the adjacency and went into it so far; none where they are others' too.
    pub carried: Option<(u32, u32)>,
}

/// Writes the answer to a probe (RFC 8762 §4.3.1); with a key, it is still to be sealed.
pub fn write_answer(
    out: &mut [u8],
    probe: &Probe,
    answering: &Answering,
    key: Option<&AuthenticationKey>,
) -> Option<usize> {
    let asked = &probe.packet;
    let packet = ReflectorPacket {
        sequence: answering.sequence,
        timestamp: timestamp(),
        error_estimate: UNSYNCHRONIZED,
        session: asked.session,
        received: answering.received,
        sender_sequence: asked.sequence,
        sender_timestamp: asked.timestamp,
        sender_error_estimate: asked.error_estimate,
        sender_ttl: answering.ttl,
    };
    let mut length = match key {
        Some(key) => put(out, &packet.encode_authenticated(key))?,
        None => put(out, &packet.encode())?,
    };
    length += encode_generation(answering.generation, &mut out[length..]).ok()?;
    if let Some(class) = probe.class {
        // RFC 8972 §4.4: sent back as wanted, with what it arrived with.
        let class = ClassOfService {
            arrived: answering.dscp,
            arrived_ecn: answering.ecn,
            refused: false,
            ..class
        };
        length += encode_class_of_service(class, &mut out[length..]).ok()?;
    }
    if let (Some(asked), Some((received, sent))) = (probe.carried, answering.carried) {
        let counters = DirectMeasurement {
            sender_sent: asked.sender_sent,
            reflector_received: received,
            reflector_sent: sent,
        };
        length += encode_direct_measurement(counters, &mut out[length..]).ok()?;
    }
    Some(length)
}

/// What the sender needs of an answer.
#[derive(Debug, PartialEq)]
pub struct Answer<'a> {
    pub session: u16,
    pub reply: Reply,
    pub generation: Option<Generation>,
    pub carried: Option<DirectMeasurement>,
    pub report: Option<Report<'a>>,
}

pub fn read_answer<'a>(packet: &ReflectorPacket, tlvs: Tlvs<'a>) -> Answer<'a> {
    let mut answer = Answer {
        session: packet.session,
        reply: Reply::from(packet),
        generation: None,
        carried: None,
        report: None,
    };
    for tlv in tlvs.flatten() {
        match tlv {
            Tlv::Generation(generation) => answer.generation = Some(generation),
            Tlv::Other { kind, value } if kind == DIRECT_MEASUREMENT_TLV_TYPE => {
                answer.carried = DirectMeasurement::decode(value).ok();
            }
            Tlv::Report(report) => answer.report = Some(report),
            Tlv::Other { .. } | Tlv::ReturnPath(_) => {}
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use labelway_wire::stamp::{NetworkKey, Role, SessionName};

    fn probe_in(bytes: &[u8]) -> Option<Probe> {
        let (packet, tlvs) = SenderPacket::decode(bytes).ok()?;
        read_probe(packet, tlvs)
    }

    const ASKING: Asking<'_> = Asking {
        session: 99,
        sequence: 7,
        sent: Timestamp(5),
        generation: *b"mine1234",
        class: 5,
        carried: Some(1000),
        return_labels: &[16001, 16002],
    };

    #[test]
    fn a_probe_and_its_answer() {
        let mut room = [0; 256];
        let length = write_probe(&mut room, &ASKING, None).unwrap();
        let probe = probe_in(&room[..length]).unwrap();
        assert_eq!((probe.packet.sequence, probe.packet.session), (7, 99));
        assert_eq!(probe.generation, Some(*b"mine1234"));
        assert_eq!(probe.return_labels.as_slice(), [16001, 16002]);
        assert_eq!(probe.class(), 5);
        let received = Timestamp(timestamp().0 - (1 << 32) / 4); // a quarter second ago
        let answering = Answering {
            sequence: 3,
            received,
            ttl: 61,
            dscp: 40,
            ecn: 0,
            generation: *b"theirs12",
            carried: Some((990, 50)),
        };
        let length = write_answer(&mut room, &probe, &answering, None).unwrap();
        let (packet, tlvs) = ReflectorPacket::decode(&room[..length]).unwrap();
        let count = tlvs.clone().count();
        assert_eq!(count, 3, "generation, class, counters");
        let answer = read_answer(&packet, tlvs);
        assert_eq!(answer.session, 99);
        assert_eq!(answer.generation, Some(*b"theirs12"));
        let counters = answer.carried.unwrap();
        assert_eq!(
            (
                counters.sender_sent,
                counters.reflector_received,
                counters.reflector_sent
            ),
            (1000, 990, 50)
        );
        let reply = answer.reply;
        assert_eq!((reply.sender_sequence, reply.reflector_sequence), (7, 3));
        assert_eq!((reply.sent, reply.received), (Timestamp(5), received));
        let residence = reply.sent_back.micros_since(received);
        assert!((249_000..10_000_000).contains(&residence), "{residence} µs");
    }

    #[test]
    fn padding_makes_it_as_long_as_wanted() {
        let mut room = [7; 1500];
        let length = write_probe(&mut room, &ASKING, None).unwrap();
        assert_eq!(pad_probe(&mut room, length, 1400), Some(1400));
        let probe = probe_in(&room[..1400]).unwrap();
        assert_eq!(probe.packet.sequence, 7);
        assert_eq!(pad_probe(&mut room, length, length + 3), None, "no header");
        assert_eq!(pad_probe(&mut room, length, 1501), None);
    }

    #[test]
    fn with_a_key_it_is_longer_by_the_other_layout_and_a_code() {
        let name = SessionName {
            sender: [10, 255, 0, 1].into(),
            reflector: [10, 255, 0, 3].into(),
            sender_port: 49862,
            session: 99,
        };
        let key = NetworkKey::new(&[7; 32]).session(&name, Role::Probe);
        let mut room = [0; 256];
        let plain = write_probe(&mut room, &ASKING, None).unwrap();
        assert_eq!(seal(&mut room, plain, 7, None), Some(plain));
        let length = write_probe(&mut room, &ASKING, Some(&key)).unwrap();
        let sealed = seal(&mut room, length, 7, Some(&key)).unwrap();
        assert_eq!(sealed, plain + 68 + 20);
        assert_eq!(seal(&mut room[..sealed - 1], length, 7, Some(&key)), None);
        assert_eq!(seal(&mut room, 100, 7, Some(&key)), None);
        assert_eq!(write_probe(&mut [0; 111], &ASKING, Some(&key)), None);
    }

    #[test]
    fn what_asks_for_no_class_has_none() {
        let mut room = [0; 256];
        let asking = Asking { class: 0, ..ASKING };
        let length = write_probe(&mut room, &asking, None).unwrap();
        let probe = probe_in(&room[..length]).unwrap();
        assert_eq!((probe.class, probe.class()), (None, 0));
    }

    #[test]
    fn what_is_too_long_or_too_short_is_refused() {
        let bare = Asking {
            class: 0,
            carried: None,
            return_labels: &[],
            ..ASKING
        };
        assert_eq!(write_probe(&mut [0; 43], &bare, None), None);
        assert_eq!(write_probe(&mut [0; 60], &ASKING, None), None);
        assert_eq!(probe_in(&[0; 43]), None);
        let mut room = [0; 256];
        let labels = [16; MAX_PUSHED_LABELS + 1];
        let asking = Asking {
            return_labels: &labels,
            ..ASKING
        };
        let length = write_probe(&mut room, &asking, None).unwrap();
        assert_eq!(
            probe_in(&room[..length]),
            None,
            "more labels than anybody may push"
        );
    }
}
