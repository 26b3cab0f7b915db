//! `labelway-datagrams JSON`: sends UDP from one network namespace to another and says, as JSON, what
//! arrived. The benchmark's and the lab's own instrument: it shares no code with what it measures.
//!
//! Both ends are threads of this process, so one clock times both, and nothing outlives it. Every
//! datagram is one of its own: no segmentation offload bundles them, neither here nor there.

mod batch;
mod config;
mod echo;
mod flood;
mod namespace;
mod stream;

use std::process::ExitCode;

use config::{Config, Task};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(text), None) = (arguments.next(), arguments.next()) else {
        eprintln!("Usage: labelway-datagrams JSON");
        return ExitCode::from(2);
    };
    match run(&text) {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("labelway-datagrams: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(text: &str) -> Result<String, String> {
    let config = Config::decode(text)?;
    let answer = match &config.task {
        Task::Flood(flood) => serde_json::to_string(&flood::run(&config, flood)?),
        Task::Stream(stream) => serde_json::to_string(&stream::run(&config, stream)?),
        Task::Echo(echo) => serde_json::to_string(&echo::run(&config, echo)?),
    };
    answer.map_err(|error| error.to_string())
}
