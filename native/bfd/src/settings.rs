//! What is configured of a session.

use std::fmt;
use std::num::NonZeroU8;

/// Shortest interval: 10 ms × 3 finds a dead way within 30 ms, at 100 packets a second each way.
const LEAST_INTERVAL_MICROS: u32 = 10_000;

/// Longest interval. Beyond a minute a session would tell nothing that WireGuard does not.
const MOST_INTERVAL_MICROS: u32 = 60_000_000;

/// Checked by [`Settings::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    desired_min_tx_micros: u32,
    required_min_rx_micros: u32,
    detect_mult: NonZeroU8,
}

/// 50 ms × 3.
impl Default for Settings {
    fn default() -> Self {
        Self {
            desired_min_tx_micros: 50_000,
            required_min_rx_micros: 50_000,
            detect_mult: NonZeroU8::MIN.saturating_add(2),
        }
    }
}

impl Settings {
    /// # Errors
    /// One for each setting that is out of range.
    pub fn new(
        desired_min_tx_micros: u32,
        required_min_rx_micros: u32,
        detect_mult: u8,
    ) -> Result<Self, Vec<SettingError>> {
        let interval = LEAST_INTERVAL_MICROS..=MOST_INTERVAL_MICROS;
        let multiplier = NonZeroU8::new(detect_mult);
        let errors: Vec<_> = [
            (
                Setting::DesiredMinTx,
                desired_min_tx_micros,
                interval.contains(&desired_min_tx_micros),
            ),
            (
                Setting::RequiredMinRx,
                required_min_rx_micros,
                interval.contains(&required_min_rx_micros),
            ),
            (
                Setting::DetectMult,
                detect_mult.into(),
                multiplier.is_some(),
            ),
        ]
        .into_iter()
        .filter(|(.., accepted)| !accepted)
        .map(|(setting, given, _)| SettingError { setting, given })
        .collect();
        match multiplier {
            Some(detect_mult) if errors.is_empty() => Ok(Self {
                desired_min_tx_micros,
                required_min_rx_micros,
                detect_mult,
            }),
            _ => Err(errors),
        }
    }

    /// Wanted between packets that we send, while Up.
    pub fn desired_min_tx_micros(&self) -> u32 {
        self.desired_min_tx_micros
    }

    /// Least between packets that we are ready to receive.
    pub fn required_min_rx_micros(&self) -> u32 {
        self.required_min_rx_micros
    }

    /// Packets missing in a row after which the neighbour is to give us up.
    pub fn detect_mult(&self) -> NonZeroU8 {
        self.detect_mult
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    DesiredMinTx,
    RequiredMinRx,
    DetectMult,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingError {
    pub setting: Setting,
    /// In microseconds for an interval.
    pub given: u32,
}

impl fmt::Display for SettingError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = self.given;
        let interval = match self.setting {
            Setting::DesiredMinTx => "transmit interval",
            Setting::RequiredMinRx => "receive interval",
            Setting::DetectMult => {
                return write!(
                    out,
                    "Cannot use detect multiplier {given}: 1–255 is accepted"
                );
            }
        };
        write!(
            out,
            "Cannot use {interval} {given} µs: {LEAST_INTERVAL_MICROS}–{MOST_INTERVAL_MICROS} µs is accepted"
        )
    }
}

impl std::error::Error for SettingError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_told_at_once() {
        let errors = Settings::new(9_999, 60_000_001, 0).unwrap_err();
        let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "Cannot use transmit interval 9999 µs: 10000–60000000 µs is accepted",
                "Cannot use receive interval 60000001 µs: 10000–60000000 µs is accepted",
                "Cannot use detect multiplier 0: 1–255 is accepted",
            ]
        );
        let settings = Settings::new(50_000, 50_000, 3);
        assert_eq!(settings, Ok(Settings::default()));
        assert!(Settings::new(10_000, 60_000_000, 255).is_ok());
    }
}
