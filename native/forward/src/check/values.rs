//! Checks of single values, and the words in which they fail.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;

use ipnet::IpNet;
use labelway_wire::Label;

use super::Check;
use crate::MAX_PUSHED_LABELS;

/// IFNAMSIZ less the zero at its end.
const MAX_DEVICE_NAME: usize = 15;

impl Check<'_> {
    pub(super) fn error(&mut self, at: impl Display, what: impl Display) {
        self.errors.push(format!("{at}: {what}"));
    }

    pub(super) fn unique<K: Eq + Hash + Display>(
        &mut self,
        at: &str,
        field: &str,
        values: impl Iterator<Item = K>,
    ) {
        let mut seen: HashMap<K, usize> = HashMap::new();
        let mut errors = Vec::new();
        for (index, value) in values.enumerate() {
            match seen.get(&value) {
                Some(first) => errors.push(format!(
                    "{at}[{index}].{field}: {value} is that of {at}[{first}] already; accepted is each once"
                )),
                None => {
                    seen.insert(value, index);
                }
            }
        }
        self.errors.append(&mut errors);
    }

    pub(super) fn key(&mut self, at: &str, key: &str) {
        if key.is_empty() {
            self.error(format!("{at}.key"), "is empty");
        }
    }

    pub(super) fn index(&mut self, at: impl Display, index: u32, count: usize) {
        if index as usize >= count {
            let accepted = match count {
                0 => "there are none".to_owned(),
                _ => format!("accepted is 0–{}", count - 1),
            };
            self.error(at, format!("{index} is out of range; {accepted}"));
        }
    }

    pub(super) fn range(&mut self, at: impl Display, value: u32, low: u32, high: u32) {
        if !(low..=high).contains(&value) {
            self.error(at, format!("{value} is not within {low}–{high}"));
        }
    }

    pub(super) fn device_name(&mut self, at: impl Display, name: &str) {
        let is_bad = |byte: u8| byte == b'/' || byte == b':' || !byte.is_ascii_graphic();
        let length = name.len();
        if !(1..=MAX_DEVICE_NAME).contains(&length)
            || name.bytes().any(is_bad)
            || name.starts_with('.')
        {
            let accepted =
                format!("accepted are 1–{MAX_DEVICE_NAME} printable bytes without / and :");
            self.error(at, format!("{name:?} is no device name; {accepted}"));
        }
    }

    pub(super) fn host(&mut self, at: impl Display, address: std::net::Ipv4Addr) {
        if !crate::icmp_error::is_one_host(address.into()) {
            self.error(at, format!("{address} is not the address of one host"));
        }
    }

    pub(super) fn prefix(&mut self, at: impl Display, prefix: IpNet) {
        if prefix.trunc() != prefix {
            let accepted = prefix.trunc();
            self.error(
                at,
                format!("{prefix} has bits behind its length; accepted is {accepted}"),
            );
        }
    }

    pub(super) fn ordinary_label(&mut self, at: impl Display, label: u32) {
        self.range(at, label, Label::FIRST_ORDINARY, Label::MAX);
    }

    /// Labels that are pushed: ordinary ones and explicit nulls (RFC 4182).
    pub(super) fn stack(&mut self, at: &str, labels: &[u32]) {
        if labels.len() > MAX_PUSHED_LABELS {
            let count = labels.len();
            self.error(
                at,
                format!("has {count} labels; accepted are up to {MAX_PUSHED_LABELS}"),
            );
        }
        for (index, label) in labels.iter().enumerate() {
            if *label != 0 && *label != 2 {
                self.ordinary_label(format_args!("{at}[{index}]"), *label);
            }
        }
    }
}

/// Two things that are unique only together.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Pair(pub(super) String, pub(super) String);

impl Display for Pair {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} on {}", self.1, self.0)
    }
}
