//! Whole messages against bytes that were computed from the paper with other implementations:
//! Python's hashlib (BLAKE2s, HMAC) and OpenSSL (X25519, ChaCha20-Poly1305).

use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::cookie::{Checker, Stamper, Verdict};
use crate::handshake::{Initiator, Responder};
use crate::key::{PublicKey, SecretKey};
use crate::message::*;
use crate::session::Session;
use crate::{HEADER, TAG};

const INITIATION_BYTES: &str = "01000000040302017b0d47d93427f8311160781c7c733fd89f88970aef490d8aa0ee\
    19a4cb8a1b1481e498317da959fba46669572516a5e6c021bfa620bb6c56ca0082e1feae14988c2c64d024c617734a26\
    3f76a008df0490f849aeefb1a9c5e9cb635e5a525890c896efac1733b6cd752953f631e44dd792829d36da9f51cd6620\
    cdf300000000000000000000000000000000";
/// MAC2 of that initiation by the cookie below.
const MAC2: &str = "84ac9aba5c7104fccd28740ce37030db";
const RESPONSE_BYTES: &str = "020000000d0c0b0a04030201ff2ee45601ec1b67310c7790404585ae697331eee1c1f8\
    cf2419731c1fff3e6bee74d4d1a0e1903c9b01bad59888884e5c163b9ab7706dc3acc615b013b3da0c00000000000000\
    000000000000000000";
/// Answers that initiation by the cookie [0x66; 16], with the nonce [0x77; 24].
const COOKIE_BYTES: &str = "030000000403020177777777777777777777777777777777777777777777777747\
    1a164fe380c2686ed63ee1ec18da2edac1e9b7ea0fd9753c70733a7085b61a";
/// Message 0x102 of the session, from its initiator: bytes 0 to 31.
const DATA_BYTES: &str = "040000000d0c0b0a0201000000000000eb1ad33afaedc5ec113e05c789725cefb1d8be72\
    e7fe363f7572529ebb6e6e5a5890e5ae6aa753e84606c4de9871f9a5";

/// Our indices, the initiator's and the responder's.
const LOCAL: u32 = 0x0102_0304;
const REMOTE: u32 = 0x0a0b_0c0d;

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| char::from(hex.as_bytes()[at]).to_digit(16).unwrap() as u8;
    (0..hex.len() / 2)
        .map(|at| digit(2 * at) << 4 | digit(2 * at + 1))
        .collect()
}

fn secret(n: u8) -> SecretKey {
    SecretKey::unless_zero(Zeroizing::new([n; 32])).unwrap()
}

#[test]
fn a_handshake_and_its_first_data() {
    let (ours, theirs) = (secret(0x11), secret(0x22));
    let psk = secret(0x55);
    let now = Instant::now();
    let timestamp = std::array::from_fn(|at| at as u8);

    let mut initiation = vec![0; INITIATION_LEN];
    put_words(&mut initiation, [INITIATION, LOCAL]);
    let ephemeral = Zeroizing::new([0x33; 32]);
    let mut initiator = Initiator::new(
        &ours,
        &theirs.public(),
        ephemeral,
        &timestamp,
        &mut initiation,
    )
    .unwrap();
    let mut stamper = Stamper::default();
    stamper.stamp(now, &theirs.public(), &mut initiation);
    assert_eq!(initiation, bytes(INITIATION_BYTES));

    let ephemeral = Zeroizing::new([0x44; 32]);
    let responder = Responder::read(&theirs, ephemeral, &initiation).unwrap();
    assert_eq!(
        (responder.peer, responder.timestamp),
        (ours.public(), timestamp)
    );
    let mut response = vec![0; RESPONSE_LEN];
    put_words(&mut response, [RESPONSE, REMOTE, LOCAL]);
    let responders = responder.respond(Some(&psk), &mut response).unwrap();
    Stamper::default().stamp(now, &ours.public(), &mut response);
    assert_eq!(response, bytes(RESPONSE_BYTES));

    // Anything else leaves the initiator able to take the right response.
    let mut other = response.clone();
    other[RESPONSE_NOISE.end - 1] ^= 1;
    assert!(initiator.finish(Some(&psk), &other).is_err());
    other[RESPONSE_NOISE].fill(9);
    assert!(initiator.finish(Some(&psk), &other).is_err());
    assert!(initiator.finish(None, &response).is_err());
    let initiators = initiator.finish(Some(&psk), &response).unwrap();

    let sender = Session::new(&initiators, LOCAL, REMOTE, true, now);
    let receiver = Session::new(&responders, REMOTE, LOCAL, false, now);
    let plain: Vec<u8> = (0..32).collect();
    let mut datagram = [&[0; HEADER], &plain[..], &[0; TAG]].concat();
    sender.seal(0x102, &mut datagram);
    assert_eq!(datagram, bytes(DATA_BYTES));
    assert!(receiver.open(0x102, &mut datagram));
    assert_eq!(datagram[HEADER..][..plain.len()], plain);
    assert!(!receiver.open(0x103, &mut bytes(DATA_BYTES)));
    assert!(!sender.open(0x102, &mut bytes(DATA_BYTES)));
}

#[test]
fn a_cookie_and_the_mac_that_is_made_of_it() {
    let (now, key) = (Instant::now(), secret(0x22).public());
    let mut message = bytes(INITIATION_BYTES);
    let mut stamper = Stamper::default();
    assert!(
        !stamper.take_cookie(now, &key, &bytes(COOKIE_BYTES)),
        "nothing was asked"
    );
    stamper.stamp(now, &key, &mut message);
    assert_eq!(message, bytes(INITIATION_BYTES));
    for at in [8, 40, 63] {
        let mut altered = bytes(COOKIE_BYTES);
        altered[at] ^= 1;
        assert!(!stamper.take_cookie(now, &key, &altered));
    }
    assert!(stamper.take_cookie(now, &key, &bytes(COOKIE_BYTES)));
    stamper.stamp(now, &key, &mut message);
    assert_eq!(message[132..], bytes(MAC2));
    // It is no longer valid for sure after 115 s.
    stamper.stamp(now + Duration::from_secs(115), &key, &mut message);
    assert_eq!(message[132..], [0; 16]);
}

#[test]
fn macs_are_checked() {
    let (now, from) = (Instant::now(), "192.0.2.1:51820".parse().unwrap());
    let checker = Checker::new(&secret(0x22).public());
    let mut out = [0; COOKIE_LEN];
    let mut check = |message: &[u8]| checker.check(now, from, message, &mut out);
    let (initiation, response) = (bytes(INITIATION_BYTES), bytes(RESPONSE_BYTES));
    assert_eq!(check(&initiation), Verdict::Answer);
    assert_eq!(
        check(&response),
        Verdict::WrongMac,
        "made for the other side's key"
    );
    for at in 0..132 {
        let mut altered = initiation.clone();
        altered[at] ^= 0x10;
        assert_eq!(check(&altered), Verdict::WrongMac, "{at}");
    }
}

#[test]
fn keys_of_low_order_are_refused() {
    let mut one = [0; 32];
    one[0] = 1;
    for low in [[0; 32], one] {
        let peer = PublicKey::from_bytes(low);
        let ephemeral = Zeroizing::new([0x33; 32]);
        let mut out = [0; INITIATION_LEN];
        assert!(Initiator::new(&secret(0x11), &peer, ephemeral, &[1; 12], &mut out).is_err());
    }
}
