//! The cross-platform userspace protocol: text to a typed request, whole or not at all.
//! <https://www.wireguard.com/xplatform/#configuration-protocol>
//!
//! ```text
//! set=1\n key=value\n … \n        → errno=0\n\n
//! get=1\n \n                      → key=value\n … errno=0\n\n
//! ```

use std::net::SocketAddr;

use ipnet::IpNet;
use zeroize::Zeroizing;

use crate::key::{PublicKey, SecretKey, from_hex};

/// The longest request accepted: some 30,000 peers. Ours, so that a client cannot fill the memory.
pub const MAX_REQUEST_BYTES: usize = 8 << 20;

/// Length of the first whole request in what a client sent so far, its empty line included.
pub fn request_length(received: &[u8]) -> Option<usize> {
    received
        .windows(2)
        .position(|pair| pair == b"\n\n")
        .map(|at| at + 2)
}

#[derive(Debug, PartialEq)]
pub(crate) enum Request {
    Get,
    Set(SetRequest),
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct SetRequest {
    /// `Some(None)` takes the key away.
    pub private_key: Option<Option<SecretKey>>,
    pub listen_port: Option<u16>,
    /// 0 is no mark.
    pub fwmark: Option<u32>,
    pub replace_peers: bool,
    pub peers: Vec<PeerRequest>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct PeerRequest {
    pub key: PublicKey,
    pub remove: bool,
    pub update_only: bool,
    pub preshared_key: Option<Option<SecretKey>>,
    pub endpoint: Option<SocketAddr>,
    /// Seconds; 0 is off.
    pub keepalive: Option<u16>,
    pub replace_allowed_ips: bool,
    pub allowed_ips: Vec<AllowedIpRequest>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct AllowedIpRequest {
    pub net: IpNet,
    pub remove: bool,
}

/// Which line was refused and why. Never holds a value, which may be a key.
#[derive(Debug, PartialEq)]
pub(crate) struct Refused {
    pub line: usize,
    pub accepted: &'static str,
}

/// Strict: an unknown key, a value out of range or a key in the wrong place refuses the whole.
pub(crate) fn parse(text: &[u8]) -> Result<Request, Refused> {
    let whole = std::str::from_utf8(text);
    let text = whole.map_err(|_| Refused {
        line: 0,
        accepted: "UTF-8 text",
    })?;
    let mut lines = text.lines().take_while(|line| !line.is_empty()).enumerate();
    match lines.next() {
        Some((_, "get=1")) => match lines.next() {
            None => Ok(Request::Get),
            Some((at, _)) => Err(Refused {
                line: at + 1,
                accepted: "an empty line after get=1",
            }),
        },
        Some((_, "set=1")) => {
            let mut request = SetRequest::default();
            for (at, line) in lines {
                let refused = |accepted| Refused {
                    line: at + 1,
                    accepted,
                };
                let (key, value) = line.split_once('=').ok_or_else(|| refused("KEY=VALUE"))?;
                apply_line(&mut request, key, value).map_err(refused)?;
            }
            Ok(Request::Set(request))
        }
        _ => Err(Refused {
            line: 1,
            accepted: "get=1 or set=1",
        }),
    }
}

fn apply_line(request: &mut SetRequest, key: &str, value: &str) -> Result<(), &'static str> {
    if key == "public_key" {
        let key = PublicKey::from_bytes(*secret(value)?);
        request.peers.push(PeerRequest {
            key,
            remove: false,
            update_only: false,
            preshared_key: None,
            endpoint: None,
            keepalive: None,
            replace_allowed_ips: false,
            allowed_ips: Vec::new(),
        });
        return Ok(());
    }
    let Some(peer) = request.peers.last_mut() else {
        match key {
            "private_key" => request.private_key = Some(SecretKey::unless_zero(secret(value)?)),
            "listen_port" => request.listen_port = Some(number(value).ok_or("a port, 0–65535")?),
            "fwmark" => request.fwmark = Some(number(value).ok_or("a number, 0–4294967295")?),
            "replace_peers" => request.replace_peers = yes(value)?,
            _ => return Err("private_key, listen_port, fwmark, replace_peers or public_key"),
        }
        return Ok(());
    };
    match key {
        "remove" => peer.remove = yes(value)?,
        "update_only" => peer.update_only = yes(value)?,
        "preshared_key" => peer.preshared_key = Some(SecretKey::unless_zero(secret(value)?)),
        "endpoint" => peer.endpoint = Some(endpoint(value)?),
        "persistent_keepalive_interval" => {
            peer.keepalive = Some(number(value).ok_or("seconds, 0–65535")?)
        }
        "replace_allowed_ips" => {
            peer.replace_allowed_ips = yes(value)?;
            peer.allowed_ips.clear();
        }
        "allowed_ip" => peer.allowed_ips.push(allowed_ip(value)?),
        "protocol_version" if value == "1" => {}
        "protocol_version" => return Err("protocol version 1"),
        _ => {
            return Err("public_key, remove, update_only, preshared_key, endpoint, \
                        persistent_keepalive_interval, replace_allowed_ips, allowed_ip or \
                        protocol_version");
        }
    }
    Ok(())
}

fn secret(value: &str) -> Result<Zeroizing<[u8; 32]>, &'static str> {
    from_hex(value).ok_or("a key as 64 hexadecimal digits")
}

fn yes(value: &str) -> Result<bool, &'static str> {
    if value == "true" {
        Ok(true)
    } else {
        Err("true")
    }
}

/// Decimal digits alone: `parse` of the standard library would take a sign.
fn number<N: std::str::FromStr>(value: &str) -> Option<N> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    if digits { value.parse().ok() } else { None }
}

fn endpoint(value: &str) -> Result<SocketAddr, &'static str> {
    const ACCEPTED: &str = "ADDRESS:PORT or [ADDRESS]:PORT, port 1–65535";
    let endpoint: SocketAddr = value.parse().map_err(|_| ACCEPTED)?;
    if endpoint.port() == 0 {
        Err(ACCEPTED)
    } else {
        Ok(endpoint)
    }
}

fn allowed_ip(value: &str) -> Result<AllowedIpRequest, &'static str> {
    let (remove, value) = match value.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, value),
    };
    let net: IpNet = value.parse().map_err(|_| "ADDRESS/BITS")?;
    Ok(AllowedIpRequest {
        net: net.trunc(),
        remove,
    }) // WireGuard ignores the bits of the host
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33";

    fn set(lines: &str) -> Result<SetRequest, Refused> {
        match parse(format!("set=1\n{lines}\n").as_bytes())? {
            Request::Set(request) => Ok(request),
            Request::Get => panic!("set read as get"),
        }
    }

    #[test]
    fn every_key() {
        let request = set(&format!(
            "private_key={KEY}\nlisten_port=12912\nfwmark=4294967295\nreplace_peers=true\n\
             public_key={KEY}\npreshared_key={KEY}\nendpoint=[abcd:23::33%2]:51820\n\
             persistent_keepalive_interval=25\nreplace_allowed_ips=true\n\
             allowed_ip=192.168.4.4/24\nallowed_ip=-fd00::1/128\nprotocol_version=1\n\
             public_key={}\nupdate_only=true\nremove=true\n",
            KEY.to_uppercase()
        ))
        .unwrap();
        assert_eq!(
            request.private_key.unwrap().unwrap().bytes()[..2],
            [0xb8, 0x59]
        );
        assert_eq!(
            (request.listen_port, request.fwmark),
            (Some(12912), Some(u32::MAX))
        );
        assert!(request.replace_peers);
        let [first, second] = &request.peers[..] else {
            panic!("two peers")
        };
        assert_eq!(
            first.endpoint,
            Some("[abcd:23::33%2]:51820".parse().unwrap())
        );
        assert_eq!(first.keepalive, Some(25));
        assert_eq!(first.allowed_ips[0].net, "192.168.4.0/24".parse().unwrap());
        assert!(first.allowed_ips[1].remove && !first.allowed_ips[0].remove);
        assert!(second.remove && second.update_only && second.key == first.key);
        assert_eq!(parse(b"get=1\n\n"), Ok(Request::Get));
    }

    #[test]
    fn zeros_take_a_key_away() {
        let zero = "0".repeat(64);
        let request = set(&format!(
            "private_key={zero}\npublic_key={KEY}\npreshared_key={zero}\n"
        ));
        let request = request.unwrap();
        assert_eq!(request.private_key, Some(None));
        assert_eq!(request.peers[0].preshared_key, Some(None));
    }

    #[test]
    fn refused_with_the_line() {
        for device in [
            "listen_port=65536",
            "listen_port=+1",
            "listen_port=",
            "fwmark=0x10",
            "fwmark=-1",
            "fwmark=4294967296",
            "replace_peers=false",
            "private_key=00",
            "public_key=zz",
            "endpoint=1.2.3.4:5",
            "unknown=1",
            "no equals sign",
            "=",
            "set=1",
            "get=1",
        ] {
            let refused = set(&format!("{device}\n")).unwrap_err();
            assert_eq!(refused.line, 2, "{device}");
        }
        for peer in [
            "endpoint=1.2.3.4",
            "endpoint=host:1",
            "endpoint=1.2.3.4:0",
            "endpoint=fd00::1:5",
            "allowed_ip=10.0.0.0/33",
            "allowed_ip=10.0.0.0",
            "allowed_ip=--10.0.0.0/8",
            "persistent_keepalive_interval=off",
            "persistent_keepalive_interval=65536",
            "protocol_version=2",
            "remove=1",
            "update_only=",
            "listen_port=1",
            "private_key=",
            "preshared_key=0",
        ] {
            let refused = set(&format!("public_key={KEY}\n{peer}\n")).unwrap_err();
            assert_eq!(refused.line, 3, "{peer}");
        }
        for whole in ["", "\n", "get=2\n\n", "get=1\nx=1\n\n", "set=2\n\n", "\0"] {
            assert!(parse(whole.as_bytes()).is_err(), "{whole:?}");
        }
        assert!(parse(b"set=1\nfwmark=\xff\n\n").is_err());
    }

    #[test]
    fn finds_the_end_of_a_request() {
        assert_eq!(request_length(b"get=1\n\nset=1\n\n"), Some(7));
        assert_eq!(request_length(b"get=1\n"), None);
    }

    fn line() -> impl Strategy<Value = String> {
        let key = prop::sample::select(vec![
            "private_key",
            "listen_port",
            "fwmark",
            "replace_peers",
            "public_key",
            "remove",
            "update_only",
            "preshared_key",
            "endpoint",
            "persistent_keepalive_interval",
            "replace_allowed_ips",
            "allowed_ip",
            "protocol_version",
            "x",
            "",
        ]);
        let value = prop_oneof![
            Just(KEY.to_string()),
            Just("true".to_string()),
            Just("1".to_string()),
            Just("10.0.0.0/8".to_string()),
            Just("-::/0".to_string()),
            Just("1.2.3.4:5".to_string()),
            ".{0,20}",
            any::<u32>().prop_map(|n| n.to_string()),
        ];
        (key, value).prop_map(|(key, value)| format!("{key}={value}\n"))
    }

    proptest! {
        #[test]
        fn any_lines_parse_or_are_refused(lines in prop::collection::vec(line(), 0..12)) {
            let whole = lines.concat();
            match set(&whole) {
                Ok(request) => {
                    let peers = lines.iter().filter(|l| l.starts_with("public_key=")).count();
                    prop_assert_eq!(request.peers.len(), peers);
                }
                Err(refused) => prop_assert!(refused.line >= 2 && refused.line <= lines.len() + 1
                    || refused.line == 0),
            }
        }

        #[test]
        fn any_bytes_parse_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
