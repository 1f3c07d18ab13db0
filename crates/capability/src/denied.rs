//! Why a link is refused.

/// Why a token is worth nothing. Which of these it was may be logged; the message, which may be shown to anybody, says no
/// more than whether a new link would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It is no token of ours, or claims what we would never sign.
    #[error("the link is invalid")]
    Malformed,
    /// It names a key that we do not have, or no longer.
    #[error("the link is invalid")]
    UnknownKey,
    /// The key that it names did not sign it.
    #[error("the link is invalid")]
    BadSignature,
    /// It was good until the instant that it names.
    #[error("the link has expired")]
    Expired,
}
