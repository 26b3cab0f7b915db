//! Timers over minutes, on a clock that the test moves.
