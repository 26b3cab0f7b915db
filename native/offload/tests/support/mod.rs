//! Packets as the tests write and read them, sharing no code with the crate.
#![allow(dead_code, unused_imports)] // Each test file uses a part.

mod reference;
mod traffic;

pub use reference::*;
pub use traffic::*;

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const PSH: u8 = 8;
pub const ACK: u8 = 16;
pub const URG: u8 = 32;
pub const ECE: u8 = 64;
pub const CWR: u8 = 128;

/// A packet as somebody would describe it.
#[derive(Debug, Clone)]
pub struct Spec {
    pub v6: bool,
    pub host: u8,
    pub protocol: u8,
    pub port: u8,
    pub tos: u8,
    pub ttl: u8,
    pub label: u8,
    pub identification: u16,
    /// The three bits and the offset of IPv4.
    pub fragment: u16,
    /// IPv4 options, or one IPv6 destination options header.
    pub ip_options: Vec<u8>,
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: u8,
    /// The four bits beside the data offset.
    pub reserved: u8,
    pub window: u16,
    pub urgent: u16,
    pub tcp_options: Vec<u8>,
    pub payload: Vec<u8>,
}

impl Spec {
    pub fn new(v6: bool, protocol: u8, payload: Vec<u8>) -> Spec {
        Spec {
            v6,
            host: 5,
            protocol,
            port: 1,
            tos: 0,
            ttl: 64,
            label: 0,
            identification: 0xfffe,
            fragment: 0x4000,
            ip_options: Vec::new(),
            sequence: 0xffff_fff0,
            acknowledgment: 7,
            flags: ACK,
            reserved: 0,
            window: 501,
            urgent: 0,
            tcp_options: Vec::new(),
            payload,
        }
    }

    /// The packet with right lengths and checksums.
    pub fn encode(&self) -> Vec<u8> {
        let mut upper = vec![0x9c, self.port, 0x01, 0xbb];
        if self.protocol == TCP {
            upper.extend(self.sequence.to_be_bytes());
            upper.extend(self.acknowledgment.to_be_bytes());
            upper.push((((20 + self.tcp_options.len()) / 4) << 4) as u8 | self.reserved);
            upper.push(self.flags);
            upper.extend(self.window.to_be_bytes());
            upper.extend([0, 0]);
            upper.extend(self.urgent.to_be_bytes());
            upper.extend(&self.tcp_options);
        } else {
            upper.extend([0; 4]);
        }
        upper.extend(&self.payload);
        let mut packet = Vec::new();
        if self.v6 {
            packet.extend([0x60 | self.tos >> 4, self.tos << 4, 0, self.label, 0, 0]);
            let first = if self.ip_options.is_empty() {
                self.protocol
            } else {
                60
            };
            packet.extend([first, self.ttl]);
            packet.extend([0xfd; 15]);
            packet.push(self.host);
            packet.extend([0xfd; 15]);
            packet.push(200);
            if let Some((_, options)) = self.ip_options.split_first() {
                packet.push(self.protocol);
                packet.extend(options);
            }
        } else {
            packet.extend([0x45 + (self.ip_options.len() / 4) as u8, self.tos, 0, 0]);
            packet.extend(self.identification.to_be_bytes());
            packet.extend(self.fragment.to_be_bytes());
            packet.extend([self.ttl, self.protocol, 0, 0]);
            packet.extend([10, 1, 0, self.host, 10, 2, 0, 200]);
            packet.extend(&self.ip_options);
        }
        packet.extend(upper);
        complete(&mut packet);
        packet
    }
}

pub fn be16(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1])
}

/// Version 6, and where the upper layer begins; of the packets of this file only.
pub fn layout(packet: &[u8]) -> (bool, usize, u8) {
    if packet[0] >> 4 == 4 {
        return (false, usize::from(packet[0] & 15) * 4, packet[9]);
    }
    match packet[6] {
        60 => (true, 48 + 8 * usize::from(packet[41]), packet[40]),
        protocol => (true, 40, protocol),
    }
}

pub fn headers(packet: &[u8]) -> usize {
    let (_, upper, protocol) = layout(packet);
    match protocol {
        TCP => upper + usize::from(packet[upper + 12] >> 4) * 4,
        _ => upper + 8,
    }
}

/// RFC 1071, word by word.
pub fn slow_sum(bytes: &[u8]) -> u16 {
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Pseudo-header and upper layer as they are.
fn covered(packet: &[u8]) -> Vec<u8> {
    let (v6, upper, protocol) = layout(packet);
    let mut bytes = packet[if v6 { 8..40 } else { 12..20 }].to_vec();
    bytes.extend([0, protocol]);
    bytes.extend(((packet.len() - upper) as u16).to_be_bytes());
    bytes.extend(&packet[upper..]);
    bytes
}

/// Whether IPv4 header and transport checksum are right.
pub fn is_right(packet: &[u8]) -> bool {
    let (v6, upper, _) = layout(packet);
    (v6 || slow_sum(&packet[..upper]) == 0xffff) && slow_sum(&covered(packet)) == 0xffff
}

/// Writes all lengths and checksums.
pub fn complete(packet: &mut [u8]) {
    let (v6, upper, protocol) = layout(packet);
    let length = packet.len();
    if v6 {
        packet[4..6].copy_from_slice(&((length - 40) as u16).to_be_bytes());
    } else {
        packet[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        packet[10..12].fill(0);
        let sum = !slow_sum(&packet[..upper]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    let at = match protocol {
        TCP => upper + 16,
        UDP => upper + 6,
        _ => return,
    };
    if protocol == UDP {
        packet[upper + 4..upper + 6].copy_from_slice(&((length - upper) as u16).to_be_bytes());
    }
    packet[at..at + 2].fill(0);
    let mut sum = !slow_sum(&covered(packet));
    if protocol == UDP && sum == 0 {
        sum = 0xffff;
    }
    packet[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}
