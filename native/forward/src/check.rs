//! Whether a table can be forwarded by. Everything wrong with it is told at once.

mod values;

use base64::Engine as _;
use labelway_boundary::{LabelAction, LabelEntry, Match, Segment, Steering, Table, Verdict};
use values::Pair;

use crate::ENCAPSULATION_BYTES;

const KEY_BYTES: usize = 32;
const GENERATION_DIGITS: usize = 16;
/// Every IPv4 host takes as much (RFC 1122 §3.3.2); less leaves no room for errors either.
const MIN_PACKET: u32 = 576;
const MAX_INNER: u32 = 65_535 - ENCAPSULATION_BYTES as u32;
const MAX_DSCP: u8 = 63;
const MAX_UPLINK: u32 = 7;

pub(crate) fn table(table: &Table) -> Result<(), Vec<String>> {
    let mut check = Check {
        table,
        errors: Vec::new(),
    };
    check.site();
    check.uplinks();
    check.adjacencies();
    check.segments();
    check.labels();
    check.paths();
    check.lists();
    if check.errors.is_empty() {
        Ok(())
    } else {
        Err(check.errors)
    }
}

/// The table, and what is wrong with it so far.
struct Check<'a> {
    table: &'a Table,
    errors: Vec<String>,
}

impl<'a> Check<'a> {
    fn site(&mut self) {
        let generation = &self.table.generation;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if generation.len() != GENERATION_DIGITS || !generation.bytes().all(is_digit) {
            self.error(
                "generation",
                format!("{generation:?} is not {GENERATION_DIGITS} lower-case hexadecimal digits"),
            );
        }
        let probe = self.table.probe;
        let counts = [
            ("interval_millis", probe.interval_millis),
            ("down_after", probe.down_after),
            ("up_after", probe.up_after),
        ];
        for (field, value) in counts {
            if value == 0 {
                self.error(format!("probe.{field}"), "is 0; accepted is 1 or more");
            }
        }
    }

    fn uplinks(&mut self) {
        let uplinks = &self.table.uplinks;
        self.unique("uplinks", "key", uplinks.iter().map(|uplink| &uplink.key));
        self.unique(
            "uplinks",
            "interface",
            uplinks.iter().map(|uplink| &uplink.interface),
        );
        self.unique(
            "uplinks",
            "tunnel_address",
            uplinks.iter().map(|uplink| uplink.tunnel_address),
        );
        for (index, uplink) in uplinks.iter().enumerate() {
            let at = format!("uplinks[{index}]");
            self.key(&at, &uplink.key);
            self.device_name(format_args!("{at}.interface"), &uplink.interface);
            self.device_name(format_args!("{at}.device"), &uplink.device);
            self.host(format_args!("{at}.tunnel_address"), uplink.tunnel_address);
        }
    }

    fn adjacencies(&mut self) {
        let adjacencies = &self.table.adjacencies;
        self.unique(
            "adjacencies",
            "key",
            adjacencies.iter().map(|adjacency| &adjacency.key),
        );
        let keys = adjacencies.iter().map(|adjacency| {
            Pair(
                format!("uplink {}", adjacency.uplink),
                adjacency.remote_key.clone(),
            )
        });
        self.unique("adjacencies", "remote_key", keys);
        let addresses = adjacencies.iter().map(|adjacency| {
            Pair(
                format!("uplink {}", adjacency.uplink),
                adjacency.remote_address.to_string(),
            )
        });
        self.unique("adjacencies", "remote_address", addresses);
        for (index, adjacency) in adjacencies.iter().enumerate() {
            let at = format!("adjacencies[{index}]");
            self.key(&at, &adjacency.key);
            self.index(
                format_args!("{at}.uplink"),
                adjacency.uplink,
                self.table.uplinks.len(),
            );
            let decoded = base64::engine::general_purpose::STANDARD.decode(&adjacency.remote_key);
            if decoded.map_or(0, |key| key.len()) != KEY_BYTES {
                self.error(
                    format!("{at}.remote_key"),
                    format!("is not {KEY_BYTES} bytes in base64, as `wg pubkey` writes them"),
                );
            }
            self.host(
                format_args!("{at}.remote_address"),
                adjacency.remote_address,
            );
            self.range(
                format_args!("{at}.remote_uplink"),
                adjacency.remote_uplink,
                0,
                MAX_UPLINK,
            );
            self.range(
                format_args!("{at}.mtu"),
                adjacency.mtu,
                MIN_PACKET,
                MAX_INNER,
            );
        }
    }

    fn segments(&mut self) {
        let segments = &self.table.segments;
        self.unique(
            "segments",
            "name",
            segments.iter().map(|segment| &segment.name),
        );
        self.unique(
            "segments",
            "number",
            segments.iter().map(|segment| segment.number),
        );
        self.unique(
            "segments",
            "tun",
            segments.iter().map(|segment| &segment.tun),
        );
        let labels = segments.iter().map(|segment| segment.service_label);
        self.unique("segments", "service_label", labels);
        for (index, segment) in segments.iter().enumerate() {
            self.segment(&format!("segments[{index}]"), segment);
        }
    }

    fn segment(&mut self, at: &str, segment: &'a Segment) {
        self.device_name(format_args!("{at}.tun"), &segment.tun);
        self.ordinary_label(format_args!("{at}.service_label"), segment.service_label);
        self.range(format_args!("{at}.mtu"), segment.mtu, MIN_PACKET, 65_535);
        let routes = segment.routes.iter().map(|route| route.prefix);
        self.unique(&format!("{at}.local"), "prefix", segment.local.iter());
        self.unique(&format!("{at}.routes"), "prefix", routes);
        for (index, prefix) in segment.local.iter().enumerate() {
            self.prefix(format_args!("{at}.local[{index}]"), *prefix);
        }
        for (index, route) in segment.routes.iter().enumerate() {
            self.prefix(format_args!("{at}.routes[{index}].prefix"), route.prefix);
            let count = segment.steerings.len();
            self.index(
                format_args!("{at}.routes[{index}].steering"),
                route.steering,
                count,
            );
        }
        for (index, steering) in segment.steerings.iter().enumerate() {
            self.steering(&format!("{at}.steerings[{index}]"), steering);
        }
    }

    fn steering(&mut self, at: &str, steering: &Steering) {
        for (index, rule) in steering.rules.iter().enumerate() {
            let at = format!("{at}.rules[{index}]");
            self.matches(&format!("{at}.matches"), &rule.matches);
            self.verdict(&format!("{at}.verdict"), &rule.verdict);
        }
        self.verdict(&format!("{at}.fallback"), &steering.fallback);
    }

    fn matches(&mut self, at: &str, matches: &Match) {
        let prefixes = [
            ("source", matches.source),
            ("destination", matches.destination),
        ];
        for (field, prefix) in prefixes {
            if let Some(prefix) = prefix {
                self.prefix(format_args!("{at}.{field}"), prefix);
            }
        }
        if let (Some(source), Some(destination)) = (matches.source, matches.destination)
            && source.addr().is_ipv4() != destination.addr().is_ipv4()
        {
            self.error(
                at,
                "source and destination are of different IP versions, and match nothing",
            );
        }
        if let Some(dscp) = matches.dscp
            && dscp > MAX_DSCP
        {
            self.error(
                format!("{at}.dscp"),
                format!("{dscp} is not within 0–{MAX_DSCP}"),
            );
        }
        let ports = [
            ("source_ports", &matches.source_ports),
            ("destination_ports", &matches.destination_ports),
        ];
        for (field, ranges) in ports {
            for (index, (low, high)) in ranges.iter().enumerate() {
                if low > high {
                    let text = format!("{low}–{high} is empty; accepted is low to high, inclusive");
                    self.error(format!("{at}.{field}[{index}]"), text);
                }
            }
        }
    }

    fn verdict(&mut self, at: &str, verdict: &Verdict) {
        let Verdict::Paths { order, equal, keep } = verdict else {
            return;
        };
        for (field, paths) in [("order", order), ("keep", keep)] {
            for (index, path) in paths.iter().enumerate() {
                self.index(
                    format_args!("{at}.paths.{field}[{index}]"),
                    *path,
                    self.table.paths.len(),
                );
            }
        }
        let most = order.len().max(1) as u32;
        self.range(format_args!("{at}.paths.equal"), *equal, 0, most);
    }

    fn labels(&mut self) {
        let labels = &self.table.labels;
        for (index, pair) in labels.windows(2).enumerate() {
            if pair[0].label >= pair[1].label {
                let (before, label) = (pair[0].label, pair[1].label);
                self.error(
                    format!("labels[{}].label", index + 1),
                    format!("{label} does not follow {before}: labels ascend, none twice"),
                );
            }
        }
        for (index, entry) in labels.iter().enumerate() {
            self.label_entry(&format!("labels[{index}]"), entry);
        }
    }

    fn label_entry(&mut self, at: &str, entry: &LabelEntry) {
        self.ordinary_label(format_args!("{at}.label"), entry.label);
        for (index, adjacency) in entry.accept.iter().enumerate() {
            let count = self.table.adjacencies.len();
            self.index(format_args!("{at}.accept[{index}]"), *adjacency, count);
        }
        if entry.accept.windows(2).any(|pair| pair[0] >= pair[1]) {
            self.error(format!("{at}.accept"), "does not ascend, or has one twice");
        }
        match &entry.action {
            LabelAction::Pop => {}
            LabelAction::Deliver(segment) => {
                let place = format!("{at}.action.deliver");
                self.index(&place, *segment, self.table.segments.len());
                let found = self.table.segments.get(*segment as usize);
                if let Some(segment) = found
                    && segment.service_label != entry.label
                {
                    let (name, label) = (&segment.name, segment.service_label);
                    self.error(place, format!("segment {name:?} has service label {label}"));
                }
            }
            LabelAction::Forward(hops) => {
                if hops.is_empty() {
                    self.error(
                        format!("{at}.action.forward"),
                        "has no hop; accepted is one or more",
                    );
                }
                for (index, hop) in hops.iter().enumerate() {
                    let at = format!("{at}.action.forward[{index}]");
                    let count = self.table.adjacencies.len();
                    self.index(format_args!("{at}.adjacency"), hop.adjacency, count);
                    self.stack(&format!("{at}.labels"), &hop.labels);
                }
            }
        }
    }

    fn paths(&mut self) {
        let paths = &self.table.paths;
        self.unique("paths", "key", paths.iter().map(|path| &path.key));
        for (index, path) in paths.iter().enumerate() {
            let at = format!("paths[{index}]");
            self.key(&at, &path.key);
            if path.lists.is_empty() {
                self.error(
                    format!("{at}.lists"),
                    "is empty; accepted is one list or more",
                );
            }
            for (number, list) in path.lists.iter().enumerate() {
                self.index(
                    format_args!("{at}.lists[{number}]"),
                    *list,
                    self.table.lists.len(),
                );
            }
            self.unique(&format!("{at}.lists"), "list", path.lists.iter());
        }
    }

    fn lists(&mut self) {
        let lists = &self.table.lists;
        self.unique("lists", "key", lists.iter().map(|list| &list.key));
        for (index, list) in lists.iter().enumerate() {
            let at = format!("lists[{index}]");
            self.key(&at, &list.key);
            self.range(format_args!("{at}.weight"), list.weight, 1, 255);
            let adjacencies = &self.table.adjacencies;
            self.index(
                format_args!("{at}.adjacency"),
                list.adjacency,
                adjacencies.len(),
            );
            self.stack(&format!("{at}.labels"), &list.labels);
            self.stack(&format!("{at}.return_labels"), &list.return_labels);
            self.host(format_args!("{at}.probe_address"), list.probe_address);
            self.range(format_args!("{at}.mtu"), list.mtu, MIN_PACKET, 65_535);
            for (number, end) in list.ends.iter().enumerate() {
                let at = format_args!("{at}.ends[{number}].uplink");
                self.range(at, end.uplink, 0, MAX_UPLINK);
            }
            if let Some(adjacency) = adjacencies.get(list.adjacency as usize) {
                let stack = 4 * (list.labels.len() as u32 + 1);
                let room = adjacency.mtu.saturating_sub(stack);
                if list.mtu > room {
                    let key = &adjacency.key;
                    self.error(
                        format!("{at}.mtu"),
                        format!(
                            "{} does not fit adjacency {key:?}; accepted is up to {room}",
                            list.mtu
                        ),
                    );
                }
            }
        }
    }
}
