//! The table, compiled for lookups.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use labelway_boundary::{Table, TtlModel};
use labelway_wire::Label;

use crate::encap::{Back, Front, Onwards};
use crate::identity::Identity;
use crate::labels::{LabelMap, labels};
use crate::mtu::{Found, ListMtu};
use crate::places::{Place, Places};
use crate::steering::Steering;
use crate::{check, flow};

/// An immutable forwarding table, checked and laid out for one lookup a step; beside it, what probes
/// found of its MTUs.
#[derive(Debug)]
pub struct Fib {
    pub(crate) identity: Identity,
    pub(crate) ttl: TtlModel,
    pub(crate) loopback4: Option<Ipv4Addr>,
    pub(crate) loopback6: Option<Ipv6Addr>,
    pub(crate) adjacencies: Vec<Adjacency>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) labels: LabelMap,
    pub(crate) lists: Vec<List>,
    /// Lists of each path.
    pub(crate) paths: Vec<Vec<u32>>,
    tunnel_addresses: Vec<Ipv4Addr>,
    by_remote: HashMap<(u32, Ipv4Addr), usize>,
}

#[derive(Debug)]
pub(crate) struct Adjacency {
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
    pub(crate) out: Onwards,
    pub(crate) back: Back,
    /// The largest stack and packet that is known to cross in one piece.
    pub(crate) found: Found,
}

#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) service_label: Label,
    pub(crate) mtu: usize,
    steerings: Vec<Steering>,
    places: Places,
    /// By steering.
    #[cfg(any(test, feature = "plain"))]
    pub(crate) peers: Box<[Option<crate::plain::Peer>]>,
}

#[derive(Debug)]
pub(crate) struct List {
    pub(crate) adjacency: usize,
    pub(crate) weight: u8,
    pub(crate) identity: u64,
    pub(crate) labels: Box<[Label]>,
    pub(crate) mtu: ListMtu,
}

impl Fib {
    /// Checks the whole table and lays it out; all that is wrong is told at once, and nothing is
    /// half taken over.
    pub fn compile(table: &Table) -> Result<Fib, Vec<String>> {
        check::table(table)?;
        let adjacencies = table.adjacencies.iter().map(|adjacency| {
            let source = table.uplinks[adjacency.uplink as usize].tunnel_address;
            let destination = adjacency.remote_address;
            Adjacency {
                source,
                destination,
                out: Onwards {
                    front: Front::new(source, destination),
                    mtu: adjacency.mtu as usize,
                },
                back: Back::new(source, destination),
                found: Found::default(),
            }
        });
        let segments = table.segments.iter().filter_map(|segment| {
            let routes = segment.routes.iter();
            Some(Segment {
                service_label: Label::new(segment.service_label)?,
                mtu: segment.mtu as usize,
                steerings: segment.steerings.iter().map(Steering::new).collect(),
                places: Places::new(
                    segment.local.iter(),
                    routes.map(|route| (&route.prefix, route.steering)),
                ),
                #[cfg(any(test, feature = "plain"))]
                peers: crate::plain::peers(table, segment),
            })
        });
        let lists = table.lists.iter().map(|list| List {
            adjacency: list.adjacency as usize,
            weight: u8::try_from(list.weight).unwrap_or(u8::MAX),
            identity: flow::identity(&list.key),
            labels: labels(&list.labels),
            mtu: ListMtu::new(list.mtu as usize),
        });
        let by_remote = table.adjacencies.iter().enumerate();
        Ok(Fib {
            identity: Identity::default(),
            ttl: table.ttl,
            loopback4: table.site.loopback4,
            loopback6: table.site.loopback6,
            adjacencies: adjacencies.collect(),
            segments: segments.collect(),
            labels: LabelMap::new(&table.labels, table.adjacencies.len()),
            lists: lists.collect(),
            paths: table.paths.iter().map(|path| path.lists.clone()).collect(),
            tunnel_addresses: table
                .uplinks
                .iter()
                .map(|uplink| uplink.tunnel_address)
                .collect(),
            by_remote: by_remote
                .map(|(index, adjacency)| ((adjacency.uplink, adjacency.remote_address), index))
                .collect(),
        })
    }

    /// The largest label stack and customer packet that was found to cross an adjacency in one piece;
    /// none: not known. Lists take no more than their first adjacency carries.
    pub fn set_adjacency_mtu(&self, index: usize, bytes: Option<u16>) {
        let Some(adjacency) = self.adjacencies.get(index) else {
            return;
        };
        if adjacency.found.set(bytes) {
            for list in self.lists.iter().filter(|list| list.adjacency == index) {
                list.mtu.renew(&adjacency.found, list.labels.len());
            }
        }
    }

    /// The same of a list's whole way, and of the customer packet alone.
    pub fn set_list_mtu(&self, index: usize, bytes: Option<u16>) {
        let Some(list) = self.lists.get(index) else {
            return;
        };
        if list.mtu.set_found(bytes)
            && let Some(adjacency) = self.adjacencies.get(list.adjacency)
        {
            list.mtu.renew(&adjacency.found, list.labels.len());
        }
    }

    /// The adjacency on `uplink` whose peer has this address inside the tunnel.
    pub fn adjacency_of(&self, uplink: usize, remote: Ipv4Addr) -> Option<usize> {
        let uplink = u32::try_from(uplink).ok()?;
        self.by_remote.get(&(uplink, remote)).copied()
    }

    /// Whether an address is one of this router's own: a loopback or a tunnel address.
    pub(crate) fn is_own(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => {
                self.loopback4 == Some(address) || self.tunnel_addresses.contains(&address)
            }
            IpAddr::V6(address) => self.loopback6 == Some(address),
        }
    }
}

impl Segment {
    #[inline]
    pub(crate) fn place(&self, address: IpAddr) -> Place {
        self.places.of(address)
    }

    /// The steering of the remote prefix that covers the address.
    pub(crate) fn route(&self, address: IpAddr) -> Option<&Steering> {
        self.steerings.get(self.place(address).steering()? as usize)
    }

    pub(crate) fn is_local(&self, address: IpAddr) -> bool {
        self.place(address).is_local()
    }

    pub(crate) fn is_remote(&self, address: IpAddr) -> bool {
        self.place(address).is_remote()
    }
}
