//! TCP MSS clamping: keeps TCP from sending what would be refused as too big, also where ICMP is
//! filtered (RFC 4459 §3.2).

use labelway_wire::{Customer, Tcp, protocol};

/// Fixed headers in front of TCP data: 20 bytes of TCP and 20 or 40 of IP (RFC 6691 §2: options do
/// not count).
const V4_HEADERS: usize = 40;
const V6_HEADERS: usize = 60;

/// Lowers the MSS of a SYN to what `mtu` carries; never raises it, and adds none.
pub(crate) fn clamp(customer: &Customer, packet: &mut [u8], mtu: usize) {
    if customer.protocol != protocol::TCP || customer.later_fragment {
        return;
    }
    let Some(segment) = packet.get_mut(customer.upper..customer.length) else {
        return;
    };
    let Ok(tcp) = Tcp::decode(segment) else {
        return;
    };
    if !tcp.is_syn() {
        return;
    }
    let Some(mss) = tcp.mss() else { return };
    let headers = if customer.is_v4() {
        V4_HEADERS
    } else {
        V6_HEADERS
    };
    let limit = u16::try_from(mtu.saturating_sub(headers)).unwrap_or(u16::MAX);
    if mss.value > limit {
        Tcp::set_mss(segment, mss, limit);
    }
}
