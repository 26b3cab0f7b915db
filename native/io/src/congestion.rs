//! What the underlay says of congestion.

use labelway_wire::{Ecn, Ipv4, ecn};

/// What the outer header says of congestion goes on in the inner one; false if it cannot be told
/// and the packet is to be dropped instead (RFC 6040 §4.2).
pub fn combine_ecn(outer: Ecn, packet: &mut [u8]) -> bool {
    let (Ecn::Ect0 | Ecn::Ect1 | Ecn::Ce, Ok(ip)) = (outer, Ipv4::decode(packet)) else {
        return true;
    };
    let before = ip.ecn();
    match ecn::decapsulate(outer, before) {
        None => return false,
        Some(combined) if combined != before => Ipv4::set_ecn(packet, combined),
        Some(_) => {}
    }
    true
}

#[cfg(test)]
mod tests {
    use labelway_wire::{Ipv4Header, protocol};

    use super::*;

    #[test]
    fn a_mark_goes_inside_or_drops_what_does_not_understand_it() {
        let packet = |ecn: Ecn| {
            let header = Ipv4Header {
                traffic_class: ecn.bits(),
                identification: 0,
                dont_fragment: true,
                ttl: 255,
                protocol: protocol::UDP,
                source: [100, 96, 0, 1].into(),
                destination: [100, 96, 0, 2].into(),
            };
            header.encode(0).unwrap()
        };
        for (outer, inner, after) in [
            (Ecn::NotEct, Ecn::Ect0, Some(Ecn::Ect0)),
            (Ecn::Ce, Ecn::Ect0, Some(Ecn::Ce)),
            (Ecn::Ce, Ecn::NotEct, None),
            (Ecn::Ect1, Ecn::NotEct, Some(Ecn::NotEct)),
        ] {
            let mut bytes = packet(inner);
            assert_eq!(combine_ecn(outer, &mut bytes), after.is_some());
            if let Some(after) = after {
                assert_eq!(bytes, packet(after), "its checksum too");
            }
        }
        assert!(
            combine_ecn(Ecn::Ce, &mut [0x60; 40]),
            "no IPv4: the switch refuses it"
        );
    }
}
