//! Where a trace goes, and in which form: what `GLASSLOOP_TRACE` says.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use super::evt_json::{evt_json, evt_json_of_all, html};
use super::trace::Trace;

/// A form of a trace, as the ending of the file names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Player,
    Compact,
}

const FORMS: [(&str, Form); 2] = [(".html", Form::Player), (".evt.json", Form::Compact)];

/// A file that a trace can be written to.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    path: PathBuf,
    form: Form,
}

impl Output {
    /// An error says what is wrong with `path`: its ending, or that it cannot be written.
    pub(crate) fn to(path: &Path) -> Result<Output, String> {
        let name = path.to_string_lossy();
        let form = FORMS.iter().find(|(ending, _)| name.ends_with(ending));
        let Some(&(_, form)) = form else {
            let endings: Vec<&str> = FORMS.iter().map(|(ending, _)| *ending).collect();
            let endings = endings.join(", ");
            return Err(format!("{name}: the ending must be one of {endings}"));
        };
        // Not truncated before there is something to write.
        let opened = OpenOptions::new().create(true).append(true).open(path);
        opened.map_err(|error| format!("{name} cannot be written: {error}"))?;
        let path = path.to_owned();
        Ok(Output { path, form })
    }

    pub(crate) fn write(&self, traces: &[Trace]) -> io::Result<()> {
        let text = match (self.form, traces) {
            (Form::Player, traces) => html(traces),
            (Form::Compact, [trace]) => evt_json(trace),
            (Form::Compact, traces) => evt_json_of_all(traces),
        };
        std::fs::write(&self.path, text)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
