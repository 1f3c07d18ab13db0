//! Machines in use that look idle in every metric: what the use costs is less than what idle machines of one kind
//! differ by. A test holds each of them to that. No limit helps here; a tag, a schedule, a heartbeat or a session does.

use crate::{
    activity::Activity,
    machine::Machine,
    trace::Trace,
    when::{HOURS, When},
};

pub(super) fn traces() -> Vec<Trace> {
    [waiting(), serving()].into_iter().flatten().map(Trace::invisible).collect()
}

fn waiting() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "notebook-at-lunch",
            Machine::new("m7i.xlarge", 4),
            "A notebook's kernel holds an hour of work in memory; its owner is at lunch, the laptop closed. \
             No agent measures memory.",
        )
        .doing(Activity::steady(When::Last(4 * HOURS)).cpu(0.0002, 0.001).memory(40.0)),
        Trace::in_use(
            "sleeping-job",
            Machine::small(),
            "A job waits for a file, and looks for it every ten minutes with one request.",
        )
        .doing(Activity::minutely(When::Every { every: 10, lasting: 1 }).cpu(0.03, 0.1).bytes((5e3, 7e3), (2e3, 3e3))),
        Trace::in_use(
            "build-runner-waiting",
            Machine::new("c7i.large", 2),
            "A self-hosted runner waits for the next build with long polls of 50 seconds.",
        )
        .doing(Activity::minutely(When::Always).cpu(0.01, 0.05).bytes((500.0, 900.0), (1500.0, 2400.0))),
    ]
}

fn serving() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "silent-tunnels",
            Machine::new("t4g.nano", 2),
            "A bastion with two open SSH connections whose users are reading on the other side: a keepalive \
             a minute each.",
        )
        .doing(Activity::minutely(When::Always).bytes((300.0, 400.0), (300.0, 400.0))),
        Trace::in_use(
            "quiet-vpn",
            Machine::new("t4g.nano", 2),
            "A WireGuard server to which three people are connected who send nothing right now: a packet \
             every 25 seconds each.",
        )
        .doing(Activity::minutely(When::Always).bytes((700.0, 1100.0), (500.0, 1100.0))),
        Trace::in_use(
            "license-server-of-a-team",
            Machine::small(),
            "Five workstations hold licences from here; each reports every two minutes.",
        )
        .doing(Activity::minutely(When::Always).cpu(0.002, 0.006).bytes((500.0, 800.0), (500.0, 800.0))),
    ]
}
