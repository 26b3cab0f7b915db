//! What to send: one JSON object on the command line.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;

use serde::Deserialize;

/// A sequence number and nothing else.
pub const LEAST_BYTES: usize = 8;
/// What fits a UDP datagram over IPv4.
const MOST_BYTES: usize = 65_507;
/// Each is a socket.
const MOST_FLOWS: u32 = 512;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Files of the network namespaces of the sender and the receiver: `/run/netns/NAME`.
    pub from: PathBuf,
    pub to: PathBuf,
    /// Where the receiver listens, as the sender reaches it.
    pub address: Ipv4Addr,
    pub port: u16,
    /// UDP payload of each datagram.
    pub bytes: usize,
    pub task: Task,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Task {
    Flood(Flood),
    Echo(Echo),
    Stream(Stream),
}

/// As many datagrams a second as asked for; how many arrive?
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flood {
    /// Datagrams a second; absent: as fast as it goes.
    pub rate: Option<u64>,
    /// Counted for so long, after the flow had `settle_millis` to become steady.
    pub millis: u64,
    pub settle_millis: u64,
    /// Source ports.
    #[serde(default = "one")]
    pub flows: u32,
    /// Flow n goes to `address` + n × `stride`.
    #[serde(default)]
    pub stride: u32,
}

/// One datagram after the other, each sent back: how long does it take?
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Echo {
    pub count: u32,
    pub interval_micros: u64,
    /// Ends after so long, however many there were; absent: never.
    pub most_millis: Option<u64>,
}

/// Datagrams at an even rate, one way: which arrive, and when?
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stream {
    pub count: u32,
    pub interval_micros: u64,
}

/// All that one stream tells is held until it ends.
const MOST_COUNT: u32 = 10_000_000;

impl Config {
    pub fn decode(text: &str) -> Result<Config, String> {
        let config: Config = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if !(LEAST_BYTES..=MOST_BYTES).contains(&config.bytes) {
            return Err(format!(
                "bytes is {}; accepted is {LEAST_BYTES} to {MOST_BYTES}",
                config.bytes
            ));
        }
        if let Task::Flood(flood) = &config.task {
            if !(1..=MOST_FLOWS).contains(&flood.flows) {
                return Err(format!(
                    "flows is {}; accepted is 1 to {MOST_FLOWS}",
                    flood.flows
                ));
            }
            if flood.rate == Some(0) || flood.millis == 0 {
                return Err("rate and millis are above 0".into());
            }
        }
        if let Task::Stream(stream) = &config.task
            && !(1..=MOST_COUNT).contains(&stream.count)
        {
            return Err(format!(
                "count is {}; accepted is 1 to {MOST_COUNT}",
                stream.count
            ));
        }
        Ok(config)
    }

    pub fn target(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address, self.port)
    }

    /// Where the receiver binds: it answers for every address of its namespace.
    pub fn listen(&self) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, self.port)
    }
}

fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#""from":"/a","to":"/b","address":"10.0.0.1","port":9"#;

    #[test]
    fn a_flood_has_one_flow_unless_told() {
        let text = format!(
            r#"{{{HEAD},"bytes":100,"task":{{"flood":{{"millis":10,"settleMillis":1}}}}}}"#
        );
        let Task::Flood(flood) = Config::decode(&text).unwrap().task else {
            panic!("a flood was asked for");
        };
        assert_eq!((flood.rate, flood.flows, flood.stride), (None, 1, 0));
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let task = r#"{"echo":{"count":1,"intervalMicros":1}}"#;
        for (bytes, part) in [(7, "accepted is 8"), (70_000, "65507")] {
            let text = format!(r#"{{{HEAD},"bytes":{bytes},"task":{task}}}"#);
            assert!(Config::decode(&text).unwrap_err().contains(part));
        }
        let text = format!(
            r#"{{{HEAD},"bytes":100,"task":{{"flood":{{"millis":1,"settleMillis":0,"flows":0}}}}}}"#
        );
        assert!(Config::decode(&text).unwrap_err().contains("flows is 0"));
        assert!(Config::decode("{}").unwrap_err().contains("missing field"));
    }
}
