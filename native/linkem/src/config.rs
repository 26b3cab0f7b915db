//! What links there are: one JSON file, read once. Behaviour changes later over the control socket.

use std::path::PathBuf;

use serde::Deserialize;

use crate::shape::Impairment;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Unix socket for changes and counters; made with mode 0600.
    pub socket: PathBuf,
    /// The same seed loses the same frames.
    pub seed: u64,
    pub links: Vec<LinkConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkConfig {
    pub name: String,
    /// The site's end.
    pub site: EndConfig,
    /// The internet's end.
    pub internet: EndConfig,
    /// Site to internet.
    #[serde(default)]
    pub up: Impairment,
    #[serde(default)]
    pub down: Impairment,
}

/// A TAP device, made in this namespace and gone with the process.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndConfig {
    /// File of the network namespace: `/run/netns/NAME`.
    pub namespace: PathBuf,
    pub device: String,
}

impl Config {
    pub fn decode(text: &str) -> Result<Config, String> {
        let config: Config = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let mut problems = Vec::new();
        for (i, link) in config.links.iter().enumerate() {
            if config.links[..i]
                .iter()
                .any(|other| other.name == link.name)
            {
                problems.push(format!("link {} is there twice", link.name));
            }
            for (direction, impairment) in [("up", link.up), ("down", link.down)] {
                for problem in impairment.problems() {
                    problems.push(format!("link {}, {direction}: {problem}", link.name));
                }
            }
        }
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(problems.join("\n"))
        }
    }
}
