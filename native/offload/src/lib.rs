//! What a TUN device with offloads hands over and takes: super-packets, each many packets of one
//! flow under one header, behind a `struct virtio_net_hdr`.
//!
//! [`open`] and [`Segments`] cut a super-packet from the kernel into the packets that it stands
//! for; [`Coalescer`] makes super-packets of packets that are on their way to the kernel. Cutting
//! what was coalesced gives the packets that went in, byte for byte. Nothing here allocates after
//! set-up, and nothing touches a device.
#![forbid(unsafe_code)]

mod coalesce;
pub mod fuzzing;
mod header;
mod open;
mod read;
mod segment;
mod vnet;

pub use coalesce::{Coalescer, Group};
pub use labelway_wire::Malformed;
pub use segment::{Opened, Segments, open};
pub use vnet::{VNET_HEADER, VnetHeader};
