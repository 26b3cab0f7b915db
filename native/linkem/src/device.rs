//! TAP devices, each made inside the namespace that it belongs to.
//!
//! TAP rather than packet sockets on veth: without a vnet header the kernel hands over frames that
//! are already segmented and have their checksums filled in, and all of it disappears with the
//! process, whatever ends it.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Makes a TAP device called `name` in `namespace`; `home` is the namespace to come back to.
pub fn create_tap(home: &File, namespace: &Path, name: &str) -> Result<OwnedFd, String> {
    let target = File::open(namespace)
        .map_err(|e| format!("Cannot open the namespace {}: {e}", namespace.display()))?;
    enter(&target, namespace)?;
    let made = open_tap(name).map_err(|e| {
        format!(
            "Cannot make the TAP device {name} in {}: {e}",
            namespace.display()
        )
    });
    enter(home, Path::new("/proc/self/ns/net"))?;
    made
}

fn enter(namespace: &File, path: &Path) -> Result<(), String> {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .map_err(|e| format!("Cannot enter the namespace {}: {e}", path.display()))
}

fn open_tap(name: &str) -> Result<OwnedFd, String> {
    let name = CString::new(name).map_err(|_| "its name holds a NUL byte".to_owned())?;
    let bytes = name.as_bytes_with_nul();
    if bytes.len() > libc::IFNAMSIZ || bytes.len() < 2 {
        return Err(format!(
            "its name must have 1 to {} bytes",
            libc::IFNAMSIZ - 1
        ));
    }
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = rustix::fs::open("/dev/net/tun", flags, Mode::empty())
        .map_err(|e| format!("/dev/net/tun: {e}"))?;
    // SAFETY: all-zero bytes are a valid `ifreq`: integers, byte arrays and a null pointer.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags =
        (libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_TUN_EXCL) as libc::c_short;
    // SAFETY: the descriptor is open, and TUNSETIFF reads and writes one `ifreq`, which lives here.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETIFF as _, &mut request) };
    if result < 0 {
        return Err(std::io::Error::last_os_error().to_string());
    }
    Ok(fd)
}

/// Tells the system that the device has a carrier, or none: what it sees of a cable.
pub fn set_carrier(device: &OwnedFd, carrier: bool) -> std::io::Result<()> {
    /// `_IOW('T', 226, int)`, linux/if_tun.h.
    const TUNSETCARRIER: libc::c_ulong = 0x4004_54e2;
    let carrier = libc::c_int::from(carrier);
    // SAFETY: the descriptor is open, and the call reads one int, which lives across it.
    let result = unsafe { libc::ioctl(device.as_raw_fd(), TUNSETCARRIER as _, &raw const carrier) };
    if result < 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(())
}
