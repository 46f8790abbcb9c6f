//! The player: a page that shows recorded runs turn by turn, forwards and backwards, without a network.
//!
//! Its parts stand in `player/`, to be read; `build.rs` makes one file of them.

use super::policy;

#[cfg(test)]
mod squeeze;

const PAGE: &str = include_str!(concat!(env!("OUT_DIR"), "/player.html"));

/// The page with these traces in it, a document as `evt_json_of_all` makes it: without any `<`.
pub(super) fn page(traces: &str) -> String {
    // The traces last: they may contain anything, the other marks too.
    PAGE.replacen("/*STYLE*/", policy::PLAYER_STYLE, 1)
        .replacen("/*SCRIPT*/", policy::PLAYER_SCRIPT, 1)
        .replacen("/*TRACE*/", traces, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_without_traces_is_at_most_60_kilobytes() {
        let page = page("");
        assert!(page.len() <= 60 * 1024, "{} bytes", page.len());
        assert!(page.is_char_boundary(page.len()) && !page.contains("/*"));
    }

    /// Of the thread, as other tests run at the same time.
    #[cfg(target_os = "linux")]
    fn cpu_time() -> std::time::Duration {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        let (nanoseconds, _) = stat.split_once(' ').unwrap();
        std::time::Duration::from_nanos(nanoseconds.parse().unwrap())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_the_same_in_each_page_is_ready_when_a_program_is_recorded() {
        assert_eq!(PAGE, squeeze::page());
        let before = cpu_time();
        page("");
        let took = cpu_time() - before;
        assert!(took < std::time::Duration::from_millis(25), "{took:?}");
    }
}
