//! One BFD session over UDP, for tests against other implementations:
//!
//! ```text
//! peer LOCAL REMOTE TX_MILLIS RX_MILLIS MULT
//! ```
//!
//! Says what happens in a line of JSON each, and takes orders a line each: `settings TX RX MULT`,
//! `disable`, `enable`, `status`. Ends with its standard input.

use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use labelway_bfd::{Change, Diagnostic, Discriminator, PORT, SOURCE_PORTS, Session, Settings, TTL};
use nix::sys::socket::sockopt::Ipv4RecvTtl;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt};

type Failure = Box<dyn std::error::Error>;

enum Input {
    Packet {
        payload: Vec<u8>,
        ttl: u8,
        at: Instant,
    },
    Order(String),
}

struct Peer {
    session: Session,
    socket: UdpSocket,
    begin: Instant,
    last_received: Duration,
    random: RandomState,
    draws: u64,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [local, remote, timers @ ..] = arguments.as_slice() else {
        return Err("usage: peer LOCAL REMOTE TX_MILLIS RX_MILLIS MULT".into());
    };
    let (local, remote): (Ipv4Addr, Ipv4Addr) = (local.parse()?, remote.parse()?);
    let settings = parse_settings(timers)?;
    // Source ports of sessions are not 3784, which only receives.
    let receiver = UdpSocket::bind(SocketAddrV4::new(local, PORT))?;
    setsockopt(&receiver, Ipv4RecvTtl, &true)?;
    let sender = SOURCE_PORTS
        .map(|port| UdpSocket::bind(SocketAddrV4::new(local, port)))
        .find_map(Result::ok)
        .ok_or("no source port is free")?;
    sender.set_ttl(TTL.into())?;
    sender.connect(SocketAddrV4::new(remote, PORT))?;

    let (to_main, inputs) = channel();
    let packets = to_main.clone();
    thread::spawn(move || {
        while let Ok((from, payload, ttl)) = receive(&receiver) {
            let at = Instant::now();
            if from == remote && packets.send(Input::Packet { payload, ttl, at }).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if to_main.send(Input::Order(line)).is_err() {
                return;
            }
        }
        std::process::exit(0);
    });

    let random = RandomState::new();
    let discriminator = Discriminator::MIN | random.hash_one("discriminator") as u32;
    let mut peer = Peer {
        session: Session::new(discriminator, settings, Duration::ZERO),
        socket: sender,
        begin: Instant::now(),
        last_received: Duration::ZERO,
        random,
        draws: 0,
    };
    peer.run(&inputs)
}

impl Peer {
    fn run(&mut self, inputs: &Receiver<Input>) -> Result<(), Failure> {
        loop {
            let due = self.session.poll_timeout().unwrap_or(Duration::MAX);
            let wait = due.saturating_sub(self.begin.elapsed());
            match inputs.recv_timeout(wait.min(Duration::from_secs(60))) {
                Ok(input) => self.take_in(input)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            // What has arrived comes before what is due.
            while let Ok(input) = inputs.try_recv() {
                self.take_in(input)?;
            }
            self.handle_timeouts();
        }
    }

    fn take_in(&mut self, input: Input) -> Result<(), Failure> {
        match input {
            Input::Packet { payload, ttl, at } => {
                let now = at - self.begin;
                match self.session.receive(&payload, ttl, now) {
                    Ok(change) => {
                        self.last_received = now;
                        self.tell(change, now);
                    }
                    Err(reason) => println!(r#"{{"discarded":"{reason}"}}"#),
                }
            }
            Input::Order(line) => self.obey(&line)?,
        }
        Ok(())
    }

    fn handle_timeouts(&mut self) {
        loop {
            let now = self.begin.elapsed();
            if self.session.poll_timeout().is_none_or(|at| at > now) {
                return;
            }
            self.draws += 1;
            let random = self.random.hash_one(self.draws) as u32;
            let step = self.session.handle_timeout(now, random);
            self.tell(step.change, now);
            if let Some(packet) = step.packet {
                // A link that is down loses packets like any other.
                let _ = self.socket.send(&packet.encode());
            }
        }
    }

    fn obey(&mut self, line: &str) -> Result<(), Failure> {
        let now = self.begin.elapsed();
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["settings", ..] => self.session.configure(parse_settings(&words[1..])?),
            ["disable"] => {
                let change = self.session.disable(Diagnostic::ADMINISTRATIVELY_DOWN, now);
                self.tell(change, now);
            }
            ["enable"] => {
                let change = self.session.enable(now);
                self.tell(change, now);
            }
            ["status"] => self.tell_status(),
            _ => return Err(format!("no such order: {line}").into()),
        }
        Ok(())
    }

    fn tell(&self, change: Option<Change>, now: Duration) {
        let Some(change) = change else { return };
        println!(
            r#"{{"from":"{}","to":"{}","diagnostic":"{}","remoteState":"{}","remoteDiagnostic":"{}","silentMillis":{}}}"#,
            change.from,
            change.to,
            change.diagnostic,
            change.remote.state,
            change.remote.diagnostic,
            (now - self.last_received).as_secs_f64() * 1000.0,
        );
    }

    fn tell_status(&self) {
        let status = self.session.status();
        println!(
            r#"{{"status":"{}","discriminator":{},"remoteDiscriminator":{},"remoteState":"{}","remoteDiagnostic":"{}","transmitMillis":{},"detectionMillis":{},"polling":{},"downs":{},"sent":{},"received":{}}}"#,
            status.state,
            status.discriminator,
            status.remote_discriminator.map_or(0, Discriminator::get),
            status.remote.state,
            status.remote.diagnostic,
            status.transmit_micros.unwrap_or(0) / 1000,
            status.detection.as_millis(),
            status.polling,
            status.downs,
            status.sent,
            status.received,
        );
    }
}

fn parse_settings(words: &[String]) -> Result<Settings, Failure> {
    let [tx, rx, mult] = words else {
        return Err("settings are TX_MILLIS RX_MILLIS MULT".into());
    };
    let micros = |millis: &String| millis.parse::<u32>().map(|millis| millis * 1000);
    Settings::new(micros(tx)?, micros(rx)?, mult.parse()?).map_err(|errors| {
        let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
        lines.join("\n").into()
    })
}

/// Sender, payload, TTL.
fn receive(socket: &UdpSocket) -> nix::Result<(Ipv4Addr, Vec<u8>, u8)> {
    let mut payload = [0; 1500];
    let mut space = nix::cmsg_space!(i32);
    let mut buffers = [IoSliceMut::new(&mut payload)];
    let message = recvmsg::<SockaddrIn>(
        socket.as_raw_fd(),
        &mut buffers,
        Some(&mut space),
        MsgFlags::empty(),
    )?;
    let from = message
        .address
        .map_or(Ipv4Addr::UNSPECIFIED, |from| from.ip());
    let length = message.bytes;
    let ttl = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4Ttl(ttl) => u8::try_from(ttl).ok(),
        _ => None,
    });
    Ok((from, payload[..length].to_vec(), ttl.unwrap_or(0)))
}
