//! The HTTP/1.1 client, from the bytes upwards.
pub mod chunked;
pub mod fields;
pub mod framing;
pub mod parse_error;
pub mod parser;
