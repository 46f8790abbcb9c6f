//! A body between the connection and its reader: as it came, or decoded.

use std::task::{Context, Poll};

use crate::http::decode::{Decoded, Decoder};
use crate::http::error::ErrorKind;
use crate::http::parser::{Framing, ResponseHead};
use bytes::Bytes;

pub(crate) struct Content {
    /// As it came, and not given out.
    raw: Bytes,
    decoder: Option<Box<Decoder>>,
}

impl Content {
    /// Where it is going to be decoded, the fields that speak of what came are taken out of the head.
    pub(crate) fn new(decodes: bool, head: &mut ResponseHead) -> Result<Content, ErrorKind> {
        // A head without a body speaks of one that did not come.
        let is_empty = head.framing == Framing::Empty;
        Ok(Content {
            raw: Bytes::new(),
            decoder: match decodes && head.notable.content_encoding && !is_empty {
                false => None,
                true => {
                    let headers = head.headers_mut();
                    let decoder = Decoder::new(headers);
                    let decoder = decoder.map_err(|error| ErrorKind::Decode(Box::new(error)))?;
                    if decoder.is_some() {
                        headers.remove(http::header::CONTENT_ENCODING);
                        headers.remove(http::header::CONTENT_LENGTH);
                    }
                    decoder.map(Box::new)
                }
            },
        })
    }

    pub(crate) fn is_decoded(&self) -> bool {
        self.decoder.is_some()
    }

    /// What has come. Only when all that came before is given out.
    pub(crate) fn give(&mut self, data: Bytes) {
        self.raw = data;
    }

    /// The next decoded bytes; `None` when more must come.
    pub(crate) fn poll(&mut self, context: &Context<'_>) -> Poll<Option<Result<Bytes, ErrorKind>>> {
        if let Some(decoder) = &mut self.decoder {
            return match decoder.decode(&self.raw) {
                Err(error) => Poll::Ready(Some(Err(ErrorKind::Decode(Box::new(error))))),
                Ok((used, decoded)) => {
                    let _ = self.raw.split_to(used);
                    match decoded {
                        Decoded::NeedMore => Poll::Ready(None),
                        Decoded::Data(data) => Poll::Ready(Some(Ok(data.into()))),
                        Decoded::Working => {
                            context.waker().wake_by_ref();
                            Poll::Pending
                        }
                    }
                }
            };
        }
        let _ = context;
        let raw = std::mem::take(&mut self.raw);
        Poll::Ready((!raw.is_empty()).then_some(Ok(raw)))
    }

    /// The body has ended.
    pub(crate) fn finish(&self) -> Result<(), ErrorKind> {
        if let Some(decoder) = &self.decoder {
            let finished = decoder.finish();
            return finished.map_err(|error| ErrorKind::Decode(Box::new(error)));
        }
        Ok(())
    }
}
