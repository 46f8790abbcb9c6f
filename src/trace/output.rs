//! Where a trace goes, and in which form: what `GLASSLOOP_TRACE` says.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::chrome::chrome;
use super::claim::claim;
use super::evt_json::{evt_json, evt_json_of_all, html};
use super::file_error::FileError;
use super::order::order;
use super::svg::svg;
use super::text::text_of_all;
use super::trace::Trace;

/// A form of a trace, as the ending of the file names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Player,
    Compact,
    Chrome,
    Order,
    Text,
    Picture,
}

/// The first one that fits counts.
const FORMS: [(&str, Form); 6] = [
    (".html", Form::Player),
    (".evt.json", Form::Compact),
    (".json", Form::Chrome),
    (".order.txt", Form::Order),
    (".txt", Form::Text),
    (".svg", Form::Picture),
];

/// A file that a trace can be written to.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    path: PathBuf,
    form: Form,
}

impl Output {
    /// Whether the path ends as that of a form.
    pub(crate) fn has_form(path: &Path) -> bool {
        let name = path.to_string_lossy();
        FORMS.iter().any(|(ending, _)| name.ends_with(ending))
    }

    /// For the recording of this process, which another one that records into `path` has write into a file beside it. An error says
    /// what is wrong with `path`: its ending, or that it cannot be written.
    pub(crate) fn of_process(path: &Path) -> Result<Output, FileError> {
        let output = Output::named(path)?;
        if claim(path) {
            return output.tried();
        }
        let own = output.with_word(&std::process::id().to_string()).tried()?;
        let (path, own_path) = (path.display(), own.path.display());
        eprintln!("GLASSLOOP_TRACE: {path} is another process's, so this one writes {own_path}");
        Ok(own)
    }

    /// An error says what is wrong with the ending.
    pub(crate) fn named(path: &Path) -> Result<Output, FileError> {
        let name = path.to_string_lossy();
        let form = FORMS.iter().find(|(ending, _)| name.ends_with(ending));
        let Some(&(ending, form)) = form else {
            let endings: Vec<&str> = FORMS.iter().map(|(ending, _)| *ending).collect();
            let endings = endings.join(", ");
            let error = format!("{name}: the ending must be one of {endings}");
            return Err(FileError::of_content(error));
        };
        if form != Form::Order
            && name
                .strip_suffix(ending)
                .is_some_and(|stem| stem.ends_with(".order"))
        {
            let error = format!("{name}: the order of the steps is written as .order.txt only");
            return Err(FileError::of_content(error));
        }
        if path.file_name().is_some_and(|name| name == ending) {
            let error = format!("{name}: a name must stand before the ending, as in run.html");
            return Err(FileError::of_content(error));
        }
        let path = path.to_owned();
        Ok(Output { path, form })
    }

    /// Tries whether the file can be written. What is there stays as it is, and nothing is left where nothing was.
    fn tried(self) -> Result<Output, FileError> {
        let is_there = fs::symlink_metadata(&self.path).is_ok();
        let opened = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path);
        let tried = opened.and_then(|_| match is_there {
            true => Ok(()),
            false => fs::remove_file(&self.path),
        });
        match tried {
            Ok(()) => Ok(self),
            Err(error) => Err(self.unwritten(error)),
        }
    }

    fn unwritten(&self, error: io::Error) -> FileError {
        let name = self.path.display();
        FileError::of_system(format!("{name} cannot be written"), error)
    }

    pub(crate) fn write(&self, traces: &[Trace]) -> Result<(), FileError> {
        let text = match self.form {
            Form::Player => html(traces),
            Form::Compact => match traces {
                [trace] => evt_json(trace),
                traces => evt_json_of_all(traces),
            },
            Form::Chrome => chrome(traces),
            Form::Order => traces.iter().map(order).collect::<Vec<_>>().join("\n"),
            Form::Text => text_of_all(traces),
            Form::Picture => svg(traces),
        };
        replace(&self.path, text.as_bytes()).map_err(|error| self.unwritten(error))
    }

    /// The same with a word before the ending: `run-panic.html` of `run.html`.
    pub(crate) fn with_word(&self, word: &str) -> Output {
        let name = self.path.to_string_lossy();
        let ending = FORMS.iter().find(|(_, form)| *form == self.form);
        let ending = ending.map_or("", |(ending, _)| *ending);
        let stem = name.strip_suffix(ending).unwrap_or(&name);
        Output {
            path: PathBuf::from(format!("{stem}-{word}{ending}")),
            form: self.form,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Writes a file that is there as a whole or, when the process dies meanwhile or the disk is full, as it was before.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let before = fs::symlink_metadata(path);
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let file = match &before {
        // A link or a pipe stays one.
        Ok(before) if !before.is_file() => return fs::write(path, text),
        _ => File::create(&part),
    };
    let Ok(mut file) = file else {
        // Its folder takes no new file.
        return fs::write(path, text);
    };
    let allowed = before.map_or(Ok(()), |it| file.set_permissions(it.permissions()));
    let written = allowed.and_then(|()| file.write_all(text));
    let replaced = written.and_then(|()| fs::rename(&part, path));
    if replaced.is_err() {
        // The error that is told is the first one.
        let _ = fs::remove_file(&part);
    }
    replaced
}
