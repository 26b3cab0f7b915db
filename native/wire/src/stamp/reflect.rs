//! TLVs as a sender writes them and as a reflector gives them back (RFC 8972 §4).

use super::authenticated::{AuthenticationKey, CODE_BYTES};
use super::report::{REPORT_TLV_TYPE, Report};
use super::tlv::{
    GENERATION_BYTES, GENERATION_TLV_TYPE, HEADER, RETURN_PATH_TLV_TYPE, ReturnPath, split_tlv,
};
use crate::{Malformed, u16_at};

/// RFC 8972 §4.1.
pub const EXTRA_PADDING_TLV_TYPE: u8 = 1;
/// RFC 8972 §4.4.
pub const CLASS_OF_SERVICE_TLV_TYPE: u8 = 4;
/// RFC 8972 §4.8.
pub const HMAC_TLV_TYPE: u8 = 8;

const CLASS_OF_SERVICE_BYTES: usize = 4;

/// Flags of a TLV, from the highest bit (RFC 8972 §4): a sender sets U and clears the others; a
/// reflector overwrites all three.
pub mod flag {
    /// The reflector does not know the type.
    pub const UNRECOGNIZED: u8 = 0x80;
    /// Its length is wrong for its type, or beyond the packet.
    pub const MALFORMED: u8 = 0x40;
    /// The HMAC TLV did not verify.
    pub const INTEGRITY: u8 = 0x20;
}

const REFLECTED: u8 = flag::UNRECOGNIZED | flag::MALFORMED | flag::INTEGRITY;

/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   DSCP1   |   DSCP2   |ECN| RP|            Reserved           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassOfService {
    /// What the sender wants for the answer, and sent the probe with.
    pub wanted: u8,
    /// What the probe had when it reached the reflector: another one was re-marked on the way.
    pub arrived: u8,
    pub arrived_ecn: u8,
    /// The reflector does not send `wanted` and used `arrived` instead.
    pub refused: bool,
}

impl ClassOfService {
    /// As a sender writes it.
    pub fn wanting(dscp: u8) -> Self {
        ClassOfService {
            wanted: dscp & 0x3f,
            arrived: 0,
            arrived_ecn: 0,
            refused: false,
        }
    }

    /// From the value of a TLV.
    pub fn decode(value: &[u8]) -> Result<Self, Malformed> {
        if value.len() != CLASS_OF_SERVICE_BYTES {
            return Err(Malformed::Length);
        }
        let fields = u16_at(value, 0);
        Ok(ClassOfService {
            wanted: (fields >> 10) as u8,
            arrived: (fields >> 4) as u8 & 0x3f,
            arrived_ecn: (fields >> 2) as u8 & 3,
            refused: fields & 3 != 0,
        })
    }

    fn value(self) -> [u8; CLASS_OF_SERVICE_BYTES] {
        let fields = u16::from(self.wanted & 0x3f) << 10
            | u16::from(self.arrived & 0x3f) << 4
            | u16::from(self.arrived_ecn & 3) << 2
            | u16::from(self.refused);
        let [high, low] = fields.to_be_bytes();
        [high, low, 0, 0]
    }
}

/// Bytes of a Class of Service TLV.
pub const fn class_of_service_len() -> usize {
    HEADER + CLASS_OF_SERVICE_BYTES
}

/// Writes a Class of Service TLV to the front of `out`; tells its length.
pub fn encode_class_of_service(class: ClassOfService, out: &mut [u8]) -> Result<usize, Malformed> {
    write(out, CLASS_OF_SERVICE_TLV_TYPE, &class.value())
}

/// Writes an Extra Padding TLV of `length` bytes in all (4 at least) to the front of `out`. Zeros:
/// inside an encrypted tunnel they are as good as the random bytes that RFC 8972 §4.1 allows too.
pub fn encode_extra_padding(length: usize, out: &mut [u8]) -> Result<usize, Malformed> {
    let value = length.checked_sub(HEADER).ok_or(Malformed::Length)?;
    let declared = u16::try_from(value).map_err(|_| Malformed::Length)?;
    let out = out.get_mut(..length).ok_or(Malformed::Truncated)?;
    out.fill(0);
    out[..HEADER].copy_from_slice(&sender_header(EXTRA_PADDING_TLV_TYPE, declared));
    Ok(length)
}

/// Bytes of an HMAC TLV.
pub const fn hmac_len() -> usize {
    HEADER + CODE_BYTES
}

/// Writes the HMAC TLV (RFC 8972 §4.8) behind the TLVs in `out[..used]`: it covers the sequence
/// number and them. Only Extra Padding may follow. Tells its length.
pub fn encode_hmac(
    key: &AuthenticationKey,
    sequence: u32,
    out: &mut [u8],
    used: usize,
) -> Result<usize, Malformed> {
    let (covered, room) = out.split_at_mut_checked(used).ok_or(Malformed::Truncated)?;
    let code = key.code(&[&sequence.to_be_bytes(), covered]);
    write(room, HMAC_TLV_TYPE, &code)
}

/// Sets the flags of all TLVs as a sender has to, before a code is computed over them.
pub fn flag_as_sender(tlvs: &mut [u8]) {
    walk(tlvs, |flags, _, _| {
        *flags = *flags & !REFLECTED | flag::UNRECOGNIZED
    });
}

/// What a reflector has to know to give TLVs back.
pub struct Reflecting<'a> {
    /// DSCP and ECN of the probe as it arrived. Behind a label stack, the class selector of its TC.
    pub dscp: u8,
    pub ecn: u8,
    /// Whether the answer is sent with the DSCP that the sender wants.
    pub grants_class: bool,
    /// With a key, an HMAC TLV is verified and made anew.
    pub key: Option<&'a AuthenticationKey>,
    pub probe_sequence: u32,
    pub answer_sequence: u32,
}

/// What may be done with the TLVs of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    Good,
    /// They are given back flagged and have to be left alone (RFC 8972 §4.8).
    Failed,
}

/// Turns the TLVs of a probe into those of its answer, in place and of the same length (RFC 8972
/// §4): unknown ones come back with U, malformed ones with M, and all with I when the code is wrong.
pub fn reflect_tlvs(tlvs: &mut [u8], reflecting: &Reflecting<'_>) -> Integrity {
    let integrity = verify(tlvs, reflecting);
    walk(tlvs, |flags, kind, value| {
        *flags &= !REFLECTED;
        let (known, whole) = judge(kind, value.as_deref());
        if !known {
            *flags |= flag::UNRECOGNIZED;
        }
        if !whole {
            *flags |= flag::MALFORMED;
        }
        if integrity == Integrity::Failed {
            *flags |= flag::INTEGRITY;
            return;
        }
        if let Some(value) = value
            && whole
            && kind == CLASS_OF_SERVICE_TLV_TYPE
            && let Ok(class) = ClassOfService::decode(value)
        {
            value.copy_from_slice(
                &ClassOfService {
                    wanted: class.wanted,
                    arrived: reflecting.dscp,
                    arrived_ecn: reflecting.ecn,
                    refused: !reflecting.grants_class,
                }
                .value(),
            );
        }
    });
    if integrity == Integrity::Good
        && let Some(key) = reflecting.key
        && let Some(at) = hmac_at(tlvs)
    {
        let sequence = reflecting.answer_sequence.to_be_bytes();
        let code = key.code(&[&sequence, &tlvs[..at]]);
        tlvs[at + HEADER..at + HEADER + CODE_BYTES].copy_from_slice(&code);
    }
    integrity
}

/// Whether the TLVs of a packet of that number may be believed: an HMAC TLV has to be there and to
/// verify, so that nobody can take them away either.
pub fn verify_tlvs(key: &AuthenticationKey, sequence: u32, tlvs: &[u8]) -> Integrity {
    match hmac_at(tlvs) {
        Some(at) if code_is_good(key, sequence, tlvs, at) => Integrity::Good,
        _ => Integrity::Failed,
    }
}

fn verify(tlvs: &[u8], reflecting: &Reflecting<'_>) -> Integrity {
    match (hmac_at(tlvs), reflecting.key) {
        (Some(at), Some(key)) if code_is_good(key, reflecting.probe_sequence, tlvs, at) => {
            Integrity::Good
        }
        (None, None) => Integrity::Good,
        // With a key, TLVs other than padding have to be covered (RFC 8972 §4.8).
        (None, Some(_)) if only_padding(tlvs) => Integrity::Good,
        _ => Integrity::Failed,
    }
}

fn code_is_good(key: &AuthenticationKey, sequence: u32, tlvs: &[u8], at: usize) -> bool {
    let Ok((_, code, behind)) = split_tlv(&tlvs[at..]) else {
        return false;
    };
    only_padding(behind) && key.verifies(&[&sequence.to_be_bytes(), &tlvs[..at]], code)
}

/// Where the first HMAC TLV begins.
fn hmac_at(tlvs: &[u8]) -> Option<usize> {
    let mut rest = tlvs;
    while let Ok((kind, _, behind)) = split_tlv(rest) {
        if kind == HMAC_TLV_TYPE {
            return Some(tlvs.len() - rest.len());
        }
        rest = behind;
    }
    None
}

fn only_padding(mut tlvs: &[u8]) -> bool {
    while !tlvs.is_empty() {
        match split_tlv(tlvs) {
            Ok((EXTRA_PADDING_TLV_TYPE, _, behind)) => tlvs = behind,
            _ => return false,
        }
    }
    true
}

/// Whether the type is known and its value as it has to be; none is one beyond the packet.
fn judge(kind: u8, value: Option<&[u8]>) -> (bool, bool) {
    let Some(value) = value else {
        return (is_known(kind), false);
    };
    let whole = match kind {
        CLASS_OF_SERVICE_TLV_TYPE => value.len() == CLASS_OF_SERVICE_BYTES,
        HMAC_TLV_TYPE => value.len() == CODE_BYTES,
        RETURN_PATH_TLV_TYPE => ReturnPath::decode(value).is_ok(),
        GENERATION_TLV_TYPE => value.len() == GENERATION_BYTES,
        REPORT_TLV_TYPE => Report::decode(value).is_ok(),
        _ => true,
    };
    (is_known(kind), whole)
}

fn is_known(kind: u8) -> bool {
    matches!(
        kind,
        EXTRA_PADDING_TLV_TYPE
            | CLASS_OF_SERVICE_TLV_TYPE
            | HMAC_TLV_TYPE
            | RETURN_PATH_TLV_TYPE
            | GENERATION_TLV_TYPE
            | REPORT_TLV_TYPE
    )
}

/// Flags, type and value of each; the last may reach beyond the packet and then has no value. What
/// is shorter than a header is none.
fn walk(mut tlvs: &mut [u8], mut visit: impl FnMut(&mut u8, u8, Option<&mut [u8]>)) {
    while tlvs.len() >= HEADER {
        let length = usize::from(u16_at(tlvs, 2));
        let (head, rest) = tlvs.split_at_mut(HEADER);
        let kind = head[1];
        let Some((value, behind)) = rest.split_at_mut_checked(length) else {
            visit(&mut head[0], kind, None);
            return;
        };
        visit(&mut head[0], kind, Some(value));
        tlvs = behind;
    }
}

fn write(out: &mut [u8], kind: u8, value: &[u8]) -> Result<usize, Malformed> {
    let length = HEADER + value.len();
    let declared = u16::try_from(value.len()).map_err(|_| Malformed::Length)?;
    let out = out.get_mut(..length).ok_or(Malformed::Truncated)?;
    out[..HEADER].copy_from_slice(&sender_header(kind, declared));
    out[HEADER..].copy_from_slice(value);
    Ok(length)
}

fn sender_header(kind: u8, length: u16) -> [u8; HEADER] {
    let [high, low] = length.to_be_bytes();
    [flag::UNRECOGNIZED, kind, high, low]
}

#[cfg(test)]
mod tests;
