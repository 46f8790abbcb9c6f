//! Which process records into a file: the first that asks. A child process inherits `GLASSLOOP_TRACE`, and would write over its
//! parent's trace.

use std::path::Path;

/// Whether no other process that is alive has claimed this file. If so it is this one's until it ends.
///
/// The claim is a socket without a file: no other can have its name, and the kernel removes it however the process ends.
#[cfg(target_os = "linux")]
pub(crate) fn claim(path: &Path) -> bool {
    use std::io::ErrorKind;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    /// A socket's name has 107 bytes at most, with the numbers.
    const LONGEST: usize = 50;

    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = std::fs::metadata(folder.unwrap_or(Path::new(".")));
    let (Ok(folder), Some(file)) = (folder, path.file_name()) else {
        // Nobody can write it, which is said when it is tried.
        return true;
    };
    let file = file.as_encoded_bytes();
    let end = &file[file.len().saturating_sub(LONGEST)..];
    let mut name = format!("glassloop-trace/{:x}:{:x}/", folder.dev(), folder.ino()).into_bytes();
    name.extend_from_slice(end);
    let bound =
        SocketAddr::from_abstract_name(name).and_then(|name| UnixDatagram::bind_addr(&name));
    match bound {
        Ok(socket) => {
            // Until the process ends.
            std::mem::forget(socket);
            true
        }
        Err(error) => error.kind() != ErrorKind::AddrInUse,
    }
}

/// Not known here: the last one to end is the one whose trace is left.
#[cfg(not(target_os = "linux"))]
pub(crate) fn claim(_: &Path) -> bool {
    true
}
