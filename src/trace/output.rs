//! Where a trace goes, and in which form: what `GLASSLOOP_TRACE` says.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use super::chrome::chrome;
use super::evt_json::{evt_json, evt_json_of_all, html};
use super::file_error::FileError;
use super::order::order;
use super::svg::svg;
use super::text::text;
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
    /// An error says what is wrong with `path`: its ending, or that it cannot be written.
    pub(crate) fn to(path: &Path) -> Result<Output, FileError> {
        let name = path.to_string_lossy();
        let form = FORMS.iter().find(|(ending, _)| name.ends_with(ending));
        let Some(&(ending, form)) = form else {
            let endings: Vec<&str> = FORMS.iter().map(|(ending, _)| *ending).collect();
            let endings = endings.join(", ");
            let error = format!("{name}: the ending must be one of {endings}");
            return Err(FileError::of_content(error));
        };
        if path.file_name().is_some_and(|name| name == ending) {
            let error = format!("{name}: a name must stand before the ending, as in run.html");
            return Err(FileError::of_content(error));
        }
        // Not truncated before there is something to write.
        let opened = OpenOptions::new().create(true).append(true).open(path);
        let path = path.to_owned();
        let output = Output { path, form };
        match opened {
            Ok(_) => Ok(output),
            Err(error) => Err(output.unwritten(error)),
        }
    }

    fn unwritten(&self, error: io::Error) -> FileError {
        let name = self.path.display();
        FileError::of_system(format!("{name} cannot be written"), error)
    }

    pub(crate) fn write(&self, traces: &[Trace]) -> Result<(), FileError> {
        let each = |form: fn(&Trace) -> String| {
            let texts: Vec<String> = traces.iter().map(form).collect();
            texts.join("\n")
        };
        let text = match self.form {
            Form::Player => html(traces),
            Form::Compact => match traces {
                [trace] => evt_json(trace),
                traces => evt_json_of_all(traces),
            },
            Form::Chrome => chrome(traces),
            Form::Order => each(order),
            Form::Text => each(text),
            Form::Picture => svg(traces),
        };
        std::fs::write(&self.path, text).map_err(|error| self.unwritten(error))
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
