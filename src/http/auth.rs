//! Credentials as header values, which no `Debug` prints.

use http::HeaderValue;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::http::base64;

pub(crate) fn basic(user: &[u8], password: &[u8]) -> HeaderValue {
    let both = [user, b":", password].concat();
    secret(format!("Basic {}", base64::encode(&both)))
}

fn secret(text: String) -> HeaderValue {
    // Base64 has no byte that a header could not have.
    let mut value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Whether there is a user name or a password in the URL.
pub(crate) fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Moves user name and password out of the URL: they are never part of a target, a Host or an error.
pub(crate) fn take_credentials(url: &mut Url) -> HeaderValue {
    let user: Vec<u8> = percent_decode_str(url.username()).collect();
    let password: Vec<u8> = percent_decode_str(url.password().unwrap_or("")).collect();
    // A URL that has credentials can lose them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    basic(&user, &password)
}
