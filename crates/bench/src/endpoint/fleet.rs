//! A fleet without state: each instance is known by its number, and every call is answered as if it were the first. So that
//! each round of a benchmark, and each invocation, finds the same.

use std::fmt::Write as _;

/// An instance as EC2 describes one, with a line break at its end.
const INSTANCE: &str = include_str!("instance.xml");
/// EC2's own page where a caller names none.
const PAGE: usize = 1000;

/// The fleet: instances 0 and up, all of them opted in and running.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fleet {
    /// How many there are.
    pub instances: usize,
}

/// One in so many does nothing; the processors of all others are at work.
const IDLE_ONE_IN: usize = 5;

/// An instance's id.
#[must_use]
pub(super) fn id(number: usize) -> String {
    format!("i-{number:017x}")
}

/// The number of the instance of that id.
#[must_use]
pub(super) fn number(id: &str) -> Option<usize> {
    usize::from_str_radix(id.strip_prefix("i-")?, 16).ok()
}

/// What each period of a metric measures of the instance of that number.
#[must_use]
pub(super) fn measures(metric: &str, number: usize) -> f64 {
    match metric {
        "CPUUtilization" if number.is_multiple_of(IDLE_ONE_IN) => 0.4,
        "CPUUtilization" => 37.5,
        _ => 0.0,
    }
}

impl Fleet {
    /// How many of them do nothing.
    #[must_use]
    pub(crate) const fn idle(self) -> usize {
        self.instances.div_ceil(IDLE_ONE_IN)
    }

    /// EC2's answer to a call, by its form.
    #[must_use]
    pub(crate) fn answer(self, form: &Form<'_>) -> Option<String> {
        let operation = form.get("Action")?;
        let content = match operation {
            "DescribeInstances" if form.get("Filter.1.Name") == Some("instance-id") => {
                reservations(form.values("Filter.1.Value.").filter_map(number), None)
            }
            "DescribeInstances" => self.page(form),
            "DescribeInstanceAttribute" => {
                format!(
                    "<instanceId>{}</instanceId><disableApiStop><value>false</value></disableApiStop>",
                    form.get("InstanceId")?
                )
            }
            "StopInstances" => changes(form.values("InstanceId.")),
            "CreateTags" | "DeleteTags" => "<return>true</return>".to_owned(),
            "DescribeTags" => "<tagSet/>".to_owned(),
            _ => return None,
        };
        Some(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response \
             xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>{content}</{operation}Response>"
        ))
    }

    /// One page of all instances: the token is the number of the first.
    fn page(self, form: &Form<'_>) -> String {
        let parsed = |name| form.get(name).and_then(|text| text.parse::<usize>().ok());
        let (first, most) = (parsed("NextToken").unwrap_or(0), parsed("MaxResults").unwrap_or(PAGE));
        let next = first.saturating_add(most);
        reservations(first..next.min(self.instances), (next < self.instances).then_some(next))
    }
}

fn reservations(numbers: impl Iterator<Item = usize>, next: Option<usize>) -> String {
    let mut xml = "<reservationSet>".to_owned();
    for number in numbers {
        xml += &INSTANCE.trim_end().replace("{id}", &id(number)).replace("{number}", &number.to_string());
    }
    xml += "</reservationSet>";
    if let Some(next) = next {
        let _ = write!(xml, "<nextToken>{next}</nextToken>");
    }
    xml
}

fn changes<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let mut xml = "<instancesSet>".to_owned();
    for id in ids {
        let _ = write!(
            xml,
            "<item><instanceId>{id}</instanceId><currentState><code>64</code><name>stopping</name></currentState>\
             <previousState><code>16</code><name>running</name></previousState></item>"
        );
    }
    xml + "</instancesSet>"
}

/// The parameters of an EC2 call, in their order. None of those that matter here is escaped.
#[derive(Debug)]
pub(crate) struct Form<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Form<'a> {
    /// Reads a body; `None` if it is no text.
    #[must_use]
    pub(crate) fn parse(body: &'a [u8]) -> Option<Self> {
        Some(Self(std::str::from_utf8(body).ok()?.split('&').filter_map(|pair| pair.split_once('=')).collect()))
    }

    /// The parameter of that name.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// The parameters whose names start so.
    pub(crate) fn values(&self, prefix: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key.starts_with(prefix)).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(instances: usize, form: &str) -> String {
        Fleet { instances }.answer(&Form::parse(form.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn pages_follow_one_another_and_end() {
        let first = answer(3, "Action=DescribeInstances&MaxResults=2");
        assert_eq!(first.matches("<instanceId>").count(), 2);
        assert!(first.contains("<nextToken>2</nextToken>"));
        let last = answer(3, "Action=DescribeInstances&MaxResults=2&NextToken=2");
        assert!(last.contains(&id(2)) && !last.contains("nextToken"));
    }

    #[test]
    fn instances_are_described_by_id() {
        let two = answer(
            9,
            &format!(
                "Action=DescribeInstances&Filter.1.Name=instance-id&Filter.1.Value.1={}&Filter.1.Value.2={}",
                id(3),
                id(7)
            ),
        );
        assert_eq!(two.matches("<instanceId>").count(), 2);
        assert!(two.contains(&id(7)));
    }

    #[test]
    fn a_stop_names_each_instance() {
        assert_eq!(answer(9, &format!("Action=StopInstances&InstanceId.1={}", id(5))).matches("stopping").count(), 1);
    }

    #[test]
    fn the_idle_are_as_many_as_are_counted() {
        for instances in [0, 1, 5, 6, 10, 1000] {
            let fleet = Fleet { instances };
            let idle = (0..instances).filter(|number| measures("CPUUtilization", *number) < 5.0);
            assert_eq!(idle.count(), fleet.idle(), "{instances}");
        }
    }

    #[test]
    fn ids_have_numbers() {
        assert_eq!(number(&id(4711)), Some(4711));
        assert_eq!(number("vol-1"), None);
    }
}
