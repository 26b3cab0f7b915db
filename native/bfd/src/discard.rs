//! Why a packet was not taken in, counted.

use std::fmt;

/// In the order in which RFC 5881 §5 and RFC 5880 §6.8.6 ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discard {
    /// The TTL is not 255: it was routed, so it is not the neighbour's (RFC 5881 §5).
    TimeToLive,
    /// The datagram ends before the field that is to be read, or before the packet's own length.
    Truncated,
    Version,
    /// Less than 24 bytes, or than 26 with authentication.
    Length,
    /// A multiplier of zero.
    DetectMult,
    /// The bit is for point-to-multipoint extensions (RFC 8562), which a session is not.
    Multipoint,
    /// The sender's discriminator is zero.
    MyDiscriminator,
    /// The packet is for another session than the one that it arrived for.
    UnknownSession,
    /// It names no session, but is of a state that only who knows one can be in.
    YourDiscriminator,
    /// Authentication, which no session here uses.
    Authentication,
}

impl Discard {
    pub const ALL: [Discard; 10] = [
        Discard::TimeToLive,
        Discard::Truncated,
        Discard::Version,
        Discard::Length,
        Discard::DetectMult,
        Discard::Multipoint,
        Discard::MyDiscriminator,
        Discard::UnknownSession,
        Discard::YourDiscriminator,
        Discard::Authentication,
    ];

    /// For counters and labels of metrics.
    pub fn name(self) -> &'static str {
        match self {
            Discard::TimeToLive => "ttl",
            Discard::Truncated => "truncated",
            Discard::Version => "version",
            Discard::Length => "length",
            Discard::DetectMult => "detect-mult",
            Discard::Multipoint => "multipoint",
            Discard::MyDiscriminator => "my-discriminator",
            Discard::UnknownSession => "unknown-session",
            Discard::YourDiscriminator => "your-discriminator",
            Discard::Authentication => "authentication",
        }
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Packets discarded, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Discards([u64; Discard::ALL.len()]);

impl Discards {
    pub fn of(&self, reason: Discard) -> u64 {
        self.0[reason as usize]
    }

    /// Every reason with its count, zeroes too.
    pub fn iter(&self) -> impl Iterator<Item = (Discard, u64)> + '_ {
        Discard::ALL.into_iter().zip(self.0)
    }

    pub(crate) fn count(&mut self, reason: Discard) {
        self.0[reason as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_counter_of_its_own() {
        let mut discards = Discards::default();
        for (index, reason) in Discard::ALL.into_iter().enumerate() {
            (0..=index).for_each(|_| discards.count(reason));
        }
        for (index, (reason, count)) in discards.iter().enumerate() {
            assert_eq!((count, discards.of(reason)), (index as u64 + 1, count));
        }
        let mut names = Discard::ALL.map(Discard::name).to_vec();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), Discard::ALL.len());
    }
}
