//! Entry points for fuzzing: any bytes, no panic.

use std::net::SocketAddr;

use crate::{Device, Now, Received};

const KEY: &str = "08aa59c3a3b1b3c29a2e59f8b0ab4d1e9d63f2ac7b02ba4e7f6f5a1a3c4b5d6e";

/// A client of the userspace protocol sends `data`, then asks for the outcome. A refused request
/// leaves no trace.
pub fn uapi(data: &[u8]) {
    let device = Device::new("fuzz");
    let now = Now::read();
    let ask =
        |request: &[u8]| device.uapi(now, request, |change| Ok(change.listen_port.unwrap_or(1)));
    let answer = ask(data);
    assert!(answer.ends_with("\n\n") && answer.contains("errno="));
    let outcome = ask(b"get=1\n\n");
    assert!(outcome.ends_with("errno=0\n\n"));
    if !answer.ends_with("errno=0\n\n") {
        assert_eq!(*outcome, "errno=0\n\n");
    }
}

/// A device with one peer receives `data` as one datagram, then as one for the peer's session.
pub fn datagram(data: &[u8]) {
    let device = Device::new("fuzz");
    let now = Now::read();
    let request = format!(
        "set=1\nprivate_key={KEY}\npublic_key={}\nallowed_ip=0.0.0.0/0\n\n",
        KEY.replace('a', "b")
    );
    device.uapi(now, request.as_bytes(), |_| Ok(1));
    let peers = device.peers();
    let index = peers.by_index.keys().next().copied().unwrap_or_default() << 8;
    let from = SocketAddr::from(([192, 0, 2, 1], 51820));
    let mut out = [0; crate::MIN_OUTPUT];
    let mut receiver = peers.receiver();
    let mut known = data.to_vec();
    let mut receive = |datagram: &[u8]| {
        let received = receiver.receive(now, from, &mut datagram.to_vec(), &mut out);
        assert!(
            !matches!(received, Received::Packet { .. }),
            "decrypted without a session"
        );
        while receiver.flush(now, &mut out).is_some() {}
    };
    receive(data);
    if let Some(bytes) = known.get_mut(4..8) {
        bytes.copy_from_slice(&index.to_le_bytes());
        receive(&known);
    }
    if let Some(bytes) = known.get_mut(8..12) {
        bytes.copy_from_slice(&index.to_le_bytes());
        receive(&known);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_request(data in prop::collection::vec(any::<u8>(), 0..300)) {
            super::uapi(&data);
            super::uapi(&[b"set=1\n", &data[..], b"\n\n"].concat());
        }

        #[test]
        fn any_datagram(
            kind in 0..6u8,
            mut data in prop::collection::vec(any::<u8>(), 0..300),
            len in prop::sample::select(vec![0usize, 31, 32, 64, 92, 148, 299]),
        ) {
            super::datagram(&data);
            data.resize(len, 7);
            if let Some(head) = data.first_chunk_mut::<4>() {
                *head = [kind, 0, 0, 0];
            }
            super::datagram(&data);
        }
    }
}
