//! The userspace protocol's sockets, `/var/run/wireguard/NAME.sock`: what `wg` talks to.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Mode;
use socket2::{Domain, SockAddr, Socket, Type};

use labelway_wireguard::{MAX_REQUEST_BYTES, request_length};

use crate::ids;
use crate::poll::Token;

/// A client that does not take its answer in this time is cut off.
const PATIENCE: Duration = Duration::from_secs(2);

/// A bound socket; its file is gone when this is dropped.
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
    /// Which file it is: somebody may have put another one in its place.
    file: (u64, u64),
    pub token: Token,
}

impl Listener {
    /// Takes the name; a file that a dead process left is replaced, a living one's is not.
    pub fn bind(folder: &Path, interface: &str) -> Result<Self, String> {
        let path = folder.join(format!("{interface}.sock"));
        let fail = |why: String| format!("Cannot listen on {}: {why}", path.display());
        make_folder(folder).map_err(|error| fail(error.to_string()))?;
        remove_stale(&path).map_err(fail)?;
        let listener = bind_private(&path).map_err(|error| fail(error.to_string()))?;
        let file = identity(&path).ok_or_else(|| fail("it is gone already".to_owned()))?;
        Ok(Listener {
            listener,
            path,
            file,
            token: ids::next(),
        })
    }

    /// Whether the name still leads here.
    pub fn is_reachable(&self) -> bool {
        identity(&self.path) == Some(self.file)
    }

    /// Another one of the same name.
    pub fn again(&self) -> Result<Self, String> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let name = self.path.file_stem().unwrap_or_default();
        Listener::bind(folder, &name.to_string_lossy())
    }

    /// The next client that waits, if any.
    pub fn accept(&self) -> Option<Client> {
        let (stream, _) = self.listener.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        Some(Client {
            stream,
            token: ids::next(),
            request: Vec::new(),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if self.is_reachable() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// One connection. `wg` asks once and hangs up; others may ask again and again.
pub struct Client {
    stream: UnixStream,
    pub token: Token,
    request: Vec<u8>,
}

impl Client {
    /// Reads what is there and answers each whole request; false when the client is done with,
    /// for whatever reason.
    pub fn serve<Reply: AsRef<str>>(&mut self, mut answer: impl FnMut(&[u8]) -> Reply) -> bool {
        let mut chunk = [0u8; 4096];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return false,
                Ok(length) => self.request.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return false,
            }
            if self.request.len() > MAX_REQUEST_BYTES {
                return false;
            }
        }
        chunk.fill(0);
        while let Some(end) = request_length(&self.request) {
            let reply = answer(&self.request[..end]);
            // Requests carry private keys: do not leave them in memory that is freed.
            self.request[..end].fill(0);
            self.request.drain(..end);
            if self.send(reply.as_ref().as_bytes()).is_err() {
                return false;
            }
        }
        true
    }

    fn send(&mut self, reply: &[u8]) -> io::Result<()> {
        self.stream.set_nonblocking(false)?;
        self.stream.set_write_timeout(Some(PATIENCE))?;
        self.stream.write_all(reply)?;
        self.stream.set_nonblocking(true)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.request.fill(0);
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)
}

fn remove_stale(path: &Path) -> Result<(), String> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        return Err("a file that is no socket is in the way; remove it".to_owned());
    }
    if UnixStream::connect(path).is_ok() {
        return Err("another process serves this interface name; stop it first".to_owned());
    }
    fs::remove_file(path).map_err(|error| format!("cannot replace a stale socket: {error}"))
}

/// Device and inode.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

/// Mode 0600 from its first moment: Linux takes the file's mode from the socket's own.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(16)?;
    Ok(std::os::fd::OwnedFd::from(socket).into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("lw-uapi-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn private_and_gone_afterwards() {
        let folder = folder("mode");
        let listener = Listener::bind(&folder, "lw-0-a").unwrap();
        let path = folder.join("lw-0-a.sock");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        drop(listener);
        assert!(!path.exists());
        fs::remove_dir(folder).unwrap();
    }

    #[test]
    fn a_living_socket_is_kept_and_a_dead_one_replaced() {
        let folder = folder("stale");
        let living = Listener::bind(&folder, "x").unwrap();
        let refused = Listener::bind(&folder, "x").err().unwrap();
        assert!(refused.contains("another process serves this"), "{refused}");
        let path = folder.join("x.sock");
        drop(living);
        // As after kill -9: the file stays, nobody listens.
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        drop(Listener::bind(&folder, "x").unwrap());
        fs::write(&path, "not a socket").unwrap();
        let refused = Listener::bind(&folder, "x").err().unwrap();
        assert!(refused.contains("no socket"), "{refused}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_socket_whose_file_is_gone_comes_again_and_outlives_the_first() {
        let folder = folder("again");
        let first = Listener::bind(&folder, "x").unwrap();
        assert!(first.is_reachable());
        fs::remove_dir_all(&folder).unwrap();
        assert!(!first.is_reachable());
        let second = first.again().unwrap();
        assert!(second.is_reachable());
        assert!(first.again().is_err(), "a living one is kept");
        drop(first);
        assert!(second.is_reachable());
        drop(second);
        fs::remove_dir(folder).unwrap();
    }

    #[test]
    fn requests_in_pieces_and_in_a_row() {
        let folder = folder("serve");
        let listener = Listener::bind(&folder, "x").unwrap();
        let mut wg = UnixStream::connect(folder.join("x.sock")).unwrap();
        let mut client = listener.accept().unwrap();
        let mut seen = Vec::new();
        wg.write_all(b"get=").unwrap();
        assert!(client.serve(|_| -> String { panic!("not whole yet") }));
        wg.write_all(b"1\n\nset=1\n\n").unwrap();
        assert!(client.serve(|request| {
            seen.push(String::from_utf8(request.to_vec()).unwrap());
            format!("errno={}\n\n", seen.len())
        }));
        assert_eq!(seen, ["get=1\n\n", "set=1\n\n"]);
        let mut reply = [0; 18];
        wg.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"errno=1\n\nerrno=2\n\n");
        drop(wg);
        assert!(!client.serve(|_| -> String { panic!("there is none") }));
        drop(listener);
        fs::remove_dir(folder).unwrap();
    }
}
