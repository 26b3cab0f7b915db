//! The table, compiled for lookups.

use labelway_boundary::Table;

/// An immutable forwarding table, checked and laid out for one lookup a step.
#[derive(Debug)]
pub struct Fib {}

impl Fib {
    /// Checks the whole table and lays it out; all that is wrong is told at once, and nothing is
    /// half taken over.
    pub fn compile(table: &Table) -> Result<Fib, Vec<String>> {
        todo!()
    }

    /// The adjacency on `uplink` whose peer has this address inside the tunnel.
    pub fn adjacency_of(&self, uplink: usize, remote: std::net::Ipv4Addr) -> Option<usize> {
        todo!()
    }
}
