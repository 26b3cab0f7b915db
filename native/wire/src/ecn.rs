//! Explicit Congestion Notification (RFC 3168 §5) through tunnels (RFC 6040).

/// The two lower bits of the traffic class of either IP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Ecn {
    /// The transport does not understand ECN: congestion is told by dropping.
    #[default]
    NotEct = 0b00,
    /// ECN-capable; L4S where that is used (RFC 9331).
    Ect1 = 0b01,
    /// ECN-capable.
    Ect0 = 0b10,
    /// Congestion experienced.
    Ce = 0b11,
}

impl Ecn {
    /// Of a byte that holds DSCP and ECN.
    #[inline]
    pub const fn of(traffic_class: u8) -> Ecn {
        match traffic_class & 0b11 {
            0b00 => Ecn::NotEct,
            0b01 => Ecn::Ect1,
            0b10 => Ecn::Ect0,
            _ => Ecn::Ce,
        }
    }

    #[inline]
    pub const fn bits(self) -> u8 {
        self as u8
    }
}

/// What the outer header gets (RFC 6040 §4.1, normal mode): the same.
#[inline]
pub const fn encapsulate(inner: Ecn) -> Ecn {
    inner
}

/// What the packet gets that comes out of a tunnel (RFC 6040 §4.2, figure 4). None: drop it, as
/// congestion cannot be told otherwise to a transport that does not understand ECN.
///
/// ```text
///  inner \ outer   Not-ECT   ECT(0)    ECT(1)    CE
///  Not-ECT         Not-ECT   Not-ECT   Not-ECT   drop
///  ECT(0)          ECT(0)    ECT(0)    ECT(1)    CE
///  ECT(1)          ECT(1)    ECT(1)    ECT(1)    CE
///  CE              CE        CE        CE        CE
/// ```
#[inline]
pub const fn decapsulate(outer: Ecn, inner: Ecn) -> Option<Ecn> {
    match (inner, outer) {
        (Ecn::NotEct, Ecn::Ce) => None,
        (Ecn::NotEct, _) => Some(Ecn::NotEct),
        (Ecn::Ce, _) | (_, Ecn::Ce) => Some(Ecn::Ce),
        (Ecn::Ect1, _) | (Ecn::Ect0, Ecn::Ect1) => Some(Ecn::Ect1),
        (Ecn::Ect0, _) => Some(Ecn::Ect0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Ecn; 4] = [Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce];

    #[test]
    fn bits_are_those_of_rfc_3168() {
        assert_eq!(ALL.map(Ecn::bits), [0, 2, 1, 3]);
        for byte in 0..=255 {
            assert_eq!(Ecn::of(byte).bits(), byte & 3);
        }
    }

    /// RFC 6040 §4.2: figure 4, row by row as it is printed there.
    #[test]
    fn decapsulates_by_the_whole_table() {
        use Ecn::*;
        let table = [
            (NotEct, [Some(NotEct), Some(NotEct), Some(NotEct), None]),
            (Ect0, [Some(Ect0), Some(Ect0), Some(Ect1), Some(Ce)]),
            (Ect1, [Some(Ect1), Some(Ect1), Some(Ect1), Some(Ce)]),
            (Ce, [Some(Ce), Some(Ce), Some(Ce), Some(Ce)]),
        ];
        for (inner, row) in table {
            assert_eq!(ALL.map(|outer| decapsulate(outer, inner)), row, "{inner:?}");
        }
    }

    /// RFC 6040 §4.1, figure 3, normal mode; and nothing is lost by a tunnel without congestion.
    #[test]
    fn encapsulates_by_copying() {
        for inner in ALL {
            assert_eq!(encapsulate(inner), inner);
            assert_eq!(decapsulate(encapsulate(inner), inner), Some(inner));
        }
    }
}
