//! The control socket: a JSON request on a line, a JSON answer on a line.
//!
//! `{"show":true}` answers every link's behaviour and counters. `{"link":"lisbon.fibre",
//! "direction":"both","delayMillis":30,"cut":false}` changes the fields that it names and leaves
//! the others; `"reset":true` starts from a clear link. `"unplugged"` is of both directions.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::device::set_carrier;
use crate::link::Link;
use crate::shape::{Counters, Impairment};

pub type Links = Arc<Mutex<Vec<Link>>>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Request {
    show: bool,
    link: Option<String>,
    direction: Direction,
    reset: bool,
    delay_millis: Option<f64>,
    jitter_millis: Option<f64>,
    reorder_percent: Option<f64>,
    loss_percent: Option<f64>,
    loss_burst: Option<f64>,
    /// Absent: as it was; null: no limit.
    #[serde(deserialize_with = "present")]
    rate_mbit: Option<Option<f64>>,
    queue_millis: Option<f64>,
    cut: Option<bool>,
    /// Of the whole link, whatever the direction.
    unplugged: Option<bool>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    #[default]
    Both,
    Up,
    Down,
}

#[derive(Serialize)]
struct Shown<'a> {
    link: &'a str,
    up: ShownDirection,
    down: ShownDirection,
}

#[derive(Serialize)]
struct ShownDirection {
    impairment: Impairment,
    counters: Counters,
}

fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::<f64>::deserialize(value).map(Some)
}

/// Binds before anything else is made, so that a second emulator on the same socket fails early.
pub fn bind(path: &Path) -> Result<UnixListener, String> {
    if UnixStream::connect(path).is_ok() {
        return Err(format!("{} is served by another emulator", path.display()));
    }
    // Left by a process that was killed: nobody answers on it.
    let _ = std::fs::remove_file(path);
    let fail = |e: std::io::Error| format!("Cannot serve {}: {e}", path.display());
    let listener = UnixListener::bind(path).map_err(fail)?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).map_err(fail)?;
    Ok(listener)
}

/// Serves one client after the other until the process ends.
pub fn serve(listener: UnixListener, links: Links) {
    for client in listener.incoming().flatten() {
        // A client that says nothing must not keep the others out.
        let _ = client.set_read_timeout(Some(Duration::from_secs(2)));
        let _ = client.set_write_timeout(Some(Duration::from_secs(2)));
        let Ok(mut answers) = client.try_clone() else {
            continue;
        };
        for line in BufReader::new(client).lines() {
            let Ok(line) = line else { break };
            let answer = handle(&line, &links);
            if writeln!(answers, "{answer}").is_err() {
                break;
            }
        }
    }
}

fn handle(line: &str, links: &Links) -> Value {
    let request: Request = match serde_json::from_str(line) {
        Ok(request) => request,
        Err(error) => return json!({ "error": format!("Cannot read the request: {error}") }),
    };
    let mut links = links.lock().unwrap_or_else(PoisonError::into_inner);
    if request.show {
        let shown: Vec<Shown> = links.iter().map(show).collect();
        return json!({ "links": shown });
    }
    match change(&request, &mut links) {
        Ok(()) => json!({ "ok": true }),
        Err(error) => json!({ "error": error }),
    }
}

fn show(link: &Link) -> Shown<'_> {
    let [up, down] = &link.directions;
    let shown = |d: &crate::link::Direction| ShownDirection {
        impairment: d.shaper.impairment,
        counters: d.shaper.counters,
    };
    Shown {
        link: &link.name,
        up: shown(up),
        down: shown(down),
    }
}

fn change(request: &Request, links: &mut [Link]) -> Result<(), String> {
    let name = request
        .link
        .as_deref()
        .ok_or("Name a \"link\", or ask to \"show\"")?;
    let known = links
        .iter()
        .map(|l| l.name.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    let link = links
        .iter_mut()
        .find(|link| link.name == name)
        .ok_or_else(|| format!("There is no link {name}; there are {known}"))?;
    let chosen = match request.direction {
        Direction::Both => 0..2,
        Direction::Up => 0..1,
        Direction::Down => 1..2,
    };
    let wanted = link.directions[chosen.clone()]
        .iter()
        .map(|direction| checked(request.over(direction.shaper.impairment)))
        .collect::<Result<Vec<_>, _>>()?;
    for (direction, impairment) in link.directions[chosen].iter_mut().zip(wanted) {
        direction.shaper.impairment = impairment;
    }
    if let Some(unplugged) = request.unplugged {
        for direction in &mut link.directions {
            set_carrier(&direction.from, !unplugged)
                .map_err(|error| format!("Cannot unplug {name}: {error}"))?;
            direction.shaper.impairment.unplugged = unplugged;
        }
    }
    Ok(())
}

fn checked(impairment: Impairment) -> Result<Impairment, String> {
    let problems = impairment.problems();
    if problems.is_empty() {
        Ok(impairment)
    } else {
        Err(problems.join("; "))
    }
}

impl Request {
    fn over(&self, now: Impairment) -> Impairment {
        let base = if self.reset {
            Impairment::default()
        } else {
            now
        };
        Impairment {
            delay_millis: self.delay_millis.unwrap_or(base.delay_millis),
            jitter_millis: self.jitter_millis.unwrap_or(base.jitter_millis),
            reorder_percent: self.reorder_percent.unwrap_or(base.reorder_percent),
            loss_percent: self.loss_percent.unwrap_or(base.loss_percent),
            loss_burst: self.loss_burst.unwrap_or(base.loss_burst),
            rate_mbit: self.rate_mbit.unwrap_or(base.rate_mbit),
            queue_millis: self.queue_millis.unwrap_or(base.queue_millis),
            cut: self.cut.unwrap_or(base.cut),
            unplugged: base.unplugged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shaper;

    fn links() -> Links {
        let direction = || {
            let null = std::fs::File::open("/dev/null").expect("/dev/null opens");
            crate::link::Direction::new(null.into(), Shaper::new(Impairment::default(), 1))
        };
        let link = Link {
            name: "lisbon.fibre".into(),
            directions: [direction(), direction()],
        };
        Arc::new(Mutex::new(vec![link]))
    }

    fn impairments(links: &Links) -> [Impairment; 2] {
        let links = links.lock().expect("not poisoned");
        [0, 1].map(|i| links[0].directions[i].shaper.impairment)
    }

    #[test]
    fn changes_what_it_names_and_leaves_the_rest() {
        let links = links();
        let line = r#"{"link":"lisbon.fibre","delayMillis":30,"rateMbit":50}"#;
        assert_eq!(handle(line, &links), json!({ "ok": true }));
        let line = r#"{"link":"lisbon.fibre","direction":"up","lossPercent":2,"rateMbit":null}"#;
        assert_eq!(handle(line, &links), json!({ "ok": true }));
        let [up, down] = impairments(&links);
        assert_eq!(
            (up.delay_millis, up.loss_percent, up.rate_mbit),
            (30.0, 2.0, None)
        );
        assert_eq!(
            (down.delay_millis, down.loss_percent, down.rate_mbit),
            (30.0, 0.0, Some(50.0))
        );
        handle(r#"{"link":"lisbon.fibre","reset":true,"cut":true}"#, &links);
        let cut = Impairment {
            cut: true,
            ..Impairment::default()
        };
        assert_eq!(impairments(&links), [cut, cut]);
    }

    #[test]
    fn refuses_what_it_does_not_know_and_changes_nothing() {
        let links = links();
        for (line, word) in [
            (
                r#"{"link":"lisbon.fiber","cut":true}"#,
                "there are lisbon.fibre",
            ),
            (r#"{"link":"lisbon.fibre","lossPercent":200}"#, "0 to 100"),
            (
                r#"{"link":"lisbon.fibre","reorderPercent":30}"#,
                "needs a delayMillis",
            ),
            (r#"{"link":"lisbon.fibre","delay":1}"#, "unknown field"),
            (r#"{"cut":true}"#, "Name a"),
            ("nonsense", "Cannot read"),
        ] {
            let answer = handle(line, &links);
            let error = answer["error"].as_str().unwrap_or_default();
            assert!(error.contains(word), "{line} answered {answer}");
        }
        assert_eq!(impairments(&links), [Impairment::default(); 2]);
    }

    #[test]
    fn shows_both_directions() {
        let shown = handle(r#"{"show":true}"#, &links());
        assert_eq!(shown["links"][0]["link"], "lisbon.fibre");
        assert_eq!(shown["links"][0]["down"]["impairment"]["lossBurst"], 1.0);
        assert_eq!(shown["links"][0]["up"]["counters"]["queueDrops"], 0);
    }
}
