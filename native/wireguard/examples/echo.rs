//! A WireGuard interface without a TUN: configured by `wg`, it answers pings inside the tunnel.
//!
//! ```sh
//! cargo run -p labelway-wireguard --example echo -- lwecho0 &
//! wg set lwecho0 private-key KEYFILE listen-port 51820 peer … allowed-ips 10.0.0.1/32
//! wg show lwecho0
//! ```

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use labelway_wireguard::*;

const FOLDER: &str = "/var/run/wireguard";
const EADDRINUSE: Errno = 98;
const EOPNOTSUPP: Errno = 95;
/// Answers are padded up to this, bytes.
const MTU: usize = 1420;
/// How long a read waits at most: timers run that often.
const TICK: Duration = Duration::from_millis(200);

type Shared = Arc<RwLock<Arc<UdpSocket>>>;

fn main() -> std::io::Result<()> {
    let name = std::env::args().nth(1).expect("usage: echo INTERFACE");
    let device = Arc::new(Device::new(&name));
    let socket: Shared = Arc::new(RwLock::new(Arc::new(bind(0)?)));
    device.listening(socket.read().expect("lock").local_addr()?.port());

    std::fs::create_dir_all(FOLDER)?;
    let path = format!("{FOLDER}/{name}.sock");
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    let (served, sockets) = (device.clone(), socket.clone());
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let _ = serve(&served, &sockets, client);
        }
    });
    run(&device, &socket)
}

fn run(device: &Device, socket: &Shared) -> std::io::Result<()> {
    // Padding and tag of an answer reach beyond the datagram that it was asked by.
    let (mut datagram, mut out) = (vec![0; 65_535 + DATA_OVERHEAD], vec![0; 65_535]);
    let mut last_tick = Now::read();
    loop {
        let reading = socket.read().expect("lock").clone();
        let got = reading.recv_from(&mut datagram[..65_535]);
        // The peers first: those of a later request never go out by sockets from before it.
        let (now, peers) = (Now::read(), device.peers());
        let socket = socket.read().expect("lock").clone();
        if let Ok((len, from)) = got {
            let mut receiver = peers.receiver();
            let received = receiver.receive(now, canonical(from), &mut datagram[..len], &mut out);
            if let Received::Reply(reply) = &received {
                send(&socket, &out[..reply.len], reply.to);
            }
            while let Some(queued) = receiver.flush(now, &mut out) {
                send(&socket, &out[..queued.len], queued.to);
            }
            drop(receiver);
            match received {
                Received::Packet { peer, packet } => {
                    if answer(&mut datagram[packet.clone()]) {
                        send_packet(&socket, now, peer, &mut datagram, packet, &mut out);
                    }
                }
                Received::Dropped(reason) => eprintln!("dropped: {}", reason.name()),
                Received::Reply(_) | Received::Nothing => {}
            }
        }
        if now.monotonic.duration_since(last_tick.monotonic) >= TICK {
            last_tick = now;
            peers.update_timers(now, &mut out, |datagram, to| send(&socket, datagram, to));
        }
    }
}

fn send_packet(
    socket: &UdpSocket,
    now: Now,
    peer: &Peer,
    buffer: &mut [u8],
    packet: Range<usize>,
    out: &mut [u8],
) {
    if let Some(mut sealer) = peer.seal_run(now, 1) {
        if let Some(datagram) = sealer.seal(buffer, packet, MTU) {
            send(socket, &buffer[datagram], sealer.to());
        }
    } else if let Sent::Datagram(sent) = peer.wait(now, &buffer[packet], MTU, out) {
        send(socket, &out[..sent.len], sent.to);
    }
}

/// Turns an ICMP or ICMPv6 echo request into its reply. Swapping the addresses keeps the sums;
/// the type's change is made up for.
fn answer(packet: &mut [u8]) -> bool {
    let (kind, request, reply, addresses, size) = match packet.first().map(|byte| byte >> 4) {
        Some(4) if packet.len() >= 28 => (20, 8, 0, 12, 4),
        Some(6) if packet.len() >= 48 => (40, 128, 129, 8, 16),
        _ => return false,
    };
    let protocol = if size == 4 {
        packet[9] == 1
    } else {
        packet[6] == 58
    };
    if !protocol || packet[kind] != request {
        return false;
    }
    let (from, to) = packet[addresses..addresses + 2 * size].split_at_mut(size);
    from.swap_with_slice(to);
    packet[kind] = reply;
    // RFC 1624: HC' = ~(~HC + ~m + m')
    let sum = u16::from_be_bytes([packet[kind + 2], packet[kind + 3]]);
    let mut folded =
        u32::from(!sum) + u32::from(!(u16::from(request) << 8)) + (u32::from(reply) << 8);
    while folded > 0xffff {
        folded = (folded & 0xffff) + (folded >> 16);
    }
    packet[kind + 2..kind + 4].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    true
}

fn serve(device: &Device, sockets: &Shared, mut client: UnixStream) -> std::io::Result<()> {
    let (mut received, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        while let Some(len) = request_length(&received) {
            let answer = device.uapi(Now::read(), &received[..len], |change| {
                if change.fwmark.is_some() {
                    return Err(EOPNOTSUPP);
                }
                let moved = bind(change.listen_port.unwrap_or(0)).map_err(|_| EADDRINUSE)?;
                let port = moved.local_addr().map_err(|_| EADDRINUSE)?.port();
                *sockets.write().expect("lock") = Arc::new(moved);
                Ok(port)
            });
            client.write_all(answer.as_bytes())?;
            received.drain(..len);
        }
        let len = client.read(&mut chunk)?;
        if len == 0 || received.len() + len > MAX_REQUEST_BYTES {
            return Ok(());
        }
        received.extend_from_slice(&chunk[..len]);
    }
}

/// One socket for IPv4 and IPv6.
fn bind(port: u16) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port))?;
    socket.set_read_timeout(Some(TICK))?;
    Ok(socket)
}

fn send(socket: &UdpSocket, datagram: &[u8], to: SocketAddr) {
    let to = match to.ip() {
        IpAddr::V4(v4) => SocketAddr::new(v4.to_ipv6_mapped().into(), to.port()),
        IpAddr::V6(_) => to,
    };
    let _ = socket.send_to(datagram, to); // lost like any datagram
}

fn canonical(from: SocketAddr) -> SocketAddr {
    SocketAddr::new(from.ip().to_canonical(), from.port())
}
