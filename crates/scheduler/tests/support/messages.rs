//! Where messages go in tests: an inbox, and the keys that sign their links.

use std::cell::{Cell, RefCell};

use capability::{Key, KeyRing, Keys, KeysUnreadable, ReadKeys};
use fleet::ApiError;
use jiff::SignedDuration;
use scheduler::{Links, Message, Notifier, Publish, Run};

const SECRET: &str = "correct-horse-battery-staple-and-then-some";
pub const URL: &str = "https://doze.example";

/// The key of all tests.
#[derive(Debug)]
pub struct TestKeys;

pub fn ring() -> KeyRing {
    KeyRing::new(Key::new("8d1f0c2e-0000-4000-8000-000000000000", SECRET).expect("is long enough"), None)
}

impl ReadKeys for TestKeys {
    async fn keys(&self) -> Result<KeyRing, KeysUnreadable> {
        Ok(ring())
    }
}

/// Keys that cannot be read.
#[derive(Debug)]
pub struct NoKeys;

impl ReadKeys for NoKeys {
    async fn keys(&self) -> Result<KeyRing, KeysUnreadable> {
        Err(KeysUnreadable::new("AccessDeniedException", "no"))
    }
}

/// Keeps what is published, or refuses it.
#[derive(Debug, Default)]
pub struct Inbox {
    messages: RefCell<Vec<Message>>,
    refuses: Cell<bool>,
}

impl Publish for Inbox {
    async fn publish(&self, message: &Message) -> Result<(), ApiError> {
        if self.refuses.get() {
            return Err(ApiError::new("sns:Publish", "NotFound", "Topic does not exist"));
        }
        self.messages.borrow_mut().push(message.clone());
        Ok(())
    }
}

impl Inbox {
    pub fn refuse(&self) {
        self.refuses.set(true);
    }

    /// What has come since this was asked last.
    pub fn take(&self) -> Vec<Message> {
        self.messages.take()
    }
}

/// A notifier whose messages have no links.
pub fn without_links() -> Notifier<Inbox, TestKeys> {
    Notifier::new(Inbox::default(), None)
}

/// A notifier whose links are good for so many hours.
pub fn with_links<S: ReadKeys>(keys: S, hours: i64) -> Notifier<Inbox, S> {
    let good_for = SignedDuration::from_hours(hours);
    let links = Links { url: URL.to_owned(), key: "arn".to_owned(), good_for, keep_hours: 4 };
    Notifier::new(Inbox::default(), Some((Keys::new(keys), links)))
}

/// The one message about a run, if there is one.
pub async fn message_about(run: &mut Run) -> Option<Message> {
    let notifier = without_links();
    notifier.tell(run).await;
    let mut messages = notifier.topic.take();
    assert!(messages.len() <= 1, "one run, one message");
    messages.pop()
}
