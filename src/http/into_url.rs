//! What can be meant as a URL, and which URLs the client can go to.

use url::Url;

/// What can be meant as a URL. Names that are not ASCII: see [the module](crate::http).
pub trait IntoUrl {
    /// The URL; or, where it is none by itself, its text, which may still be one behind the session's `base_url`.
    ///
    /// # Errors
    /// The text, and what is wrong with it.
    fn into_url(self) -> Result<Url, (String, url::ParseError)>;

    /// The text, where it is one: a session parses the same text only once.
    fn as_text(&self) -> Option<&str> {
        None
    }
}

impl IntoUrl for &str {
    fn into_url(self) -> Result<Url, (String, url::ParseError)> {
        Url::parse(self).map_err(|error| (self.to_owned(), error))
    }

    fn as_text(&self) -> Option<&str> {
        Some(self)
    }
}

impl IntoUrl for &String {
    fn into_url(self) -> Result<Url, (String, url::ParseError)> {
        self.as_str().into_url()
    }

    fn as_text(&self) -> Option<&str> {
        Some(self.as_str())
    }
}

impl IntoUrl for String {
    fn into_url(self) -> Result<Url, (String, url::ParseError)> {
        self.as_str().into_url()
    }

    fn as_text(&self) -> Option<&str> {
        Some(self.as_str())
    }
}

impl IntoUrl for Url {
    fn into_url(self) -> Result<Url, (String, url::ParseError)> {
        Ok(self)
    }
}

impl IntoUrl for &Url {
    fn into_url(self) -> Result<Url, (String, url::ParseError)> {
        Ok(self.clone())
    }
}

impl IntoUrl for http::Uri {
    fn into_url(self) -> Result<Url, (String, url::ParseError)> {
        self.to_string().into_url()
    }
}

/// Whether the client can go there.
pub(crate) fn check_url(url: &Url) -> Result<(), String> {
    if url.cannot_be_a_base() {
        // What looks like a scheme may be a user's name, or the host of `localhost:8080`.
        return Err("it does not begin with http:// or https://".to_owned());
    }
    match url.scheme() {
        "http" => {}
        "https" if cfg!(feature = "tls") => {}
        "https" => return Err("https:// needs glassloop's feature `tls`".to_owned()),
        scheme => {
            return Err(format!(
                "the scheme {scheme} is not supported, http and https are"
            ));
        }
    }
    match url.host_str() {
        None | Some("") => Err("there is no host in it".to_owned()),
        Some(_) => Ok(()),
    }
}
