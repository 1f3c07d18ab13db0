//! Data as a source of small decisions, one after the other. Where they end, everything is zero: each target makes the most
//! ordinary case of that, so that every byte is one step away from it.

use jiff::{SignedDuration, Timestamp};

/// What is left of the data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        let (head, rest) = self.0.split_at(N.min(self.0.len()));
        taken[..head.len()].copy_from_slice(head);
        self.0 = rest;
        taken
    }

    /// A number below 256.
    pub(crate) fn byte(&mut self) -> u8 {
        let [byte] = self.take();
        byte
    }

    /// A number up to and with the largest.
    pub(crate) fn up_to(&mut self, largest: u8) -> u8 {
        u8::try_from(u16::from(self.byte()) % (u16::from(largest) + 1)).expect("is no larger than a byte")
    }

    /// A number of either sign, small ones more often.
    pub(crate) fn signed(&mut self) -> i64 {
        match self.up_to(3) {
            0 => i64::from(i8::from_le_bytes(self.take())),
            1 => i64::from(i16::from_le_bytes(self.take())),
            2 => i64::from(i32::from_le_bytes(self.take())),
            _ => i64::from_le_bytes(self.take()),
        }
    }

    /// Seconds since 1970, until 2106.
    pub(crate) fn seconds(&mut self) -> i64 {
        u32::from_le_bytes(self.take()).into()
    }

    /// Any number at all, or none.
    pub(crate) fn float(&mut self) -> f64 {
        f64::from_le_bytes(self.take())
    }

    /// One of these, the first of them where nothing is left.
    ///
    /// # Panics
    /// There are none.
    pub(crate) fn choose<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()].clone()
    }

    /// An instant so many seconds away from another, or the end of time on that side.
    pub(crate) fn instant(&mut self, from: Timestamp) -> Timestamp {
        let seconds = self.signed();
        let end = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
        from.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(end)
    }

    /// A text of all that is left.
    pub(crate) fn text(self) -> String {
        String::from_utf8_lossy(self.0).into_owned()
    }
}
