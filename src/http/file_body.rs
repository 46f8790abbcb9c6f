//! A file as the body of a request.

use std::fs::File;
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use crate::http::pull::{PIECE, Pull, Pulled};
use crate::threads::{Offload, to_thread};

/// What is left of it from where it stands.
#[derive(Clone)]
pub(crate) struct FileBody {
    opened: Arc<Opened>,
    /// Where it begins and how long it is; `None` for what cannot be read twice, like a pipe.
    part: Option<(u64, u64)>,
}

struct Opened {
    file: Mutex<File>,
    /// Where that is known, for the text of errors.
    path: Option<PathBuf>,
}

impl Opened {
    /// The error, with the path in its text.
    fn named(path: Option<&Path>, error: io::Error) -> io::Error {
        match path {
            Some(path) => io::Error::new(error.kind(), format!("{}: {error}", path.display())),
            None => error,
        }
    }

    fn read(&self, at: Option<u64>, most: u64) -> io::Result<Vec<u8>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = at {
            // Others may read the same file meanwhile.
            file.seek(SeekFrom::Start(at))?;
        }
        let mut piece = Vec::with_capacity(most as usize);
        (&mut *file).take(most).read_to_end(&mut piece)?;
        Ok(piece)
    }
}

impl FileBody {
    pub(crate) fn open(path: &Path) -> io::Result<FileBody> {
        let opened = File::open(path).and_then(|file| FileBody::of(file, Some(path.to_owned())));
        opened.map_err(|error| Opened::named(Some(path), error))
    }

    pub(crate) fn new(file: File) -> io::Result<FileBody> {
        FileBody::of(file, None)
    }

    fn of(mut file: File, path: Option<PathBuf>) -> io::Result<FileBody> {
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let mut part = None;
        if about.is_file() {
            let start = file.stream_position()?;
            part = Some((start, about.len().saturating_sub(start)));
        }
        let file = Mutex::new(file);
        let opened = Arc::new(Opened { file, path });
        Ok(FileBody { opened, part })
    }

    pub(crate) fn length(&self) -> Option<u64> {
        self.part.map(|(_, length)| length)
    }

    /// Its pieces, from the beginning.
    pub(crate) fn pull(&self) -> impl Pull + 'static {
        FilePull {
            opened: self.opened.clone(),
            at: self.part.map(|(start, _)| start),
            // It may have grown since; what was announced is sent.
            left: self.length().unwrap_or(u64::MAX),
            reading: None,
        }
    }
}

struct FilePull {
    opened: Arc<Opened>,
    /// Where to read next, in a file that can be read from anywhere.
    at: Option<u64>,
    left: u64,
    reading: Option<Offload<io::Result<Vec<u8>>>>,
}

impl Pull for FilePull {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Pulled> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let (opened, at) = (&self.opened, self.at);
        let most = self.left.min(PIECE as u64);
        let reading = self.reading.get_or_insert_with(|| {
            let opened = opened.clone();
            to_thread(move || opened.read(at, most))
        });
        let read = ready!(Pin::new(reading).poll(context));
        self.reading = None;
        Poll::Ready(match read {
            Ok(Ok(piece)) if piece.is_empty() => None,
            Ok(Ok(piece)) => {
                self.at = self.at.map(|at| at + piece.len() as u64);
                self.left -= piece.len() as u64;
                Some(Ok(piece.into()))
            }
            Ok(Err(error)) => {
                let path = self.opened.path.as_deref();
                Some(Err(Opened::named(path, error).into()))
            }
            Err(error) => Some(Err(error.into())),
        })
    }
}
