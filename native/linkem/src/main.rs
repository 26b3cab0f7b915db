//! `labelway-linkem CONFIG`: emulates the links of the lab where the kernel has no netem.
//!
//! Each link is two TAP devices, one in the site's network namespace and one in the internet's;
//! frames read from one come out at the other, late, lost or slowed down as told.

mod config;
mod control;
mod device;
mod link;
mod pump;
mod shape;

use std::fs::File;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use config::{Config, EndConfig, LinkConfig};
use link::{Direction, Link};
use shape::Shaper;

/// Ahead of the programs under test: a late emulator would be measured as a slow network.
const NICENESS: i32 = -15;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(path), None) = (arguments.next(), arguments.next()) else {
        eprintln!("Usage: labelway-linkem CONFIG.json");
        return ExitCode::from(2);
    };
    let failure = match std::fs::read_to_string(&path) {
        Ok(text) => Config::decode(&text).and_then(run).err(),
        Err(error) => Some(error.to_string()),
    };
    match failure {
        Some(message) => {
            eprintln!("labelway-linkem: {}: {message}", path.display());
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

fn run(config: Config) -> Result<(), String> {
    let listener = control::bind(&config.socket)?;
    let links = config
        .links
        .iter()
        .enumerate()
        .map(|(i, link)| create_link(link, config.seed.wrapping_add(i as u64 * 2)))
        .collect::<Result<Vec<_>, _>>()?;
    let links = Arc::new(Mutex::new(links));
    // Not being allowed to costs precision only.
    let _ = rustix::process::setpriority_process(None, NICENESS);
    let shared = links.clone();
    std::thread::Builder::new()
        .name("control".into())
        .spawn(move || control::serve(listener, shared))
        .map_err(|e| format!("Cannot start the control thread: {e}"))?;
    println!("{} links", config.links.len());
    pump::run(&links).map_err(|e| format!("Cannot wait for frames: {e}"))
}

fn create_link(config: &LinkConfig, seed: u64) -> Result<Link, String> {
    let home = File::open("/proc/self/ns/net").map_err(|e| format!("/proc/self/ns/net: {e}"))?;
    let tap = |end: &EndConfig| device::create_tap(&home, &end.namespace, &end.device);
    let up = Direction::new(tap(&config.site)?, Shaper::new(config.up, seed));
    let down = Direction::new(tap(&config.internet)?, Shaper::new(config.down, seed + 1));
    Ok(Link {
        name: config.name.clone(),
        directions: [up, down],
    })
}
