//! The control packet (RFC 5880 §4.1).

use std::fmt;
use std::num::{NonZeroU8, NonZeroU32};

use crate::Discard;

/// Bytes of a packet without an authentication section, the only kind that is sent.
pub const CONTROL_BYTES: usize = 24;

/// The shortest packet with an authentication section: its type and length (§4.1, §6.8.6).
const AUTHENTICATED_BYTES: usize = 26;

const VERSION: u8 = 1;

/// Bits of the second byte.
mod bit {
    pub const POLL: u8 = 1 << 5;
    pub const FINAL: u8 = 1 << 4;
    pub const AUTHENTICATION: u8 = 1 << 2;
    pub const DEMAND: u8 = 1 << 1;
    pub const MULTIPOINT: u8 = 1;
}

/// Names a session at one system; never zero (§6.8.1).
pub type Discriminator = NonZeroU32;

/// `Sta` (§4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    AdminDown = 0,
    Down = 1,
    Init = 2,
    Up = 3,
}

impl State {
    pub const ALL: [State; 4] = [State::AdminDown, State::Down, State::Init, State::Up];

    pub fn name(self) -> &'static str {
        match self {
            State::AdminDown => "admin-down",
            State::Down => "down",
            State::Init => "init",
            State::Up => "up",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Why a system's session left its former state (§4.1); 9–31 are for others to assign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Diagnostic(u8);

impl Diagnostic {
    pub const NONE: Self = Self(0);
    pub const DETECTION_TIME_EXPIRED: Self = Self(1);
    pub const ECHO_FAILED: Self = Self(2);
    pub const NEIGHBOR_SIGNALED_DOWN: Self = Self(3);
    pub const FORWARDING_PLANE_RESET: Self = Self(4);
    pub const PATH_DOWN: Self = Self(5);
    pub const CONCATENATED_PATH_DOWN: Self = Self(6);
    pub const ADMINISTRATIVELY_DOWN: Self = Self(7);
    pub const REVERSE_CONCATENATED_PATH_DOWN: Self = Self(8);

    /// None if it needs more than the field's five bits.
    pub fn from_code(code: u8) -> Option<Self> {
        (code < 32).then_some(Self(code))
    }

    pub fn code(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match *self {
            Self::NONE => "no diagnostic",
            Self::DETECTION_TIME_EXPIRED => "control detection time expired",
            Self::ECHO_FAILED => "echo function failed",
            Self::NEIGHBOR_SIGNALED_DOWN => "neighbor signaled session down",
            Self::FORWARDING_PLANE_RESET => "forwarding plane reset",
            Self::PATH_DOWN => "path down",
            Self::CONCATENATED_PATH_DOWN => "concatenated path down",
            Self::ADMINISTRATIVELY_DOWN => "administratively down",
            Self::REVERSE_CONCATENATED_PATH_DOWN => "reverse concatenated path down",
            Self(code) => return write!(out, "diagnostic {code}"),
        })
    }
}

/// The P and F bits: never both (§6.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sequence {
    #[default]
    None,
    Poll,
    Final,
}

/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       My Discriminator                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      Your Discriminator                       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |              Desired Min TX Interval (microseconds)           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |             Required Min RX Interval (microseconds)           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Required Min Echo RX Interval (microseconds)        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Bytes that passed every check of §6.8.6 that needs no session; an authentication section and
/// whatever follows the packet in its datagram are not looked at.
#[derive(Debug, Clone, Copy)]
pub struct ControlView<'a> {
    bytes: &'a [u8; CONTROL_BYTES],
    detect_mult: NonZeroU8,
    my_discriminator: Discriminator,
}

impl<'a> ControlView<'a> {
    /// Of a datagram's payload. The rules are those of RFC 5880 §6.8.6, in their order.
    #[inline]
    pub fn decode(payload: &'a [u8]) -> Result<Self, Discard> {
        // Up to the Length field, which the first rules read.
        let Some(&[first, second, detect_mult, length]) = payload.first_chunk() else {
            return Err(Discard::Truncated);
        };
        // "If the version number is not correct (1), the packet MUST be discarded."
        if first >> 5 != VERSION {
            return Err(Discard::Version);
        }
        // "… less than the minimum correct value (24 if the A bit is clear, or 26 if … set) …"
        let least = match second & bit::AUTHENTICATION {
            0 => CONTROL_BYTES,
            _ => AUTHENTICATED_BYTES,
        };
        if usize::from(length) < least {
            return Err(Discard::Length);
        }
        // "… greater than the payload of the encapsulating protocol …"
        if usize::from(length) > payload.len() {
            return Err(Discard::Truncated);
        }
        let Some(bytes) = payload.first_chunk() else {
            return Err(Discard::Truncated);
        };
        // "If the Detect Mult field is zero …"
        let detect_mult = NonZeroU8::new(detect_mult).ok_or(Discard::DetectMult)?;
        // "If the Multipoint (M) bit is nonzero …"
        if second & bit::MULTIPOINT != 0 {
            return Err(Discard::Multipoint);
        }
        // "If the My Discriminator field is zero …"
        let my_discriminator =
            Discriminator::new(u32_at(bytes, 4)).ok_or(Discard::MyDiscriminator)?;
        let view = Self {
            bytes,
            detect_mult,
            my_discriminator,
        };
        // The rule before this one is about packets with a discriminator of ours, so their order
        // cannot be told. "If the Your Discriminator field is zero and the State field is not Down
        // or AdminDown …"
        if view.your_discriminator().is_none() && matches!(view.state(), State::Init | State::Up) {
            return Err(Discard::YourDiscriminator);
        }
        Ok(view)
    }

    #[inline]
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic(self.bytes[0] & 31)
    }

    #[inline]
    pub fn state(&self) -> State {
        State::ALL[usize::from(self.bytes[1] >> 6)]
    }

    #[inline]
    pub fn poll(&self) -> bool {
        self.bytes[1] & bit::POLL != 0
    }

    #[inline]
    pub fn r#final(&self) -> bool {
        self.bytes[1] & bit::FINAL != 0
    }

    #[inline]
    pub fn is_authenticated(&self) -> bool {
        self.bytes[1] & bit::AUTHENTICATION != 0
    }

    #[inline]
    pub fn demand(&self) -> bool {
        self.bytes[1] & bit::DEMAND != 0
    }

    #[inline]
    pub fn detect_mult(&self) -> NonZeroU8 {
        self.detect_mult
    }

    /// The sender's own.
    #[inline]
    pub fn my_discriminator(&self) -> Discriminator {
        self.my_discriminator
    }

    /// The receiver's, as far as the sender knows it.
    #[inline]
    pub fn your_discriminator(&self) -> Option<Discriminator> {
        Discriminator::new(u32_at(self.bytes, 8))
    }

    #[inline]
    pub fn desired_min_tx_micros(&self) -> u32 {
        u32_at(self.bytes, 12)
    }

    /// Zero asks for no periodic packets at all.
    #[inline]
    pub fn required_min_rx_micros(&self) -> u32 {
        u32_at(self.bytes, 16)
    }

    /// Zero: the sender does not take part in the Echo function.
    #[inline]
    pub fn required_min_echo_rx_micros(&self) -> u32 {
        u32_at(self.bytes, 20)
    }
}

/// What is sent (§6.8.7): without authentication, Demand mode and Echo function, whose bits and
/// interval are zero. So is the C bit: the engine lives and dies with the router's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlPacket {
    pub diagnostic: Diagnostic,
    pub state: State,
    pub sequence: Sequence,
    pub detect_mult: NonZeroU8,
    pub my_discriminator: Discriminator,
    /// None before the neighbour was heard.
    pub your_discriminator: Option<Discriminator>,
    pub desired_min_tx_micros: u32,
    pub required_min_rx_micros: u32,
}

impl ControlPacket {
    pub fn encode(&self) -> [u8; CONTROL_BYTES] {
        let sequence = match self.sequence {
            Sequence::None => 0,
            Sequence::Poll => bit::POLL,
            Sequence::Final => bit::FINAL,
        };
        let yours = self.your_discriminator.map_or(0, Discriminator::get);
        let mut bytes = [0; CONTROL_BYTES];
        bytes[0] = VERSION << 5 | self.diagnostic.0;
        bytes[1] = (self.state as u8) << 6 | sequence;
        bytes[2] = self.detect_mult.get();
        bytes[3] = CONTROL_BYTES as u8;
        bytes[4..8].copy_from_slice(&self.my_discriminator.get().to_be_bytes());
        bytes[8..12].copy_from_slice(&yours.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.desired_min_tx_micros.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.required_min_rx_micros.to_be_bytes());
        bytes
    }
}

#[inline]
fn u32_at(bytes: &[u8; CONTROL_BYTES], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
