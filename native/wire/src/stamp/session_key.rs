//! A key for each session and direction, derived from the one that a network shares.
//!
//! RFC 8762 §4.4 leaves it open how keys come to both ends. Here both derive them from what names the
//! session, so that a code is worth nothing elsewhere: it covers the addresses and the port, which
//! STAMP's own does not; TLVs, which are tied to a packet by its number alone (RFC 8972 §4.8), cannot
//! be put behind that of another session; and an answer is no probe.

use std::net::Ipv4Addr;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::authenticated::{AuthenticationKey, LEAST_KEY_BYTES, mac_of};

/// What all routers of a network know, and nobody else.
#[derive(Clone)]
pub struct NetworkKey(Hmac<Sha256>);

impl std::fmt::Debug for NetworkKey {
    /// Never the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NetworkKey")
    }
}

/// A session as its probes name it (RFC 8972 §3), whatever way its answers come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionName {
    pub sender: Ipv4Addr,
    pub reflector: Ipv4Addr,
    pub sender_port: u16,
    /// STAMP session identifier.
    pub session: u16,
}

/// Which packets of a session a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Probe,
    Answer,
}

impl NetworkKey {
    /// Random bytes, so that they need no extraction (RFC 5869 §3.3).
    pub fn new(key: &[u8; LEAST_KEY_BYTES]) -> Self {
        NetworkKey(mac_of(key))
    }

    /// HKDF-Expand (RFC 5869 §2.3) to one block of SHA-256, with `info` as
    ///
    /// ```text
    /// "labelway stamp probe" or "labelway stamp answer"
    /// | sender's address (4) | reflector's (4) | sender's port (2) | SSID (2) |
    /// ```
    pub fn session(&self, name: &SessionName, role: Role) -> AuthenticationKey {
        let mut mac = self.0.clone();
        mac.update(match role {
            Role::Probe => b"labelway stamp probe",
            Role::Answer => b"labelway stamp answer",
        });
        mac.update(&name.sender.octets());
        mac.update(&name.reflector.octets());
        mac.update(&name.sender_port.to_be_bytes());
        mac.update(&name.session.to_be_bytes());
        mac.update(&[1]);
        AuthenticationKey::of_hash(&mac.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: SessionName = SessionName {
        sender: Ipv4Addr::new(10, 255, 0, 1),
        reflector: Ipv4Addr::new(10, 255, 0, 3),
        sender_port: 49862,
        session: 0x1234,
    };

    fn code(key: &AuthenticationKey) -> [u8; 16] {
        key.code(&[b"any"])
    }

    /// By Python's `hmac`: `T(1)` of HKDF-Expand as key, the code over "any".
    #[test]
    fn keys_are_those_of_hkdf() {
        let key = NetworkKey::new(b"a key as long as the hash itself");
        let hex = |role| -> String {
            let code = code(&key.session(&NAME, role));
            code.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        assert_eq!(hex(Role::Probe), "12df161da3b3b805ef7aab3963f1e829");
        assert_eq!(hex(Role::Answer), "1c5e0a6ac31b4f917e0b9c878bcdcc13");
    }

    #[test]
    fn each_session_and_direction_has_its_own() {
        let key = NetworkKey::new(b"a key as long as the hash itself");
        let names = [
            NAME,
            SessionName {
                sender: NAME.reflector,
                reflector: NAME.sender,
                ..NAME
            },
            SessionName {
                sender_port: 49863,
                ..NAME
            },
            SessionName {
                session: 0x1235,
                ..NAME
            },
        ];
        let mut codes: Vec<_> = names
            .iter()
            .flat_map(|name| [Role::Probe, Role::Answer].map(|role| code(&key.session(name, role))))
            .collect();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), 8);
    }

    #[test]
    fn it_is_never_printed() {
        let key = NetworkKey::new(&[7; 32]);
        assert_eq!(format!("{key:?}"), "NetworkKey");
    }
}
