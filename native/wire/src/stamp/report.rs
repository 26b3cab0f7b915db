//! A site's report of its adjacencies, in a private TLV of a probe and its answer.
//!
//! A sender asks for one page by leaving room for it: the answer is as long as the probe, so nobody
//! can make a reflector send more than he sends himself.

use std::net::Ipv4Addr;

use super::tlv::HEADER;
use crate::{Malformed, u16_at, u32_at};

/// From the range for private use, 252–254 (RFC 8972 §5.1).
pub const REPORT_TLV_TYPE: u8 = 253;

/// Bytes of one adjacency.
pub const REPORT_ENTRY_BYTES: usize = 24;
const PAGE_BYTES: usize = 4;
/// A loss that is not known; 65,534 is all of them.
const UNKNOWN_SHARE: u16 = u16::MAX;
const UNKNOWN_MICROS: u32 = u32::MAX;

/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |             Page              |             Pages             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       entries, zeros after                    |
/// ```
///
/// `Pages` is 0 in a probe; and in an answer of a reflector that has no time now, or no such page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report<'a> {
    pub page: u16,
    pub pages: u16,
    entries: &'a [u8],
}

/// One adjacency as its site measures it.
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     Tunnel address, own end                   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     Tunnel address, far end                   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                 Round trip, µs (all ones: unknown)            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                   Jitter, µs (all ones: unknown)              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Lost forward × 65534 (or 65535) |   Lost on return, likewise   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |       MTU, 0: unknown         |     State     |    Reserved   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReportEntry {
    pub local: Ipv4Addr,
    pub remote: Ipv4Addr,
    pub is_up: bool,
    pub round_trip_micros: Option<u32>,
    pub jitter_micros: Option<u32>,
    /// Shares, 0–1.
    pub lost_forward: Option<f32>,
    pub lost_return: Option<f32>,
    /// Bytes of label stack and customer packet.
    pub mtu: Option<u16>,
}

impl<'a> Report<'a> {
    /// From the value of a TLV.
    pub fn decode(value: &'a [u8]) -> Result<Self, Malformed> {
        if value.len() < PAGE_BYTES {
            return Err(Malformed::Length);
        }
        Ok(Report {
            page: u16_at(value, 0),
            pages: u16_at(value, 2),
            entries: &value[PAGE_BYTES..],
        })
    }

    /// How many there is room for.
    pub fn room(&self) -> usize {
        self.entries.len() / REPORT_ENTRY_BYTES
    }

    /// In order; those that are there.
    pub fn entries(self) -> impl Iterator<Item = ReportEntry> + 'a {
        self.entries
            .chunks_exact(REPORT_ENTRY_BYTES)
            .map(ReportEntry::decode)
            .take_while(|entry| !entry.local.is_unspecified())
    }
}

impl ReportEntry {
    fn decode(bytes: &[u8]) -> Self {
        let micros = |at| Some(u32_at(bytes, at)).filter(|micros| *micros != UNKNOWN_MICROS);
        let share = |at| {
            Some(u16_at(bytes, at))
                .filter(|share| *share != UNKNOWN_SHARE)
                .map(|share| f32::from(share) / f32::from(UNKNOWN_SHARE - 1))
        };
        ReportEntry {
            local: u32_at(bytes, 0).into(),
            remote: u32_at(bytes, 4).into(),
            round_trip_micros: micros(8),
            jitter_micros: micros(12),
            lost_forward: share(16),
            lost_return: share(18),
            mtu: Some(u16_at(bytes, 20)).filter(|mtu| *mtu > 0),
            is_up: bytes[22] == 1,
        }
    }

    fn encode(&self) -> [u8; REPORT_ENTRY_BYTES] {
        let mut bytes = [0; REPORT_ENTRY_BYTES];
        let micros = |micros: Option<u32>| micros.unwrap_or(UNKNOWN_MICROS).to_be_bytes();
        let share = |share: Option<f32>| {
            let most = f32::from(UNKNOWN_SHARE - 1);
            share
                .map_or(UNKNOWN_SHARE, |share| {
                    (share.clamp(0.0, 1.0) * most).round() as u16
                })
                .to_be_bytes()
        };
        bytes[0..4].copy_from_slice(&self.local.octets());
        bytes[4..8].copy_from_slice(&self.remote.octets());
        bytes[8..12].copy_from_slice(&micros(self.round_trip_micros));
        bytes[12..16].copy_from_slice(&micros(self.jitter_micros));
        bytes[16..18].copy_from_slice(&share(self.lost_forward));
        bytes[18..20].copy_from_slice(&share(self.lost_return));
        bytes[20..22].copy_from_slice(&self.mtu.unwrap_or(0).to_be_bytes());
        bytes[22] = u8::from(self.is_up);
        bytes
    }
}

/// Bytes of a report TLV with room for so many entries.
pub const fn report_len(entries: usize) -> usize {
    HEADER + PAGE_BYTES + entries * REPORT_ENTRY_BYTES
}

/// Asks for a page: writes a TLV with room for so many entries to the front of `out`; tells its
/// length.
pub fn encode_report_request(
    page: u16,
    entries: usize,
    out: &mut [u8],
) -> Result<usize, Malformed> {
    encode_report(page, 0, entries, &[], out)
}

/// Answers with the same length as was asked, `room` entries; those beyond it are left out.
pub fn encode_report(
    page: u16,
    pages: u16,
    room: usize,
    entries: &[ReportEntry],
    out: &mut [u8],
) -> Result<usize, Malformed> {
    let length = report_len(room);
    let declared = u16::try_from(length - HEADER).map_err(|_| Malformed::Length)?;
    let out = out.get_mut(..length).ok_or(Malformed::Truncated)?;
    out.fill(0);
    out[1] = REPORT_TLV_TYPE;
    out[2..4].copy_from_slice(&declared.to_be_bytes());
    out[4..6].copy_from_slice(&page.to_be_bytes());
    out[6..8].copy_from_slice(&pages.to_be_bytes());
    let rows = out[HEADER + PAGE_BYTES..].chunks_exact_mut(REPORT_ENTRY_BYTES);
    rows.zip(entries)
        .for_each(|(row, entry)| row.copy_from_slice(&entry.encode()));
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry() -> impl Strategy<Value = ReportEntry> {
        let share = || prop::option::of(0u16..UNKNOWN_SHARE);
        let micros = || prop::option::of(0..UNKNOWN_MICROS);
        (
            (1u32.., any::<u32>(), any::<bool>()),
            (micros(), micros(), share(), share()),
            prop::option::of(1u16..),
        )
            .prop_map(
                |((local, remote, is_up), (trip, jitter, there, back), mtu)| {
                    let share = |share: Option<u16>| {
                        share.map(|share| f32::from(share) / f32::from(UNKNOWN_SHARE - 1))
                    };
                    ReportEntry {
                        local: local.into(),
                        remote: remote.into(),
                        is_up,
                        round_trip_micros: trip,
                        jitter_micros: jitter,
                        lost_forward: share(there),
                        lost_return: share(back),
                        mtu,
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn entries_come_back(entries in prop::collection::vec(entry(), 0..6), room in 0usize..8, page: u16, pages: u16) {
            let mut out = [0xff; 400];
            let length = encode_report(page, pages, room, &entries, &mut out).unwrap();
            prop_assert_eq!(length, report_len(room));
            let report = Report::decode(&out[HEADER..length]).unwrap();
            prop_assert_eq!((report.page, report.pages, report.room()), (page, pages, room));
            let kept = &entries[..entries.len().min(room)];
            prop_assert_eq!(report.entries().collect::<Vec<_>>(), kept);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            if let Ok(report) = Report::decode(&bytes) {
                prop_assert!(report.entries().count() <= report.room());
            }
        }
    }

    #[test]
    fn a_question_is_as_long_as_its_answer() {
        let mut out = [0; 64];
        assert_eq!(encode_report_request(3, 2, &mut out), Ok(report_len(2)));
        assert_eq!(&out[..8], [0, 253, 0, 52, 0, 3, 0, 0]);
        assert!(out[8..].iter().all(|byte| *byte == 0));
        assert_eq!(
            encode_report_request(0, 3, &mut out),
            Err(Malformed::Truncated)
        );
        assert_eq!(
            encode_report_request(0, 3000, &mut out),
            Err(Malformed::Length)
        );
    }
}
