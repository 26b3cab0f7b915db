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

/// Where real time is not allowed: the next best.
const NICENESS: i32 = -15;
/// The lowest there is: ahead of every ordinary program, behind whatever else runs in real time.
const REAL_TIME_PRIORITY: libc::c_int = 1;

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
    let shared = links.clone();
    std::thread::Builder::new()
        .name("control".into())
        .spawn(move || control::serve(listener, shared))
        .map_err(|e| format!("Cannot start the control thread: {e}"))?;
    run_ahead_of_others();
    println!("{} links", config.links.len());
    pump::run(&links).map_err(|e| format!("Cannot wait for frames: {e}"))
}

/// A late emulator would be measured as a slow network: this thread comes before the programs under
/// test. A better niceness does not do: beside busy programs it still wakes up a millisecond late.
/// Not being allowed to costs precision only.
fn run_ahead_of_others() {
    // SAFETY: integers only (musl has more of them than glibc), for which zero is valid.
    let mut parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    parameters.sched_priority = REAL_TIME_PRIORITY;
    // SAFETY: the parameters live across the call, which concerns this thread alone.
    let failed =
        unsafe { libc::pthread_setschedparam(libc::pthread_self(), libc::SCHED_FIFO, &parameters) };
    if failed != 0 {
        let _ = rustix::process::setpriority_process(None, NICENESS);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_thread_runs_in_real_time() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let policy = std::thread::spawn(|| {
            run_ahead_of_others();
            // SAFETY: asks about the calling thread.
            unsafe { libc::sched_getscheduler(0) }
        });
        assert_eq!(policy.join().unwrap(), libc::SCHED_FIFO);
    }
}
