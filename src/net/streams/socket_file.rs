//! The file of a Unix server: taken over from a server that has gone, and removed with the server.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::report;

/// Removes the file when it is dropped, unless somebody has put another one there.
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    /// Removes a socket that is left at `path`. What is no socket stays, and makes `bind` fail.
    pub(super) fn make_room(path: &Path) -> io::Result<()> {
        match fs::metadata(path) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(path),
            _ => Ok(()),
        }
    }

    /// The file at `path`, which was just made.
    pub(super) fn own(path: &Path) -> io::Result<SocketFile> {
        Ok(SocketFile {
            path: path.to_owned(),
            identity: identity(path)?,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            if let Err(error) = fs::remove_file(&self.path) {
                report::error!(
                    "Unable to clean up listening UNIX socket {:?}: {error}",
                    self.path
                );
            }
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}
