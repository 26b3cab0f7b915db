//! Which message numbers of a session have been received (RFC 6479).

const BITS: u64 = 16_384;
const WORD: u64 = u64::BITS as u64;
const WORDS: usize = (BITS / WORD) as usize;

/// A number that is this far behind the greatest is refused. Linux has 8,128; packets that overtake
/// others by 100 ms at 1 Gbit/s need about 9,000.
pub(crate) const WINDOW: u64 = BITS - WORD;

/// A ring of bits, one word longer than the window: a word is cleared as a whole when the greatest
/// number enters it.
pub(crate) struct Window {
    /// The greatest number so far and one.
    next: u64,
    seen: [u64; WORDS],
}

impl Window {
    pub fn new() -> Self {
        Window {
            next: 0,
            seen: [0; WORDS],
        }
    }

    /// Notes a number, below `u64::MAX`, of a message that is authentic. False: it was received
    /// before, or is too old to tell.
    pub fn accept(&mut self, number: u64) -> bool {
        if number >= self.next {
            self.advance(number);
        } else if self.next - number > WINDOW {
            return false;
        }
        let word = &mut self.seen[(number / WORD) as usize % WORDS];
        let bit = 1 << (number % WORD);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Whether none greater has been received.
    pub fn is_newest(&self, number: u64) -> bool {
        number + 1 == self.next
    }

    fn advance(&mut self, greatest: u64) {
        // Of the word that `next` is in, the bits from it on are clear already, unless it starts there.
        let first = self.next.div_ceil(WORD);
        let entered = (greatest / WORD + 1)
            .saturating_sub(first)
            .min(WORDS as u64);
        for word in first..first + entered {
            self.seen[word as usize % WORDS] = 0;
        }
        self.next = greatest + 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Remembers everything.
    #[derive(Default)]
    struct All(BTreeSet<u64>);

    impl All {
        fn accept(&mut self, number: u64) -> bool {
            let oldest = self
                .0
                .last()
                .map_or(0, |last| (last + 1).saturating_sub(WINDOW));
            number >= oldest && self.0.insert(number)
        }
    }

    const _: () = assert!(WINDOW >= 8192);

    #[test]
    fn each_number_once_in_any_order_within_the_window() {
        let mut window = Window::new();
        assert!((0..WINDOW).rev().all(|number| window.accept(number)));
        assert!((0..WINDOW).all(|number| !window.accept(number)));
        assert!(window.accept(WINDOW) && !window.accept(0));
        let greatest = u64::MAX - (1 << 13) - 2;
        assert!(window.accept(greatest) && !window.accept(greatest));
        assert!(window.accept(greatest + 1 - WINDOW) && !window.accept(greatest - WINDOW));
    }

    /// Steps of every size that matters, forth and back, from some start.
    fn steps() -> impl Strategy<Value = Vec<i64>> {
        let step = prop_oneof![
            8 => -3i64..=4,
            4 => -200i64..=200,
            2 => (-2i64..=2).prop_map(|n| n * WORD as i64),
            2 => (-2i64..=2, -70i64..=70).prop_map(|(n, off)| n * WINDOW as i64 + off),
            1 => -40_000i64..=40_000,
        ];
        prop::collection::vec(step, 1..400)
    }

    proptest! {
        #[test]
        fn agrees_with_a_memory_of_everything(
            start in prop_oneof![Just(0u64), 0..100_000u64, Just(u64::MAX - 50_000_000)],
            steps in steps(),
        ) {
            let (mut window, mut all) = (Window::new(), All::default());
            let mut number = start;
            for step in steps {
                number = number.saturating_add_signed(step);
                prop_assert_eq!(window.accept(number), all.accept(number), "{}", number);
                prop_assert_eq!(window.is_newest(number), all.0.last() == Some(&number));
            }
        }

        #[test]
        fn a_shuffled_flow_loses_nothing_and_repeats_nothing(
            behind in prop::collection::vec(0..WINDOW / 2, 1..3000),
        ) {
            let mut order: Vec<_> = (0u64..).zip(&behind).map(|(n, by)| (n + by, n)).collect();
            order.sort();
            let mut window = Window::new();
            for (_, number) in &order {
                prop_assert!(window.accept(*number));
            }
            for (_, number) in &order {
                prop_assert!(!window.accept(*number));
            }
        }
    }
}
