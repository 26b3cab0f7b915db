//! Which mode of STAMP is sent and taken, and with which keys (RFC 8762 §4.2, §4.4).
//!
//! Nothing of a packet is believed before its code, and that of its TLVs, has been verified. An
//! answer is made in the mode and with the key of its probe.

use labelway_boundary::ProbeAuthentication as Mode;
use labelway_wire::Malformed;
use labelway_wire::stamp::{
    AUTHENTICATED_STAMP_BYTES, AuthenticationKey, Integrity, LEAST_KEY_BYTES, NetworkKey,
    ReflectorPacket, Refused, Role, SenderPacket, SessionName, Tlvs, claimed_session, verify_tlvs,
};

use crate::counters::IoDrop;

/// One to send with, and one more that is taken while the network changes from one to the other.
const MOST_KEYS: usize = 2;

#[derive(Debug, Default)]
pub struct Authentication {
    mode: Mode,
    keys: Vec<NetworkKey>,
}

/// What may be believed of a packet.
pub struct Opened<'a, 'k, Packet> {
    pub packet: Packet,
    pub tlvs: Tlvs<'a>,
    /// None: it came in the unauthenticated mode.
    pub key: Option<&'k NetworkKey>,
}

impl Authentication {
    /// `keys` one behind the other, that to send with first.
    pub fn new(mode: Mode, keys: &[u8]) -> Result<Self, Vec<String>> {
        let (keys, rest) = keys.as_chunks::<LEAST_KEY_BYTES>();
        if !rest.is_empty() || keys.len() > MOST_KEYS {
            return Err(vec![format!(
                "Cannot take the keys of probes: {} bytes are given; needs {LEAST_KEY_BYTES} for \
                 each, and {MOST_KEYS} keys at most",
                keys.len() * LEAST_KEY_BYTES + rest.len()
            )]);
        }
        if mode != Mode::None && keys.is_empty() {
            return Err(vec!["Cannot authenticate probes without a key".into()]);
        }
        Ok(Authentication {
            mode,
            keys: keys.iter().map(NetworkKey::new).collect(),
        })
    }

    /// Whether probes of ours carry codes.
    pub fn sends(&self) -> bool {
        matches!(self.mode, Mode::Prefer | Mode::Require)
    }

    /// What a probe of ours is sealed with; none: it is sent in the unauthenticated mode.
    pub fn for_probe(&self, name: &SessionName) -> Option<AuthenticationKey> {
        let key = self.keys.first().filter(|_| self.sends())?;
        Some(key.session(name, Role::Probe))
    }

    /// `name` is asked for the session of the identifier that the packet claims.
    pub fn open_probe<'a>(
        &self,
        bytes: &'a [u8],
        name: impl FnOnce(u16) -> Result<SessionName, IoDrop>,
    ) -> Result<Opened<'a, '_, SenderPacket>, IoDrop> {
        self.open(bytes, name, Role::Probe)
    }

    /// The same of an answer.
    pub fn open_answer<'a>(
        &self,
        bytes: &'a [u8],
        name: impl FnOnce(u16) -> Result<SessionName, IoDrop>,
    ) -> Result<Opened<'a, '_, ReflectorPacket>, IoDrop> {
        self.open(bytes, name, Role::Answer)
    }

    fn open<'a, Packet: BothModes>(
        &self,
        bytes: &'a [u8],
        name: impl FnOnce(u16) -> Result<SessionName, IoDrop>,
        role: Role,
    ) -> Result<Opened<'a, '_, Packet>, IoDrop> {
        let Some(session) = claimed_session(bytes) else {
            let (packet, tlvs) = Packet::plain(bytes).map_err(|_| IoDrop::ProbeMalformed)?;
            return match self.mode {
                Mode::Require => Err(IoDrop::ProbeOtherMode),
                _ => Ok(Opened {
                    packet,
                    tlvs,
                    key: None,
                }),
            };
        };
        if self.mode == Mode::None {
            return Err(IoDrop::ProbeOtherMode);
        }
        let name = name(session)?;
        for key in &self.keys {
            let of_session = key.session(&name, role);
            let Ok((packet, tlvs)) = Packet::authenticated(bytes, &of_session) else {
                continue;
            };
            let behind = &bytes[AUTHENTICATED_STAMP_BYTES..];
            if verify_tlvs(&of_session, packet.sequence(), behind) == Integrity::Good {
                return Ok(Opened {
                    packet,
                    tlvs,
                    key: Some(key),
                });
            }
        }
        Err(IoDrop::ProbeWrongCode)
    }
}

/// Probes and answers are read alike.
trait BothModes: Sized {
    fn plain(bytes: &[u8]) -> Result<(Self, Tlvs<'_>), Malformed>;
    fn authenticated<'a>(
        bytes: &'a [u8],
        key: &AuthenticationKey,
    ) -> Result<(Self, Tlvs<'a>), Refused>;
    fn sequence(&self) -> u32;
}

macro_rules! both_modes {
    ($($packet:ty),*) => {
        $(impl BothModes for $packet {
            fn plain(bytes: &[u8]) -> Result<(Self, Tlvs<'_>), Malformed> {
                Self::decode(bytes)
            }

            fn authenticated<'a>(
                bytes: &'a [u8],
                key: &AuthenticationKey,
            ) -> Result<(Self, Tlvs<'a>), Refused> {
                Self::decode_authenticated(bytes, key)
            }

            fn sequence(&self) -> u32 {
                self.sequence
            }
        })*
    };
}

both_modes!(SenderPacket, ReflectorPacket);

#[cfg(test)]
mod tests;
