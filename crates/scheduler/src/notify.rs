//! Telling people about a run: what is worth telling, with links that are signed for it. That it does not work changes
//! nothing about the run; the report says so.
#![expect(async_fn_in_trait, reason = "the functions run on one thread, so no caller needs the futures to be `Send`")]

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use capability::{Capability, Keys, ReadKeys};
use fleet::{Action, ApiError, Outcome, OutcomeResult};
use idleness::{
    Announcement, Decision, InstanceId, InstanceState, Mode, Reason, given_up_since, is_start_owed, is_start_tried,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    digest::{Item, Link, Message, What, digest},
    report::Notification,
    run::Run,
    settings::Links,
};

/// How long telling may take. What it is about has been done and logged, and the function must not run out of time for it.
pub const LONGEST_TELLING: Duration = Duration::from_secs(10);

/// For how long a failure that comes again is no news.
const TOLD_FOR: SignedDuration = SignedDuration::from_hours(24);
/// For how long a start that fell back is told by any run that sees it.
const NEWS_FOR: SignedDuration = SignedDuration::from_mins(30);

/// Where messages go.
pub trait Publish {
    /// Sends a message to whoever wants it.
    ///
    /// # Errors
    /// It was not taken.
    async fn publish(&self, message: &Message) -> Result<(), ApiError>;
}

/// Tells people about runs.
#[derive(Debug)]
pub struct Notifier<T, S> {
    /// Where the messages go.
    pub topic: T,
    links: Option<(Keys<S>, Links)>,
    /// Which failures were told, and when: what fails in every run is no news. This lives as long as the process, which is
    /// a matter of politeness alone; the log has them all.
    told: RefCell<BTreeMap<Failure, Timestamp>>,
}

/// A failure, as far as it can be told from another: the instance, what was tried, and the error's code or the time of the try.
type Failure = (InstanceId, &'static str, String);

impl<T: Publish, S: ReadKeys> Notifier<T, S> {
    /// A notifier that says where pages are, and signs links to them. Without that, messages have no links.
    pub const fn new(topic: T, links: Option<(Keys<S>, Links)>) -> Self {
        Self { topic, links, told: RefCell::new(BTreeMap::new()) }
    }

    /// Publishes what the run did or announced, if there is anything, and notes in the report what became of that.
    pub async fn tell(&self, run: &mut Run) {
        let mut items = items(run);
        let at = run.report.at;
        items.retain(|item| item.failure().is_none_or(|failure| self.is_news(&failure, at)));
        if items.is_empty() {
            return;
        }
        let failures: Vec<Failure> = items.iter().filter_map(Item::failure).collect();
        let told = tokio::time::timeout(LONGEST_TELLING, self.send(items, run)).await;
        run.report.notification = match told {
            Ok(notification) => notification,
            Err(_) => Some(Notification::Failed {
                code: ApiError::TIMEOUT.to_owned(),
                message: format!("not sent within {} seconds", LONGEST_TELLING.as_secs()),
            }),
        };
        if run.report.notification == Some(Notification::Sent) {
            let mut told = self.told.borrow_mut();
            told.retain(|_, told_at| is_recent(*told_at, at));
            told.extend(failures.into_iter().map(|failure| (failure, at)));
        }
    }

    fn is_news(&self, failure: &Failure, at: Timestamp) -> bool {
        self.told.borrow().get(failure).is_none_or(|told_at| !is_recent(*told_at, at))
    }

    async fn send(&self, mut items: Vec<Item>, run: &Run) -> Option<Notification> {
        let at = run.report.at;
        self.add_links(&mut items, at).await;
        let message = digest(items, &place(run), at)?;
        Some(match self.topic.publish(&message).await {
            Ok(()) => Notification::Sent,
            Err(ApiError { code, message, .. }) => Notification::Failed { code, message },
        })
    }

    async fn add_links(&self, items: &mut [Item], at: Timestamp) {
        let Some((keys, links)) = &self.links else { return };
        let expires_at = at.saturating_add(links.good_for).unwrap_or(at);
        for item in items {
            let capability = Capability::for_instance(item.instance.clone(), expires_at);
            match keys.sign(&capability, at).await {
                Ok(token) => {
                    let address = format!("{}/instances/{}?token={token}", links.url, item.instance);
                    item.link = Some(Link { address, keep_hours: links.keep_hours });
                }
                Err(error) => {
                    let failure = error.to_string();
                    tracing::error!(failure, "the message goes without links");
                    return;
                }
            }
        }
    }
}

/// Whether people still know of it.
fn is_recent(told_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(told_at).abs() < TOLD_FOR
}

impl Item {
    /// The failure that it tells of, if it does.
    fn failure(&self) -> Option<Failure> {
        match &self.what {
            What::Failed { action, code, .. } => Some((self.instance.clone(), action, code.clone())),
            What::StartFailed { started_at } => Some((self.instance.clone(), "stay up", started_at.to_string())),
            _ => None,
        }
    }
}

/// Where the run took place, as far as its event says.
fn place(run: &Run) -> String {
    let trigger = &run.report.trigger;
    let region = trigger.region.as_deref().map(|region| format!(" in {region}"));
    let account = trigger.account.as_deref().map(|account| format!(" of account {account}"));
    region.unwrap_or_default() + &account.unwrap_or_default()
}

/// What is worth telling of a run: what was done, what was announced, and what did not work.
fn items(run: &Run) -> Vec<Item> {
    let done = run.report.outcomes.iter().filter_map(|outcome| {
        let decision = run.decisions.iter().find(|decision| decision.instance == outcome.instance);
        let what = what(run, outcome, decision)?;
        // Why it came up, was decided in an earlier run.
        Some(item(run, &outcome.instance, what, decision.filter(|_| outcome.action != Action::Settle)))
    });
    let fell_back = run.decisions.iter().filter(|decision| decision.reason == Reason::StartFailed);
    let fell_back = fell_back.filter_map(|decision| {
        let started_at = run.sight.instance(&decision.instance)?.launched_at?;
        // EC2 says once that a start fell back, if anybody listens, and later runs see it, too: for a while it is news to them.
        let is_news = run.report.mode == Mode::Enforce && run.report.at.duration_since(started_at) < NEWS_FOR;
        is_news.then(|| item(run, &decision.instance, What::StartFailed { started_at }, Some(decision)))
    });
    done.chain(fell_back).collect()
}

fn what(run: &Run, outcome: &Outcome, decision: Option<&Decision>) -> Option<What> {
    match (&outcome.result, outcome.action) {
        (OutcomeResult::Failed { .. }, Action::Start) if was_tried(run, outcome) => None,
        (OutcomeResult::Failed { code, message }, action) => {
            Some(What::Failed { action: verb(action), code: code.clone(), message: message.clone() })
        }
        // Told when it is refused first; then again when it runs, which the end of its note shows.
        (OutcomeResult::Owed { code, message }, _) => {
            (!was_tried(run, outcome)).then(|| What::StartOwed { code: code.clone(), message: message.clone() })
        }
        (OutcomeResult::Done, Action::Stop) => Some(What::Stopped),
        (OutcomeResult::Done, Action::Start) if was_owed(run, outcome) => None,
        // EC2 took the start before, too, and had no capacity in the end.
        (OutcomeResult::Done, Action::Start) if decision.is_some_and(|it| it.reason == Reason::StartOwed) => {
            let transition = &run.sight.instance(&outcome.instance)?.transition;
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            Some(What::StartOwed { code: text(&transition.code), message: text(&transition.message) })
        }
        (OutcomeResult::Done, Action::Start) => Some(What::Started),
        (OutcomeResult::Done, Action::Settle) => {
            let instance = run.sight.instance(&outcome.instance)?;
            match given_up_since(instance, run.report.at) {
                Some(since) => Some(What::GivenUp { since }),
                None => (was_tried(run, outcome) && instance.state == InstanceState::Running).then_some(What::Started),
            }
        }
        (OutcomeResult::Done, Action::Announce) => match decision?.announcement? {
            Announcement::New { stop_at } => Some(What::Announced { stop_at }),
            Announcement::Running { .. } | Announcement::Withdrawn => None,
        },
        // Whether it was stopped as announced or by somebody else: a stopped instance was not kept after all.
        (OutcomeResult::Done, Action::Withdraw) => {
            let runs = run.sight.instance(&outcome.instance).is_some_and(|i| i.state == InstanceState::Running);
            runs.then_some(What::Withdrawn)
        }
        (OutcomeResult::Done, Action::Untag | Action::Owe) | (OutcomeResult::Already, _) => None,
    }
}

/// Whether the start was owed before this run.
fn was_owed(run: &Run, outcome: &Outcome) -> bool {
    run.sight.instance(&outcome.instance).is_some_and(is_start_owed)
}

/// Whether the owed start was tried before this run, and refused: then people know.
fn was_tried(run: &Run, outcome: &Outcome) -> bool {
    run.sight.instance(&outcome.instance).is_some_and(is_start_tried)
}

const fn verb(action: Action) -> &'static str {
    match action {
        Action::Stop => "be stopped",
        Action::Start => "be started",
        Action::Announce => "have its stop announced",
        Action::Withdraw => "have the announcement of its stop withdrawn",
        Action::Untag => "have the note of a stop taken back",
        Action::Owe => "have its owed start noted",
        Action::Settle => "have the note of an owed start taken off",
    }
}

fn item(run: &Run, id: &InstanceId, what: What, decision: Option<&Decision>) -> Item {
    Item {
        instance: id.clone(),
        name: run.sight.instance(id).and_then(|instance| Some(instance.name()?.to_owned())),
        what,
        reason: decision.map(|decision| decision.reason),
        detail: decision.and_then(|decision| decision.detail.clone()),
        numbers: decision.map(|decision| decision.evidence.clone()).unwrap_or_default(),
        link: None,
    }
}
