//! WireGuard's handshake (paper §5.4): Noise by snow, the rest of its primitives, keys.

use std::sync::LazyLock;

use snow::params::{CipherChoice, DHChoice, HashChoice, NoiseParams};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, Error, HandshakeState};
use x25519_dalek::{PublicKey as Point, StaticSecret};
use zeroize::Zeroizing;

use crate::key::{PublicKey, SecretKey};
use crate::message::{INITIATION_NOISE, RESPONSE_NOISE};

static PROTOCOL: LazyLock<NoiseParams> = LazyLock::new(|| {
    let name = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
    name.parse()
        .expect("a pattern and primitives that snow has")
});
const PROLOGUE: &[u8] = b"WireGuard v1 zx2c4 Jason@zx2c4.com";
/// Where `psk2` has its key.
const PSK: usize = 2;
const NO_PSK: [u8; 32] = [0; 32];

/// TAI64N: the greater one is the later one (WireGuard paper §5.1).
pub(crate) type Timestamp = [u8; 12];

/// A private key that is used for one handshake. Random.
pub(crate) type Ephemeral = Zeroizing<[u8; 32]>;

/// The transport keys as one side uses them.
pub(crate) struct Keys {
    pub sending: Zeroizing<[u8; 32]>,
    pub receiving: Zeroizing<[u8; 32]>,
}

/// Waits for the response. Boxed, for it is large, and seldom there.
pub(crate) struct Initiator(Box<HandshakeState>);

impl Initiator {
    /// Writes Noise's part of an initiation. An error is about the peer's key: a point of low
    /// order.
    pub fn new(
        own: &SecretKey,
        peer: &PublicKey,
        ephemeral: Ephemeral,
        timestamp: &Timestamp,
        message: &mut [u8],
    ) -> Result<Self, Error> {
        let noise = builder(own, ephemeral)?.remote_public_key(peer.as_bytes())?;
        let mut noise = Box::new(noise.build_initiator()?);
        noise.write_message(timestamp, &mut message[INITIATION_NOISE])?;
        Ok(Initiator(noise))
    }

    /// After an error the right response may still come.
    pub fn finish(&mut self, psk: Option<&SecretKey>, response: &[u8]) -> Result<Keys, Error> {
        let noise = &mut self.0;
        let message = response.get(RESPONSE_NOISE).ok_or(Error::Input)?;
        noise.set_psk(PSK, bytes(psk))?;
        let read = noise.read_message(message, &mut []);
        noise.set_psk(PSK, &NO_PSK)?;
        read?;
        let (sending, receiving) = split(noise);
        Ok(Keys { sending, receiving })
    }
}

/// An initiation that is authentic, to be responded to if its key is a peer's.
pub(crate) struct Responder {
    noise: Box<HandshakeState>,
    pub peer: PublicKey,
    pub timestamp: Timestamp,
}

impl Responder {
    pub fn read(own: &SecretKey, ephemeral: Ephemeral, initiation: &[u8]) -> Result<Self, Error> {
        let message = initiation.get(INITIATION_NOISE).ok_or(Error::Input)?;
        let mut noise = Box::new(builder(own, ephemeral)?.build_responder()?);
        let mut timestamp = Timestamp::default();
        noise.read_message(message, &mut timestamp)?;
        let peer = noise
            .get_remote_static()
            .and_then(|key| key.try_into().ok());
        Ok(Responder {
            peer: PublicKey::from_bytes(peer.ok_or(Error::Input)?),
            timestamp,
            noise,
        })
    }

    /// Writes Noise's part of a response.
    pub fn respond(mut self, psk: Option<&SecretKey>, message: &mut [u8]) -> Result<Keys, Error> {
        let noise = &mut self.noise;
        noise.set_psk(PSK, bytes(psk))?;
        let written = noise.write_message(&[], &mut message[RESPONSE_NOISE]);
        noise.set_psk(PSK, &NO_PSK)?;
        written?;
        let (receiving, sending) = split(noise);
        Ok(Keys { sending, receiving })
    }
}

fn builder(own: &SecretKey, ephemeral: Ephemeral) -> Result<Builder<'_>, Error> {
    Builder::with_resolver(PROTOCOL.clone(), Box::new(Primitives { ephemeral }))
        .local_private_key(own.bytes())?
        .prologue(PROLOGUE)
}

/// No preshared key is one of zeros (WireGuard paper §5.4).
fn bytes(psk: Option<&SecretKey>) -> &[u8] {
    psk.map_or(&NO_PSK, |key| key.bytes())
}

/// The initiator's sending key, and the responder's.
fn split(noise: &mut HandshakeState) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
    let (initiator, responder) = noise.dangerously_get_raw_split();
    (Zeroizing::new(initiator), Zeroizing::new(responder))
}

/// What snow is to compute with.
struct Primitives {
    ephemeral: Ephemeral,
}

impl CryptoResolver for Primitives {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Once(Some(self.ephemeral.clone()))))
    }

    fn resolve_dh(&self, _: &DHChoice) -> Option<Box<dyn Dh>> {
        Some(Box::new(X25519::default()))
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

/// Gives the ephemeral key, and never again.
struct Once(Option<Ephemeral>);

impl Random for Once {
    fn try_fill_bytes(&mut self, place: &mut [u8]) -> Result<(), Error> {
        let key = self.0.take().filter(|key| key.len() == place.len());
        place.copy_from_slice(&*key.ok_or(Error::Rng)?);
        Ok(())
    }
}

/// Wipes its private key.
#[derive(Default)]
struct X25519 {
    private: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        self.public.len()
    }

    fn priv_len(&self) -> usize {
        self.private.len()
    }

    fn set(&mut self, private: &[u8]) {
        self.private.copy_from_slice(private);
        self.public = Point::from(&StaticSecret::from(*self.private)).to_bytes();
    }

    fn generate(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let mut private = Zeroizing::new([0; 32]);
        random.try_fill_bytes(&mut *private)?;
        self.set(&*private);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &*self.private
    }

    /// `public` may be longer: snow has room for other curves.
    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let point = Point::from(*public.first_chunk::<32>().ok_or(Error::Dh)?);
        let shared = StaticSecret::from(*self.private).diffie_hellman(&point);
        if !shared.was_contributory() {
            return Err(Error::Dh);
        }
        out[..32].copy_from_slice(shared.as_bytes());
        Ok(())
    }
}
