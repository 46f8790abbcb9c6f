//! Makes the player's page of its parts.

use std::path::PathBuf;

#[path = "src/trace/player/squeeze.rs"]
mod squeeze;

fn main() {
    // Which contains the parts: a change of one builds it anew.
    println!("cargo::rerun-if-changed=build.rs");
    let folder = std::env::var_os("OUT_DIR").expect("Cargo says where");
    let page = PathBuf::from(folder).join("player.html");
    std::fs::write(page, squeeze::page()).expect("the page is written");
}
