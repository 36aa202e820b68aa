//! The rest of a body that nobody wants.
//!
//! actix reads on and on what a client sends after it was refused, if the body is chunked and its
//! payload was dropped. While the payload lives, the connection is closed behind the answer.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::web::Bytes;
use futures_util::{Stream, stream};

/// A hand on a request's body, whoever reads it.
pub struct Unread(Rc<RefCell<Payload>>);

impl Unread {
    /// Takes hold of a chunked body.
    pub fn of(request: &mut ServiceRequest) -> Option<Self> {
        if !request.request().chunked().unwrap_or(false) {
            return None;
        }
        let payload = Rc::new(RefCell::new(request.take_payload()));
        let same = Rc::clone(&payload);
        let chunks =
            stream::poll_fn(move |context| Pin::new(&mut *same.borrow_mut()).poll_next(context));
        request.set_payload(Payload::Stream { payload: Box::pin(chunks) });
        Some(Self(payload))
    }

    /// Keeps hold of it until `body`, the answer, is sent.
    pub fn until_sent(self, body: BoxBody) -> BoxBody {
        BoxBody::new(Answer { body, _unread: self.0 })
    }
}

struct Answer {
    body: BoxBody,
    _unread: Rc<RefCell<Payload>>,
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}
