//! Machines that nobody uses, and on which nothing but the operating system and its companions runs.

use crate::{
    activity::Activity,
    machine::{Companion, Hypervisor, Machine, Monitoring, System},
    trace::{Clock, Trace},
    when::{DAYS, HOURS, When},
};

/// Longer than any preset looks back.
const WEEKS: i64 = 20 * DAYS;

pub(super) fn traces() -> Vec<Trace> {
    [systems(), companions(), agents(), sizes(), since_some_time(), since_longer(), stopped_before(), housekeeping()]
        .into_iter()
        .flatten()
        .collect()
}

fn systems() -> Vec<Trace> {
    let on = |system| Machine::small().system(system);
    vec![
        Trace::idle(
            "idle-amazon-linux",
            WEEKS,
            on(System::AmazonLinux),
            "A t3.medium with Amazon Linux 2023 and a private address, set up for a test three weeks ago.",
        ),
        Trace::idle("idle-ubuntu", WEEKS, on(System::Ubuntu), "The same with Ubuntu 24.04, which updates itself."),
        Trace::idle("idle-debian", WEEKS, on(System::Debian), "The same with Debian 12 and unattended upgrades."),
        Trace::idle(
            "idle-windows",
            WEEKS,
            Machine::new("t3.large", 2).system(System::Windows),
            "The same with Windows Server 2022, whose services and virus scanner never rest.",
        ),
    ]
}

fn companions() -> Vec<Trace> {
    let with = |companion| Machine::small().with(companion);
    vec![
        Trace::idle(
            "idle-public-ssh",
            WEEKS,
            with(Companion::PasswordGuessers).system(System::Ubuntu),
            "A public address with SSH open to the world: nobody uses it, and strangers try passwords all day.",
        ),
        Trace::idle(
            "idle-metrics-agent",
            WEEKS,
            with(Companion::CloudWatchAgent),
            "The CloudWatch agent publishes memory and disks each minute; nothing else happens.",
        ),
        Trace::idle(
            "idle-scraped",
            WEEKS,
            with(Companion::Exporter),
            "Prometheus asks a node exporter every 15 seconds how a machine is that nobody uses.",
        ),
    ]
}

fn agents() -> Vec<Trace> {
    vec![
        Trace::idle(
            "idle-polling-agent",
            WEEKS,
            Machine { companions: vec![Companion::PollingSystemsManager], ..Machine::small() },
            "An old image, whose agent of Systems Manager polls for messages every 20 seconds.",
        ),
        Trace::idle(
            "idle-no-agent",
            WEEKS,
            Machine { companions: Vec::new(), ..Machine::small() },
            "An image of one's own without any agent, in a private subnet.",
        ),
        Trace::idle(
            "idle-detailed-monitoring",
            WEEKS,
            Machine { monitoring: Monitoring::Detailed, ..Machine::small() },
            "Measured each minute, so that a single busy minute shows undiluted.",
        ),
    ]
}

fn sizes() -> Vec<Trace> {
    vec![
        Trace::idle(
            "idle-burstable-nano",
            WEEKS,
            Machine::new("t4g.nano", 2),
            "The smallest burstable type, saving up credits that nobody spends.",
        ),
        Trace::idle(
            "idle-large",
            WEEKS,
            Machine::new("m7i.8xlarge", 32),
            "A build machine with 32 virtual CPUs whose team has moved on.",
        ),
        Trace::idle(
            "idle-huge",
            WEEKS,
            Machine::new("c7i.24xlarge", 96).system(System::Ubuntu),
            "96 virtual CPUs, $4 an hour, left over from a benchmark.",
        ),
        Trace::idle(
            "idle-xen",
            WEEKS,
            Machine { hypervisor: Hypervisor::Xen, ..Machine::new("t2.micro", 1) },
            "An old t2.micro: on Xen EC2 has no metrics of EBS operations.",
        ),
        Trace::idle(
            "idle-instance-store",
            WEEKS,
            Machine { instance_store: true, ..Machine::new("i4i.2xlarge", 8) },
            "A machine with an empty scratch volume, left over from a data migration.",
        ),
    ]
}

fn coding(when: When) -> Activity {
    Activity::events((1.0, 3.0), when).cpu(1.0, 30.0).bytes((5e3, 2e5), (5e3, 2e5)).ebs((5.0, 300.0), (20.0, 300.0))
}

fn workdays(until: i64) -> When {
    When::office_hours().and(When::Until(until))
}

fn since_some_time() -> Vec<Trace> {
    vec![
        Trace::idle(
            "idle-two-hours-after-a-day",
            2 * HOURS,
            Machine::small(),
            "Someone worked here until two hours ago and has gone home.",
        )
        .doing(coding(When::Last(10 * HOURS).and(When::Until(2 * HOURS))))
        .doing(coding(workdays(14 * HOURS))),
        Trace::idle(
            "idle-three-days",
            3 * DAYS,
            Machine::small().system(System::Ubuntu),
            "A development machine whose owner has been away for three days.",
        )
        .doing(coding(workdays(3 * DAYS))),
    ]
}

fn since_longer() -> Vec<Trace> {
    vec![
        Trace::idle(
            "idle-since-a-fortnight",
            16 * DAYS,
            Machine::small(),
            "A development machine that was used daily until its owner left for another team 16 days ago.",
        )
        .up_for(60 * DAYS)
        .doing(coding(workdays(16 * DAYS))),
        Trace::idle(
            "idle-on-sunday",
            30 * HOURS,
            Machine::small().system(System::Ubuntu),
            "A development machine of Monday to Friday, on a Sunday.",
        )
        .at(Clock::Sunday)
        .doing(coding(When::office_hours())),
    ]
}

fn stopped_before() -> Vec<Trace> {
    vec![
        Trace::idle(
            "started-by-schedule-and-not-used",
            12 * DAYS,
            Machine::small(),
            "Started three hours ago by its schedule, as on each morning; its user has been on holiday for \
             twelve days.",
        )
        .up_for(3 * HOURS)
        .up_before(27 * HOURS, 18 * HOURS)
        .up_before(51 * HOURS, 42 * HOURS),
        Trace::idle(
            "started-after-weeks-and-not-used",
            WEEKS,
            Machine::small(),
            "Stopped for weeks, started two days ago to look something up, and forgotten since. Nobody ran \
             anything on it.",
        )
        .up_for(2 * DAYS),
    ]
}

fn housekeeping() -> Vec<Trace> {
    vec![
        Trace::idle(
            "housekeeping-now",
            WEEKS,
            Machine::small().system(System::Ubuntu),
            "Nobody uses it, and its packages are being upgraded right now. To keep it for that hour is no \
             mistake, but no stop.",
        )
        .doing(
            Activity::minutely(When::Last(4))
                .cpu(15.0, 40.0)
                .bytes((1e4, 2e7), (1e3, 3e5))
                .ebs((100.0, 3000.0), (300.0, 6000.0)),
        ),
        Trace::idle(
            "housekeeping-half-an-hour-ago",
            WEEKS,
            Machine::small(),
            "Nobody uses it; the index of its manual pages was rebuilt half an hour ago.",
        )
        .doing(
            Activity::minutely(When::Last(31).and(When::Until(30))).cpu(3.0, 9.0).ebs((500.0, 3000.0), (100.0, 600.0)),
        ),
    ]
}
