//! Finds the program of another example, for those that start it as a process of its own.

use std::path::Path;
use std::process::Command;

/// A command for `examples/{name}.rs` as it was built along with the running example or test.
pub fn example(name: &str) -> Result<Command, String> {
    let this = std::env::current_exe().map_err(|error| format!("where am I? {error}"))?;
    let folder = this.parent().unwrap_or(Path::new(""));
    // An example stands in PROFILE/examples, a test in PROFILE/deps.
    let path = folder.with_file_name("examples").join(name);
    let path = path.with_extension(std::env::consts::EXE_EXTENSION);
    if path.is_file() {
        let mut command = Command::new(path);
        // Its recording would overwrite ours.
        command.env_remove("GLASSLOOP_TRACE");
        Ok(command)
    } else {
        Err(format!(
            "{} is not there: run `cargo build --examples` (with the same profile) first",
            path.display()
        ))
    }
}
