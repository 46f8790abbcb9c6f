//! What our pages may do: nothing but apply this very style and run this very script, which are known by their SHA-256. So
//! whatever a trace contains, it is never run.
//!
//! After a change of a page the test below says the new hashes.

pub(super) const PLAYER_STYLE: &str = "sha256-aGTSWBfuxcPodP7H4xtyNhYCrUeo7ynqeN6jgq8b+1Y=";
pub(super) const PLAYER_SCRIPT: &str = "sha256-wvWyFbp633P7A2ESS6uTcZ4/MdLmkyl8PBkYIWFiYgo=";

/// The inspector's page asks its server besides.
#[cfg(unix)]
pub(super) const INSPECTOR: &str = "default-src 'none'; style-src 'sha256-XVBDmwSjsQATwn6Rvg4nSXktj12x41RotHRfGfn5jZI='; script-src 'sha256-WBucqTPw/gvnPE279aJR9Ul7YhJlUQDDrxyFsZmhVV0='; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use base64::Engine;

    use super::*;

    /// The hash of what stands in the page's first element of this name without attributes.
    fn hash_in(page: &str, element: &str) -> String {
        let (_, text) = page.split_once(&format!("<{element}>")).unwrap();
        let (text, _) = text.split_once(&format!("</{element}>")).unwrap();
        let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        let hash = base64::engine::general_purpose::STANDARD.encode(hash);
        format!("sha256-{hash}")
    }

    #[test]
    fn the_policy_of_the_player_names_its_style_and_its_script() {
        let page = crate::trace::player::page("");
        let hashes = [hash_in(&page, "style"), hash_in(&page, "script")];
        assert_eq!([PLAYER_STYLE, PLAYER_SCRIPT], hashes);
        assert!(page.contains(PLAYER_STYLE) && page.contains(PLAYER_SCRIPT));
        assert!(!page.contains("unsafe"));
    }

    #[cfg(unix)]
    #[test]
    fn the_policy_of_the_inspector_names_its_style_and_its_script() {
        let page = include_str!("inspect.html");
        let (style, script) = (hash_in(page, "style"), hash_in(page, "script"));
        let expected = format!("default-src 'none'; style-src '{style}'; script-src '{script}'; ");
        assert!(INSPECTOR.starts_with(&expected), "{expected}");
    }
}
