//! A sweep by the fewest calls: pages of instances, the peaks of their processors, and everything else of those alone that these
//! do not keep. What fits into one call is asked for at once.

use std::{
    fmt::Write as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use memchr::memmem;
use minicbor::{Decoder, Encoder, data::Tag};

use super::aws::{Account, AwsError, Connection};
use crate::cbor::{fields, figure, items, length, written};

/// The most queries that one call takes.
const QUERIES: usize = 500;
/// The most calls at once, as Doze makes them.
const CALLS_AT_ONCE: usize = 8;
/// The most stops of one sweep, as by Doze's settings.
const STOPS: usize = 25;
const PERIOD: u64 = 300;
const LOOKBACK: u64 = 3600;
/// How many of the twelve datapoints must be there.
const POINTS: usize = 11;

/// A metric, its statistic, and the most of it that is idle.
type Measure = (&'static str, &'static str, f64);
/// What `dev-box` asks for of an instance with two virtual CPUs, by what decides soonest.
const MEASURES: [Measure; 6] = [
    ("CPUUtilization", "Maximum", 5.0),
    ("CPUUtilization", "Average", 1.5),
    ("NetworkIn", "Sum", 36_000.0),
    ("NetworkOut", "Sum", 36_000.0),
    ("EBSReadOps", "Sum", 600.0),
    ("EBSWriteOps", "Sum", 600.0),
];

/// What a sweep saw and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// How many instances it saw.
    pub considered: usize,
    /// How many of them were idle.
    pub idle: usize,
    /// How many it stopped.
    pub stopped: usize,
}

/// What sweeps, with its connections. They are opened when they are first needed, and kept.
#[derive(Debug)]
pub struct Sweeper<'a> {
    account: &'a Account,
    ec2: Option<Connection<'a>>,
    /// Those to CloudWatch that nobody uses just now.
    cloudwatch: Mutex<Vec<Connection<'a>>>,
}

impl<'a> Sweeper<'a> {
    /// Without connections.
    #[must_use]
    pub fn new(account: &'a Account) -> Self {
        Self { account, ec2: None, cloudwatch: Mutex::default() }
    }

    /// Describes, measures and stops.
    ///
    /// # Errors
    /// AWS could not be asked.
    pub fn sweep(&mut self) -> Result<Swept, AwsError> {
        let mut ec2 = self.ec2.take().map_or_else(|| self.account.ec2(), Ok)?;
        let ids = describe(&mut ec2)?;
        let idle = if ids.len() * MEASURES.len() <= QUERIES {
            self.idle_of(&ids, &MEASURES)?
        } else {
            let (first, rest) = MEASURES.split_at(1);
            self.idle_of(&self.idle_of(&ids, first)?, rest)?
        };
        let stops = &idle[..idle.len().min(STOPS)];
        if !stops.is_empty() {
            stop(&mut ec2, stops)?;
        }
        self.ec2 = Some(ec2);
        Ok(Swept { considered: ids.len(), idle: idle.len(), stopped: stops.len() })
    }

    /// Those of the instances whose measures are all idle. More than one call needs more than one thread.
    fn idle_of(&self, ids: &[String], measures: &[Measure]) -> Result<Vec<String>, AwsError> {
        let batches: Vec<&[String]> = ids.chunks(QUERIES / measures.len()).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut idle = Vec::new();
            let unused = self.cloudwatch.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = unused.map_or_else(|| self.account.cloudwatch(), Ok)?;
            while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                let answer = connection.metric_data(&question(batch, measures))?;
                idle.extend(idle_among(answer, batch, measures).map_err(|_| AwsError::Answer("GetMetricData"))?);
            }
            self.cloudwatch.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok(idle)
        };
        match batches.len() {
            0 => Ok(Vec::new()),
            1 => work(),
            many => thread::scope(|scope| {
                let workers: Vec<_> = (0..many.min(CALLS_AT_ONCE)).map(|_| scope.spawn(work)).collect();
                let idle = workers.into_iter().map(|worker| worker.join().expect("no worker panics"));
                Ok(idle.collect::<Result<Vec<_>, AwsError>>()?.concat())
            }),
        }
    }
}

fn describe(ec2: &mut Connection<'_>) -> Result<Vec<String>, AwsError> {
    let (mut ids, mut token) = (Vec::new(), String::new());
    loop {
        let page = ec2.form(&format!(
            "Action=DescribeInstances&Version=2016-11-15&MaxResults=1000{token}\
             &Filter.1.Name=tag%3Adoze&Filter.1.Value.1=on&Filter.2.Name=instance-state-name&Filter.2.Value.1=running"
        ))?;
        ids.extend(texts(page, b"<instanceId>"));
        match texts(page, b"<nextToken>").next() {
            Some(next) => token = format!("&NextToken={next}"),
            None => return Ok(ids),
        }
    }
}

fn stop(ec2: &mut Connection<'_>, ids: &[String]) -> Result<(), AwsError> {
    let mut form = "Action=StopInstances&Version=2016-11-15".to_owned();
    for (index, id) in ids.iter().enumerate() {
        let _ = write!(form, "&InstanceId.{}={id}", index + 1);
    }
    ec2.form(&form).map(drop)
}

/// The texts of all elements that open so.
fn texts<'a>(xml: &'a [u8], open: &'a [u8]) -> impl Iterator<Item = String> {
    memmem::find_iter(xml, open).filter_map(move |at| {
        let text = &xml[at + open.len()..];
        let end = memchr::memchr(b'<', text)?;
        String::from_utf8(text[..end].to_vec()).ok()
    })
}

/// The body of a call: each measure of each instance, over the last full hour.
fn question(ids: &[String], measures: &[Measure]) -> Vec<u8> {
    #[expect(clippy::disallowed_methods, reason = "the hour is that before now")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let end = now - now % PERIOD;
    let body = Vec::with_capacity(192 * ids.len() * measures.len());
    written((|| {
        let mut encoder = Encoder::new(body);
        encoder.map(3)?.str("StartTime")?.tag(Tag::new(1))?.u64(end - LOOKBACK)?;
        encoder.str("EndTime")?.tag(Tag::new(1))?.u64(end)?;
        encoder.str("MetricDataQueries")?.array(length(ids.len() * measures.len()))?;
        let pairs = ids.iter().flat_map(|id| measures.iter().map(move |measure| (id, measure)));
        for (index, (id, (metric, statistic, _))) in pairs.enumerate() {
            encoder.map(2)?.str("Id")?.str(&format!("q{index}"))?;
            encoder.str("MetricStat")?.map(3)?.str("Period")?.u64(PERIOD)?.str("Stat")?.str(statistic)?;
            encoder.str("Metric")?.map(3)?.str("Namespace")?.str("AWS/EC2")?.str("MetricName")?.str(metric)?;
            encoder.str("Dimensions")?.array(1)?.map(2)?.str("Name")?.str("InstanceId")?.str("Value")?.str(id)?;
        }
        Ok(encoder.into_writer())
    })())
}

/// Those instances of a batch of which every measure has enough datapoints, all of them idle.
fn idle_among(answer: &[u8], ids: &[String], measures: &[Measure]) -> Result<Vec<String>, minicbor::decode::Error> {
    let mut idle_measures = vec![0; ids.len()];
    fields(&mut Decoder::new(answer), |decoder, name| match name {
        "MetricDataResults" => items(decoder, |decoder| {
            let (mut query, mut most, mut points) = (None, 0.0_f64, 0);
            fields(decoder, |decoder, name| match name {
                "Id" => {
                    query = decoder.str()?.strip_prefix('q').and_then(|index| index.parse::<usize>().ok());
                    Ok(())
                }
                "Values" => items(decoder, |decoder| {
                    (most, points) = (most.max(figure(decoder)?), points + 1);
                    Ok(())
                }),
                _ => decoder.skip(),
            })?;
            let Some(query) = query else { return Ok(()) };
            let (instance, measure) = (query / measures.len(), query % measures.len());
            if let Some(idle) = idle_measures.get_mut(instance) {
                *idle += usize::from(points >= POINTS && most <= measures[measure].2);
            }
            Ok(())
        }),
        _ => decoder.skip(),
    })?;
    let idle = ids.iter().zip(idle_measures).filter(|(_, idle)| *idle == measures.len());
    Ok(idle.map(|(id, _)| id.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{Addresses, Endpoint, Options, Tally};

    /// What it sees and does, and what it asks for, of a fleet of so many.
    fn sweep(instances: usize, has_tls: bool) -> (Swept, Tally) {
        let (endpoint, addresses) =
            Endpoint::start(Options { instances, delay: Duration::ZERO, has_tls }).expect("loopback has free ports");
        let Addresses { ec2, cloudwatch, root } = addresses;
        let roots = std::env::temp_dir().join(format!("doze-bench-{}-{instances}.pem", std::process::id()));
        std::fs::write(&roots, root.unwrap_or_default()).expect("there is room for a file");
        let account = Account::read(|name| match name {
            "AWS_ENDPOINT_URL_EC2" => Some(ec2.clone()),
            "AWS_ENDPOINT_URL_CLOUDWATCH" => Some(cloudwatch.clone()),
            "SSL_CERT_FILE" => Some(roots.to_string_lossy().into_owned()),
            "AWS_SESSION_TOKEN" => None,
            _ => Some("test".to_owned()),
        });
        let swept = Sweeper::new(&account.expect("nothing is missing")).sweep();
        std::fs::remove_file(&roots).expect("the file is there");
        (swept.expect("the endpoint answers"), endpoint.take_tally())
    }

    #[test]
    fn a_small_fleet_is_measured_by_one_call() {
        let (swept, tally) = sweep(10, false);
        assert_eq!(swept, Swept { considered: 10, idle: 2, stopped: 2 });
        assert_eq!((tally.total(), tally.of_metrics(), tally.metrics), (3, 1, 60));
    }

    #[test]
    fn of_a_large_one_only_quiet_processors_are_looked_at_further() {
        let (swept, tally) = sweep(2500, false);
        assert_eq!(swept, Swept { considered: 2500, idle: 500, stopped: 25 });
        assert_eq!(tally.of("DescribeInstances"), 3);
        // 2,500 peaks and five more measures of each fifth, 500 a call.
        assert_eq!((tally.of_metrics(), tally.metrics), (10, 5000));
    }

    #[test]
    fn tls_is_spoken_where_the_address_asks_for_it() {
        assert_eq!(sweep(5, true).0.considered, 5);
    }
}
