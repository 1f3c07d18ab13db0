//! Doze at work in the simulated account: its ticks and events, its messages, and the people who answer them.

use capability::Keys;
use fleet::Action;
use idleness::{InstanceState, Mode, Prices, Rules};
use jiff::SignedDuration;
use scheduler::{Message, Notifier, Settings, run};
use serde_json::{Value, json};

use super::{
    times::{at, text},
    world::World,
};
use crate::support::{
    messages::{Inbox, TestKeys, with_links},
    settings,
};

/// What a person does at some time.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// Stops it in the console.
    Stop,
    /// Starts it in the console.
    Start,
    /// Follows the link of the newest message about it, and presses a button of the page: `start`, or `keep-awake`.
    Press(&'static str),
}

/// Longer than it takes until there are measurements again, so that it shows.
const HOLD: SignedDuration = SignedDuration::from_hours(2);

pub struct Life {
    pub world: World,
    settings: Settings,
    notifier: Notifier<Inbox, TestKeys>,
    deeds: Vec<(&'static str, &'static str, Deed)>,
    messages: Vec<(String, Message)>,
}

impl Life {
    /// Sweeps come at seven minutes past each hour, starts every five minutes, and these deeds when they are due.
    pub fn of(world: World, grace_minutes: i64, deeds: &[(&'static str, &'static str, Deed)]) -> Self {
        let rules = Rules { grace: SignedDuration::from_mins(grace_minutes), ..Rules::default() };
        let settings = Settings { rules, ..settings(Mode::Enforce) };
        Self { world, settings, notifier: with_links(TestKeys, 7 * 24), deeds: deeds.to_vec(), messages: Vec::new() }
    }

    /// When each message was sent, and its subject.
    pub fn subjects(&self) -> Vec<(&str, &str)> {
        self.messages.iter().map(|(time, message)| (time.as_str(), message.subject.as_str())).collect()
    }

    pub async fn pass_a_minute(&mut self) {
        // The rule in the template asks for these two states alone.
        let is_asked_for = |event: &Value| ["running", "stopped"].map(Value::from).contains(&event["detail"]["state"]);
        for event in self.world.pass_a_minute().into_iter().filter(is_asked_for) {
            self.invoke(&event).await;
        }
        for (time, name, deed) in self.deeds.clone() {
            if at(time) == self.world.now() {
                self.act(name, deed).await;
            }
        }
        match self.world.now().as_second() / 60 % 60 {
            7 => {
                self.invoke(&json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.scheduler"}))
                    .await;
            }
            minute if minute % 5 == 0 => self.invoke(&json!({"action": "start"})).await,
            _ => {}
        }
    }

    async fn invoke(&mut self, event: &Value) {
        let now = self.world.now();
        let mut run = run(event, &&self.world, &self.settings, now).await.expect("the fleet can be seen");
        assert_eq!(run.report.first_failure(), None, "{event}");
        let is_start_tick = event.get("action").is_some();
        assert!(!is_start_tick || run.report.outcomes.iter().all(|outcome| outcome.action != Action::Stop), "{event}");
        self.notifier.tell(&mut run).await;
        self.messages.extend(self.notifier.topic.take().into_iter().map(|message| (text(now), message)));
    }

    async fn act(&self, name: &str, deed: Deed) {
        let id = self.world.id(name);
        match deed {
            Deed::Stop => assert_eq!(self.world.stop(&id, false).1, InstanceState::Stopping),
            Deed::Start => assert!(self.world.start(&id).is_some()),
            Deed::Press(button) => self.press(name, button).await,
        }
    }

    /// Opens the page by the link of a message, and presses its button, as a browser does.
    async fn press(&self, name: &str, button: &str) {
        let start = format!("https://doze.example/instances/{}?token=", self.world.id(name));
        let bodies = self.messages.iter().rev().map(|(_, message)| &message.body);
        let link = bodies.flat_map(|body| body.split_whitespace()).find(|word| word.starts_with(&start));
        let link = link.expect("a message has a link").strip_prefix("https://doze.example").expect("it begins so");
        let (path, query) = link.split_once('?').expect("it has a query");
        let page = self.browse("GET", path, query, "").await;
        assert_eq!(page["statusCode"], 200, "{page}");
        let action = format!("{}/{button}", self.world.id(name));
        let has_button = page["body"].as_str().is_some_and(|body| body.contains(&format!("action=\"{action}\"")));
        assert!(has_button, "the page has no button {button}: {page}");
        let answer = self.browse("POST", &format!("/instances/{action}"), "", query).await;
        assert_eq!(answer["statusCode"], 303, "{answer}");
        assert_eq!(answer["headers"]["location"], format!("../{}?{query}", self.world.id(name)));
    }

    async fn browse(&self, method: &str, path: &str, query: &str, form: &str) -> Value {
        let event = json!({
            "version": "2.0", "rawPath": path, "rawQueryString": query, "body": form, "isBase64Encoded": false,
            "headers": {"host": "doze.example", "content-type": "application/x-www-form-urlencoded"},
            "requestContext": {"http": {"method": method, "path": path}, "stage": "$default", "timeEpoch": 1},
        });
        let (mode, max_keep_hours, link_key) = (Mode::Enforce, 24, None);
        let now = self.world.now();
        let answer = if method == "GET" {
            let (rules, prices) = (self.settings.rules.clone(), Prices::default());
            let settings = home::Settings { mode, rules, max_keep_hours, prices, link_key };
            let sources = home::Sources { fleet: &self.world, keys: Some(Keys::new(TestKeys)) };
            web::answer(&event.to_string(), async |r: &web::Request| home::respond(r, &sources, &settings, now).await)
                .await
        } else {
            let settings = wake::Settings { mode, hold: HOLD, max_keep_hours, link_key, function: None };
            let sources = wake::Sources { fleet: &self.world, keys: Some(Keys::new(TestKeys)) };
            web::answer(&event.to_string(), async |r: &web::Request| wake::respond(r, &sources, &settings, now).await)
                .await
        };
        serde_json::to_value(answer).expect("serializes")
    }
}
