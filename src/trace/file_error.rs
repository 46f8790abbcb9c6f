//! Why a file could not be read or written.

use std::error::Error;
use std::fmt;
use std::io;

/// Why traces cannot be read or written: one line, which names the file and what is wrong with it.
///
/// Its [`source`](Error::source) is the system's error; without one, what was asked for cannot be: the file is no compact trace, or
/// its ending names no form.
#[derive(Debug)]
pub struct FileError {
    text: String,
    source: Option<io::Error>,
}

impl FileError {
    pub(crate) fn of_content(text: String) -> FileError {
        FileError { text, source: None }
    }

    pub(crate) fn of_system(text: String, source: io::Error) -> FileError {
        FileError {
            text,
            source: Some(source),
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
