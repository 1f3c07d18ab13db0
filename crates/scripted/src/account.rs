//! An account's normal answers: instances that are described, tagged, stopped, started and measured.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Answer, Call, cloudwatch, ec2};

/// How many instances EC2 describes at once, at most.
const LARGEST_PAGE: usize = 1000;
/// How long an instance is on the way, by the account's clock.
const ON_THE_WAY: SignedDuration = SignedDuration::from_mins(1);

/// An instance.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its id.
    pub id: String,
    /// Its state, by EC2's name.
    pub state: &'static str,
    /// When it was started.
    pub launched_at: Timestamp,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// What each metric measures, in each period; 0 where nothing is said. `None`: nothing is measured.
    pub measures: Option<BTreeMap<&'static str, f64>>,
    /// Whether stop protection is on.
    pub protected: bool,
    /// `ebs` or `instance-store`.
    pub root_device: &'static str,
    /// The type of its Spot request, where it has one.
    pub spot: Option<&'static str>,
    /// Why it is in its state, by code and message.
    pub state_reason: Option<(&'static str, &'static str)>,
    /// The state that it is on the way to, and when it gets there.
    due: Option<(Timestamp, &'static str)>,
}

impl Machine {
    /// One that opted in, has run for a day, and does nothing.
    #[must_use]
    pub fn idle(id: &str, now: Timestamp) -> Self {
        Self {
            id: id.to_owned(),
            state: "running",
            launched_at: now - SignedDuration::from_hours(24),
            tags: BTreeMap::from([("doze".to_owned(), "on".to_owned())]),
            measures: Some(BTreeMap::from([("CPUUtilization", 0.4)])),
            protected: false,
            root_device: "ebs",
            spot: None,
            state_reason: None,
            due: None,
        }
    }

    /// The same with one more tag.
    #[must_use]
    pub fn tagged(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The same, measured so.
    #[must_use]
    pub fn measuring(mut self, metric: &'static str, value: f64) -> Self {
        self.measures.get_or_insert_default().insert(metric, value);
        self
    }

    fn xml(&self) -> String {
        let mut tags = String::new();
        for (key, value) in &self.tags {
            let _ = write!(tags, "<item><key>{}</key><value>{}</value></item>", escaped(key), escaped(value));
        }
        let spot = self.spot.map(|_| {
            let request = self.spot_request();
            format!(
                "<spotInstanceRequestId>{request}</spotInstanceRequestId><instanceLifecycle>spot</instanceLifecycle>"
            )
        });
        let reason = self.state_reason.map(|(code, message)| {
            format!("<stateReason><code>{code}</code><message>{message}</message></stateReason>")
        });
        format!(
            "<item><reservationId>r-1</reservationId><instancesSet><item><instanceId>{}</instanceId>{}\
             <launchTime>{}</launchTime><instanceType>m7i.large</instanceType><rootDeviceType>{}</rootDeviceType>\
             <cpuOptions><coreCount>1</coreCount><threadsPerCore>2</threadsPerCore></cpuOptions>\
             <tagSet>{tags}</tagSet>{}{}</item></instancesSet></item>",
            self.id,
            state("instanceState", self.state),
            self.launched_at,
            self.root_device,
            spot.unwrap_or_default(),
            reason.unwrap_or_default(),
        )
    }

    fn spot_request(&self) -> String {
        format!("sir-{}", &self.id[2..])
    }
}

#[derive(Debug, Default)]
struct World {
    /// How far the account's clock is ahead of the machine's.
    ahead: SignedDuration,
    machines: BTreeMap<String, Machine>,
}

/// An account of one Region.
#[derive(Debug, Default)]
pub struct Account(Mutex<World>);

impl Account {
    /// An account with these instances.
    #[must_use]
    pub fn of(machines: impl IntoIterator<Item = Machine>) -> Self {
        let machines = machines.into_iter().map(|machine| (machine.id.clone(), machine)).collect();
        Self(Mutex::new(World { ahead: SignedDuration::ZERO, machines }))
    }

    /// The account's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        now() + self.lock().ahead
    }

    /// Time passes: instances get to the states that they are on the way to.
    pub fn pass(&self, time: SignedDuration) {
        self.lock().ahead += time;
    }

    /// An instance as it is now.
    #[must_use]
    pub fn machine(&self, id: &str) -> Machine {
        let mut world = self.lock();
        world.arrive();
        world.machines.get(id).expect("the instance exists").clone()
    }

    /// Changes an instance by somebody else's hand.
    pub fn change(&self, id: &str, change: impl FnOnce(&mut Machine)) {
        change(self.lock().machines.get_mut(id).expect("the instance exists"));
    }

    /// The normal answer to a call, with its effect.
    #[must_use]
    pub fn answer(&self, call: &Call) -> Answer {
        let mut world = self.lock();
        world.arrive();
        match call.operation.as_str() {
            "DescribeInstances" => world.describe(call),
            "DescribeInstanceAttribute" => world.describe_attribute(call),
            "DescribeSpotInstanceRequests" => world.describe_spot(call),
            "StopInstances" => world.change_states(call, "running", ["stopping", "stopped"]),
            "StartInstances" => world.change_states(call, "stopped", ["pending", "running"]),
            "CreateTags" => world.tag(call, true),
            "DeleteTags" => world.tag(call, false),
            "GetMetricData" => world.measure(call),
            "ListMetrics" => cloudwatch::answer(&json!({"Metrics": []})),
            "DescribeSessions" => Answer::json(200, r#"{"Sessions": []}"#),
            "GetSecretValue" => {
                Answer::json(200, &json!({"SecretString": "k".repeat(64), "VersionId": "v"}).to_string())
            }
            "Publish" => ec2::response("Publish", "<PublishResult><MessageId>m</MessageId></PublishResult>", None),
            other => Answer::ec2_error(400, "InvalidAction", other),
        }
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    fn now(&self) -> Timestamp {
        now() + self.ahead
    }

    fn arrive(&mut self) {
        let now = self.now();
        for machine in self.machines.values_mut() {
            if let Some((_, state)) = machine.due.take_if(|(at, _)| *at <= now) {
                machine.state = state;
            }
        }
    }

    /// A page of the instances that a filter or a list of ids means.
    fn describe(&self, call: &Call) -> Answer {
        let values = call.values("Filter.1.Value.");
        let by_id = call.values("Filter.1.Name") == ["instance-id"];
        let is_meant = |machine: &&Machine| {
            if by_id {
                values.contains(&machine.id.as_str())
            } else {
                machine.tags.get("doze").is_some_and(|value| values.contains(&value.as_str()))
            }
        };
        let size = call.values("MaxResults").first().and_then(|size| size.parse().ok()).unwrap_or(LARGEST_PAGE);
        let after = call.values("NextToken").first().copied().unwrap_or_default();
        let mut rest = self.machines.values().filter(is_meant).filter(|machine| machine.id.as_str() > after).peekable();
        let page: Vec<&Machine> = rest.by_ref().take(size).collect();
        let next = rest.peek().and(page.last()).map(|machine| machine.id.as_str());
        ec2::instances(page.into_iter().map(Machine::xml), next)
    }

    fn describe_attribute(&self, call: &Call) -> Answer {
        let [id] = call.values("InstanceId")[..] else { return malformed() };
        let Some(machine) = self.machines.get(id) else { return not_found(&[id]) };
        let (id, value) = (&machine.id, machine.protected);
        let content = format!("<instanceId>{id}</instanceId><disableApiStop><value>{value}</value></disableApiStop>");
        ec2::response("DescribeInstanceAttribute", &content, None)
    }

    fn describe_spot(&self, call: &Call) -> Answer {
        let asked = call.values("Filter.1.Value.");
        let mut items = String::new();
        for machine in self.machines.values() {
            let (request, Some(kind)) = (machine.spot_request(), machine.spot) else { continue };
            if asked.contains(&request.as_str()) {
                let _ = write!(
                    items,
                    "<item><spotInstanceRequestId>{request}</spotInstanceRequestId><type>{kind}</type></item>"
                );
            }
        }
        let content = format!("<spotInstanceRequestSet>{items}</spotInstanceRequestSet>");
        ec2::response("DescribeSpotInstanceRequests", &content, None)
    }

    /// `StopInstances` and `StartInstances`: all of them, or none.
    fn change_states(&mut self, call: &Call, from: &str, [via, to]: [&'static str; 2]) -> Answer {
        let ids = call.values("InstanceId.");
        if let Some(refusal) = self.refusal(&ids) {
            return refusal;
        }
        let stops = to == "stopped";
        for id in &ids {
            let machine = &self.machines[*id];
            if stops && machine.protected {
                let message = format!("The instance '{id}' may not be stopped. Modify its 'disableApiStop' attribute");
                return Answer::ec2_error(400, "OperationNotPermitted", &message);
            }
            let is_between = [if stops { "pending" } else { "stopping" }, "shutting-down", "terminated"];
            if is_between.contains(&machine.state) {
                let message = format!("The instance '{id}' is not in a state from which it can be changed.");
                return Answer::ec2_error(400, "IncorrectInstanceState", &message);
            }
        }
        let due = self.now() + ON_THE_WAY;
        let mut items = String::new();
        for id in ids {
            let machine = self.machines.get_mut(id).expect("was found");
            let before = machine.state;
            if before == from {
                (machine.state, machine.due) = (via, Some((due, to)));
                if !stops {
                    machine.launched_at = due - ON_THE_WAY;
                }
            }
            let states = state("currentState", machine.state) + &state("previousState", before);
            let _ = write!(items, "<item><instanceId>{id}</instanceId>{states}</item>");
        }
        ec2::response(&call.operation, &format!("<instancesSet>{items}</instancesSet>"), None)
    }

    fn tag(&mut self, call: &Call, adds: bool) -> Answer {
        let ids = call.values("ResourceId.");
        if let Some(refusal) = self.refusal(&ids) {
            return refusal;
        }
        let tags: Vec<(String, String)> = (1..)
            .map_while(|number| {
                let [key] = call.values(&format!("Tag.{number}.Key"))[..] else { return None };
                let value = call.values(&format!("Tag.{number}.Value")).first().copied().unwrap_or_default();
                Some((key.to_owned(), value.to_owned()))
            })
            .collect();
        for id in ids {
            let machine = self.machines.get_mut(id).expect("was found");
            for (key, value) in &tags {
                if adds {
                    machine.tags.insert(key.clone(), value.clone());
                } else {
                    machine.tags.remove(key);
                }
            }
        }
        ec2::response(&call.operation, "<return>true</return>", None)
    }

    /// What EC2 and IAM refuse a whole call for.
    fn refusal(&self, ids: &[&str]) -> Option<Answer> {
        let missing: Vec<&str> = ids.iter().filter(|id| !self.machines.contains_key(**id)).copied().collect();
        if !missing.is_empty() {
            return Some(not_found(&missing));
        }
        let is_foreign = |id: &&&str| self.machines[**id].tags.get("doze").is_none_or(|value| value != "on");
        let id = ids.iter().find(is_foreign)?;
        let message = format!(
            "You are not authorized to perform this operation. User: u is not authorized on resource: \
             arn:aws:ec2:eu-west-1:123456789012:instance/{id}. Encoded authorization failure message: c2VjcmV0"
        );
        Some(Answer::ec2_error(403, "UnauthorizedOperation", &message))
    }

    /// Each series has all of its datapoints, or none.
    fn measure(&self, call: &Call) -> Answer {
        cloudwatch::metric_data(call, None, |query| {
            let machine = self.machines.get(cloudwatch::instance_of(query));
            let Some(measures) = machine.and_then(|machine| machine.measures.as_ref()) else {
                return ("Complete", Vec::new());
            };
            let metric = query["MetricStat"]["Metric"]["MetricName"].as_str().unwrap_or_default();
            let value = measures.get(metric).copied().unwrap_or_default();
            ("Complete", vec![value; periods(call, query)])
        })
    }
}

/// How many whole periods there are between the call's start and its end.
fn periods(call: &Call, query: &Value) -> usize {
    let at = |name: &str| -> Timestamp {
        call.body[name].as_str().expect("the call has times").parse().expect("a time is valid")
    };
    let period = query["MetricStat"]["Period"].as_i64().expect("a query has a period");
    let seconds = (at("EndTime") - at("StartTime")).total(jiff::Unit::Second).expect("is a number");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hours")]
    let seconds = seconds as usize;
    seconds / usize::try_from(period).expect("a period is positive")
}

fn not_found(ids: &[&str]) -> Answer {
    let message = format!("The instance IDs '{}' do not exist", ids.join(", "));
    Answer::ec2_error(400, "InvalidInstanceID.NotFound", &message)
}

fn malformed() -> Answer {
    Answer::ec2_error(400, "MissingParameter", "The request must contain the parameter InstanceId")
}

fn state(field: &str, name: &str) -> String {
    let code = match name {
        "pending" => 0,
        "running" => 16,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        _ => 80,
    };
    format!("<{field}><code>{code}</code><name>{name}</name></{field}>")
}

fn escaped(text: &str) -> String {
    let escape = |character| match character {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        control if control.is_control() => format!("&#{};", u32::from(control)),
        other => other.to_string(),
    };
    text.chars().map(escape).collect()
}

#[expect(clippy::disallowed_methods, reason = "functions under test read the machine's clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
