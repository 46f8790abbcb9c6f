//! Traces in files: read back from the compact form, and written in the form that the file's ending names.

use std::path::Path;

use super::file_error::FileError;
use super::output::Output;
use super::saved;
use super::trace::Trace;

/// The traces in the text of a compact trace: what [`evt_json`](super::evt_json) wrote, or
/// [`evt_json_of_all`](super::evt_json_of_all). All forms can be made of them, and are what the program itself would have written.
///
/// ```
/// use glassloop::trace;
///
/// let recorder = trace::Recorder::new("nothing");
/// let saved = trace::evt_json(&recorder.trace());
/// let traces = trace::from_evt_json(&saved)?;
/// assert_eq!(traces[0].title, "nothing");
/// assert_eq!(trace::evt_json(&traces[0]), saved);
/// # Ok::<(), trace::FileError>(())
/// ```
///
/// # Errors
/// What is wrong with the text, in one line: it is empty, breaks off, is another form of a trace or none, or of another version.
pub fn from_evt_json(text: &str) -> Result<Vec<Trace>, FileError> {
    saved::parse(text).map_err(|error| FileError::of_content(format!("no compact trace: {error}")))
}

/// The traces in a file `.evt.json`: one, or several of one program. It blocks until the file is read, and needs no loop.
///
/// # Errors
/// The file cannot be read, or is no compact trace: see [`from_evt_json`].
pub fn load(path: impl AsRef<Path>) -> Result<Vec<Trace>, FileError> {
    let name = path.as_ref().display();
    let bytes =
        std::fs::read(&path).map_err(|error| FileError::of_system(name.to_string(), error))?;
    let text = String::from_utf8(bytes).map_err(|_| "it is no text".to_owned());
    let traces = text.and_then(|text| saved::parse(&text));
    traces.map_err(|error| FileError::of_content(format!("{name} is no compact trace: {error}")))
}

/// Writes traces to a file, in the form that its ending names, as `GLASSLOOP_TRACE` does: see the [module](super). A file that is
/// there is written over. It blocks until the file is written, and needs no loop.
///
/// ```
/// use glassloop::trace;
///
/// let recorder = trace::Recorder::new("nothing");
/// let folder = std::env::temp_dir();
/// let saved = folder.join("glassloop-nothing.evt.json");
/// trace::save(&saved, &[recorder.trace()])?;
/// // Later, maybe by another program:
/// trace::save(folder.join("glassloop-nothing.html"), &trace::load(&saved)?)?;
/// # Ok::<(), trace::FileError>(())
/// ```
///
/// # Errors
/// The ending names no form, or the file cannot be written.
pub fn save(path: impl AsRef<Path>, traces: &[Trace]) -> Result<(), FileError> {
    Output::named(path.as_ref())?.write(traces)
}
