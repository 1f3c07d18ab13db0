//! The message about one run: what Doze did or announced, why, by which numbers, and where to answer. One for the run, never
//! one for each instance. Pure: who sends it is `notify`'s.

use std::{borrow::Cow, fmt::Write as _};

use idleness::{Finding, InstanceId, Reason};
use jiff::Timestamp;

/// The most instances that a message describes. Further ones are counted.
const DESCRIBED: usize = 100;
/// SNS takes 256 KB, and a name may be long.
const BODY_BYTES: usize = 200_000;
/// What SNS allows a subject: ASCII, no more than 100 characters.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
const SUBJECT_CHARACTERS: usize = 100;
/// As much of a name as people recognize.
const NAME_CHARACTERS: usize = 80;

/// What happened to one instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// Something did not work: what.
    Failed { action: &'static str, code: String, message: String },
    /// It was started, then, and fell back to `stopped`.
    StartFailed { started_at: Timestamp },
    /// Its start was refused, and is tried again.
    StartOwed { code: String, message: String },
    /// Its start was tried until nobody waited for it any more.
    GivenUp { since: Timestamp },
    /// It was stopped.
    Stopped,
    /// Its stop was announced.
    Announced { stop_at: Timestamp },
    /// The announcement was withdrawn.
    Withdrawn,
    /// It was started.
    Started,
}

/// The way to an instance's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Its address, with a token.
    pub(crate) address: String,
    /// For how many hours its button keeps the instance awake.
    pub(crate) keep_hours: u32,
}

/// One instance in a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) instance: InstanceId,
    pub(crate) name: Option<String>,
    pub(crate) what: What,
    /// The reason of the decision, and what else is said of it.
    pub(crate) reason: Option<Reason>,
    pub(crate) detail: Option<String>,
    pub(crate) numbers: Vec<Finding>,
    /// The page of the instance, with a token.
    pub(crate) link: Option<Link>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// One line of ASCII.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// Writes the message; `None` if there is nothing to say.
pub(crate) fn digest(mut items: Vec<Item>, place: &str, at: Timestamp) -> Option<Message> {
    if items.is_empty() {
        return None;
    }
    items.sort_by(|a, b| a.what.rank().cmp(&b.what.rank()).then_with(|| a.instance.cmp(&b.instance)));
    let mut body = format!("Doze{}, {at}\n", on_one_line(place, NAME_CHARACTERS));
    let mut described = 0;
    for item in items.iter().take(DESCRIBED) {
        let text = item.describe();
        if body.len() + text.len() > BODY_BYTES {
            break;
        }
        body.push_str(&text);
        described += 1;
    }
    if described < items.len() {
        // Writing to a `String` cannot fail.
        let _ = write!(body, "\nAnd {} more, which the log of this run lists.\n", items.len() - described);
    }
    Some(Message { subject: subject(&items), body })
}

/// How many instances of each kind; kinds that do not fit are left to the body.
fn subject(items: &[Item]) -> String {
    const MORE: &str = ", ...";
    let mut counts: Vec<(&'static str, usize)> = Vec::new();
    for item in items {
        match counts.last_mut() {
            Some((word, count)) if *word == item.what.word() => *count += 1,
            _ => counts.push((item.what.word(), 1)),
        }
    }
    let mut subject = "Doze:".to_owned();
    for (position, (word, count)) in counts.into_iter().enumerate() {
        let part = format!("{}{count} {word}", if position == 0 { " " } else { ", " });
        if subject.len() + part.len() + MORE.len() > SUBJECT_CHARACTERS {
            subject.push_str(MORE);
            break;
        }
        subject.push_str(&part);
    }
    subject
}

impl What {
    /// Trouble first: it asks for somebody.
    const fn rank(&self) -> u8 {
        match self {
            Self::Failed { .. } => 0,
            Self::StartFailed { .. } => 1,
            Self::GivenUp { .. } => 2,
            Self::StartOwed { .. } => 3,
            Self::Stopped => 4,
            Self::Announced { .. } => 5,
            Self::Withdrawn => 6,
            Self::Started => 7,
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Failed { .. } => "failed",
            Self::StartFailed { .. } => "fell back to stopped",
            Self::GivenUp { .. } => "not started after all",
            Self::StartOwed { .. } => "owed a start",
            Self::Stopped => "stopped",
            Self::Announced { .. } => "to be stopped",
            Self::Withdrawn => "kept after all",
            Self::Started => "started",
        }
    }

    fn headline(&self) -> String {
        match self {
            Self::Failed { action, code, message } => {
                format!("could not {action}: {code}: {}", on_one_line(message, usize::MAX))
            }
            Self::StartFailed { .. } => "was started and fell back to stopped".to_owned(),
            Self::GivenUp { since } => {
                format!("could not be started; its start was owed since {since}, and Doze tries no more")
            }
            Self::StartOwed { code, message } => {
                format!("could not be started yet; Doze tries again: {code}: {}", on_one_line(message, usize::MAX))
            }
            Self::Stopped => "was stopped".to_owned(),
            Self::Announced { stop_at } => format!("is to be stopped at {stop_at}, if it is still idle"),
            Self::Withdrawn => "is not to be stopped any more".to_owned(),
            Self::Started => "was started".to_owned(),
        }
    }

    /// What its page offers to do about it.
    fn offer(&self, keep_hours: u32) -> Cow<'static, str> {
        let offer = match self {
            Self::Stopped => "Start it again",
            Self::Announced { .. } if keep_hours == 1 => "Keep it awake for an hour",
            Self::Announced { .. } => return format!("Keep it awake for {keep_hours} hours").into(),
            Self::StartFailed { .. } | Self::GivenUp { .. } | Self::StartOwed { .. } => "Look at it, or try again",
            Self::Failed { .. } | Self::Withdrawn | Self::Started => "Look at it",
        };
        offer.into()
    }
}

impl Item {
    fn describe(&self) -> String {
        let title = match &self.name {
            Some(name) => format!("{} ({})", on_one_line(name, NAME_CHARACTERS), self.instance),
            None => self.instance.to_string(),
        };
        let mut text = format!("\n{title} {}\n", self.what.headline());
        if let Some(why) = self.why() {
            let _ = writeln!(text, "  Why: {why}");
        }
        for finding in self.numbers.iter().filter(|finding| !finding.skipped) {
            let _ = writeln!(text, "    {}", number(finding));
        }
        if let Some(Link { address, keep_hours }) = &self.link {
            let _ = writeln!(text, "  {}: {address}", self.what.offer(*keep_hours));
        }
        text
    }

    /// The reason; nothing of an instance that the run was not about.
    fn why(&self) -> Option<String> {
        let reason = self.reason?;
        Some(match (&self.what, &self.detail) {
            // The headline says all that the detail does.
            (What::Announced { .. }, _) => Reason::Idle.as_str().to_owned(),
            (_, Some(detail)) => format!("{}: {}", reason.as_str(), on_one_line(detail, usize::MAX)),
            (_, None) => reason.as_str().to_owned(),
        })
    }
}

/// A number with its limit, and from how many datapoints it comes.
fn number(finding: &Finding) -> String {
    match (finding.points, finding.expected) {
        (Some(points), Some(expected)) => format!("{finding}; {points} of {expected} datapoints"),
        _ => finding.to_string(),
    }
}

/// A text from outside as part of one line: a name may hold anything, and must not add lines of its own.
fn on_one_line(text: &str, characters: usize) -> String {
    let mut line = String::new();
    for character in text.chars().take(characters) {
        if character.is_control() || is_separator_or_direction(character) {
            line.extend(character.escape_unicode());
        } else {
            line.push(character);
        }
    }
    if text.chars().nth(characters).is_some() {
        line.push('…');
    }
    line
}

/// Separators that end a line, and marks that turn the direction of what follows.
const fn is_separator_or_direction(character: char) -> bool {
    matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(what: &What, count: usize) -> impl Iterator<Item = Item> {
        let item = Item {
            instance: "i-0abc1234".parse().expect("valid"),
            name: None,
            what: what.clone(),
            reason: None,
            detail: None,
            numbers: Vec::new(),
            link: None,
        };
        std::iter::repeat_n(item, count)
    }

    #[test]
    fn a_subject_has_its_bound_whatever_the_numbers_are() {
        let failed = What::Failed { action: "be stopped", code: "Timeout".to_owned(), message: String::new() };
        let owed = What::StartOwed { code: "Timeout".to_owned(), message: String::new() };
        let (fell_back, given_up) =
            (What::StartFailed { started_at: Timestamp::UNIX_EPOCH }, What::GivenUp { since: Timestamp::UNIX_EPOCH });
        let kinds = [failed, fell_back, given_up, owed, What::Stopped, What::Withdrawn, What::Started];
        let mut longest = 0;
        for (chosen, count) in (0..128_usize).flat_map(|chosen| [1, 90, 800, 7000].map(|count| (chosen, count))) {
            let is_chosen = |place: &usize| chosen >> place & 1 == 1;
            let many =
                (0..kinds.len()).flat_map(|place| items(&kinds[place], if is_chosen(&place) { count } else { 10 }));
            let subject = subject(&many.collect::<Vec<_>>());
            longest = longest.max(subject.len());
            assert!(subject.len() <= SUBJECT_CHARACTERS && subject.is_ascii(), "{subject:?}");
            assert!(subject.ends_with(", ...") || subject.ends_with(" started"), "{subject:?}");
        }
        assert_eq!(longest, SUBJECT_CHARACTERS, "no room is wasted");
    }
}
