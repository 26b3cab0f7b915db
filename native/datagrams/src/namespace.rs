//! Sockets in a network namespace: a socket stays in the one where it was made.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Runs `make` on a thread of its own inside the namespace; what it made may leave it.
pub fn inside<T: Send>(
    namespace: &Path,
    make: impl FnOnce() -> Result<T, String> + Send,
) -> Result<T, String> {
    std::thread::scope(|scope| {
        let made = scope.spawn(|| {
            let say = |error: &dyn std::fmt::Display| {
                format!(
                    "Cannot enter the namespace {}: {error}",
                    namespace.display()
                )
            };
            let file = File::open(namespace).map_err(|error| say(&error))?;
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|error| say(&error))?;
            make()
        });
        made.join().expect("making a socket does not panic")
    })
}
