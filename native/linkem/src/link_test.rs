use super::*;
use crate::shape::Impairment;

const MILLI: Nanos = 1_000_000;

/// A direction that delays by 5 ms, and the two ends of what it writes to.
fn delayed() -> (Direction, OwnedFd, OwnedFd) {
    let impairment = Impairment {
        delay_millis: 5.0,
        ..Impairment::default()
    };
    let null = std::fs::File::open("/dev/null").expect("/dev/null opens");
    let (reader, writer) = std::io::pipe().expect("a pipe can be made");
    let direction = Direction::new(null.into(), Shaper::new(impairment, 1));
    (direction, reader.into(), writer.into())
}

/// What has come out since it was last asked, at least a byte.
fn came_out(reader: &OwnedFd) -> Vec<u8> {
    let mut bytes = vec![0; 16];
    let length = rustix::io::read(reader, &mut bytes).expect("the pipe is open");
    bytes.truncate(length);
    bytes
}

#[test]
fn an_overtaker_leaves_at_once_and_before_those_that_wait() {
    let (mut direction, reader, writer) = delayed();
    direction.accept(b"a", 0, &writer);
    direction.accept(b"b", MILLI, &writer);
    direction.shaper.impairment.reorder_percent = 100.0;
    direction.accept(b"c", 2 * MILLI, &writer);
    assert_eq!(came_out(&reader), b"c");
    assert_eq!(direction.next_due(), Some(5 * MILLI));
    direction.release(6 * MILLI, &writer);
    assert_eq!(came_out(&reader), b"ab");
    assert_eq!(direction.shaper.counters.packets, 3);
}

#[test]
fn an_overtaker_that_waits_for_the_rate_stands_before_what_is_due_later() {
    let (mut direction, reader, writer) = delayed();
    direction.accept(b"a", 0, &writer);
    direction.shaper.impairment.reorder_percent = 100.0;
    // A byte takes 1 ms.
    direction.shaper.impairment.rate_mbit = Some(0.008);
    direction.accept(b"b", 0, &writer);
    direction.accept(b"c", 0, &writer);
    direction.release(MILLI, &writer);
    direction.release(2 * MILLI, &writer);
    assert_eq!(came_out(&reader), b"bc");
    direction.release(5 * MILLI, &writer);
    assert_eq!(came_out(&reader), b"a");
}

#[test]
fn what_is_due_but_not_yet_out_is_not_overtaken() {
    let (mut direction, reader, writer) = delayed();
    direction.accept(b"a", 0, &writer);
    direction.shaper.impairment.delay_millis = 0.0;
    direction.accept(b"b", 5 * MILLI, &writer);
    direction.release(5 * MILLI, &writer);
    assert_eq!(came_out(&reader), b"ab");
}
