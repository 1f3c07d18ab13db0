//! Jobs that run now, and whose results somebody waits for.

use crate::{
    activity::Activity,
    machine::Machine,
    trace::Trace,
    when::{HOURS, When},
};

pub(super) fn traces() -> Vec<Trace> {
    [large(), single_threads(), throttled(), in_steps(), slow(), waiting()].into_iter().flatten().collect()
}

fn since_an_evening() -> When {
    When::Last(9 * HOURS)
}

fn large() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "batch-on-all-cores",
            Machine::new("c7i.2xlarge", 8),
            "A simulation that keeps all cores busy over night.",
        )
        .doing(Activity::steady(since_an_evening()).cpu(7.5, 8.0).ebs((0.0, 1.0), (0.5, 5.0))),
        Trace::in_use(
            "compiling-now-and-then",
            Machine::new("c7i.xlarge", 4),
            "Someone edits on a laptop and compiles here every few minutes.",
        )
        .doing(
            Activity::events((0.15, 0.4), When::Last(3 * HOURS))
                .cpu(30.0, 200.0)
                .bytes((5e3, 2e5), (5e3, 5e5))
                .ebs((10.0, 2000.0), (100.0, 3000.0)),
        ),
        Trace::in_use(
            "io-bound-scan",
            Machine::new("r7i.2xlarge", 8),
            "A report reads through a table of 2 TB; the volume is the bottleneck, the CPU stays at 2 %.",
        )
        .doing(Activity::steady(since_an_evening()).cpu(0.12, 0.2).ebs((400.0, 2500.0), (0.0, 5.0))),
        Trace::in_use(
            "gentle-backup",
            Machine::new("m7i.large", 2),
            "A backup that was told to disturb nobody reads files one by one and writes them to a second \
             volume.",
        )
        .doing(Activity::steady(When::Last(3 * HOURS)).cpu(0.02, 0.06).ebs((6.0, 20.0), (4.0, 15.0))),
    ]
}

fn single_threads() -> Vec<Trace> {
    vec![
        Trace::in_use("single-thread-of-2", Machine::small(), "A script computes on one of two virtual CPUs.")
            .doing(Activity::steady(since_an_evening()).cpu(0.97, 1.0)),
        Trace::in_use(
            "single-thread-of-32",
            Machine::new("m7i.8xlarge", 32),
            "A solver that can use only one thread runs over night on 32 virtual CPUs: 3 % of them.",
        )
        .doing(Activity::steady(since_an_evening()).cpu(0.97, 1.0).memory(40.0)),
        Trace::in_use(
            "single-thread-of-96",
            Machine::new("r7i.24xlarge", 96),
            "The same on 96 virtual CPUs, chosen for their memory: 1 % of them, and no other sign.",
        )
        .doing(Activity::steady(since_an_evening()).cpu(0.97, 1.0).memory(60.0)),
        Trace::in_use(
            "single-thread-of-96-with-checkpoints",
            Machine::new("r7i.24xlarge", 96),
            "The same, writing a checkpoint of 3 GB every half hour.",
        )
        .doing(Activity::steady(since_an_evening()).cpu(0.97, 1.0).memory(60.0))
        .doing(Activity::minutely(When::Every { every: 30, lasting: 1 }).ebs((0.0, 0.0), (11_000.0, 13_000.0))),
        Trace::in_use(
            "single-thread-of-192",
            Machine::new("c7a.48xlarge", 192),
            "The last of 192 tasks is still at work: half a percent of the machine, for another two hours.",
        )
        .doing(Activity::steady(When::Last(6 * HOURS).and(When::Until(2 * HOURS))).cpu(150.0, 192.0))
        .doing(Activity::steady(When::Last(2 * HOURS)).cpu(0.97, 1.0)),
    ]
}

fn throttled() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "throttled-nano",
            // Credits used up in standard mode: 5 % of each of two virtual CPUs is all there is.
            // <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-credits-baseline-concepts.html>
            Machine { ceiling: Some(0.1), ..Machine::new("t3.nano", 2) },
            "A script on the smallest burstable type has used up its CPU credits, and crawls on at the \
             baseline of 5 %.",
        )
        .doing(Activity::steady(since_an_evening()).cpu(0.97, 1.0)),
    ]
}

fn in_steps() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "long-sleeps-between-steps",
            Machine::small(),
            "An experiment computes for a quarter of a minute and sleeps for half an hour, a hundred times \
             over.",
        )
        .doing(
            Activity::minutely(When::Every { every: 30, lasting: 1 }.and(since_an_evening()))
                .cpu(9.0, 20.0)
                .ebs((0.0, 20.0), (20.0, 200.0)),
        ),
        Trace::in_use(
            "replay-in-real-time",
            Machine::new("m7i.large", 2),
            "Recorded market data is replayed at the speed of the market against a program under test, all \
             on this machine.",
        )
        .doing(Activity::steady(When::Last(4 * HOURS)).cpu(0.04, 0.08).ebs((0.0, 0.1), (0.0, 0.2))),
        Trace::in_use(
            "log-of-a-simulation",
            Machine::new("m7i.large", 2),
            "A simulation in real time makes each second's result durable: two to three and a half writes a \
             second.",
        )
        .doing(Activity::steady(When::Last(7 * HOURS)).cpu(0.004, 0.01).ebs((0.0, 0.0), (2.0, 3.5))),
    ]
}

fn slow() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "crawler",
            Machine::small(),
            "A crawler fetches one page every ten seconds or so, politely, and stores it.",
        )
        .doing(
            Activity::events((4.0, 8.0), since_an_evening())
                .cpu(0.02, 0.2)
                .bytes((2e4, 3e5), (1.5e3, 8e3))
                .ebs((0.0, 0.0), (1.0, 5.0)),
        ),
        Trace::in_use(
            "throttled-download",
            Machine::small(),
            "A file of 30 MB comes from a server that grants 1 KB/s: it takes all night.",
        )
        .doing(
            Activity::steady(since_an_evening())
                .cpu(0.001, 0.003)
                .bytes((1000.0, 1080.0), (25.0, 60.0))
                .ebs((0.0, 0.0), (0.03, 0.2)),
        ),
    ]
}

fn waiting() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "job-with-heartbeat",
            Machine::small(),
            "A job waits for the results of others, and publishes a heartbeat each minute so that nobody \
             takes it for idle.",
        )
        .doing(
            Activity::minutely(When::Last(5 * HOURS)).cpu(0.01, 0.05).bytes((500.0, 900.0), (1500.0, 2500.0)).beating(),
        )
        .shown_on_request(),
        Trace::in_use(
            "waiting-for-a-lock",
            Machine::new("m7i.large", 2),
            "A migration waits for a lock in a remote database, asking each second; 40 minutes so far, it \
             may be hours.",
        )
        // One query a second on an open connection: 120 to 250 bytes each way.
        .doing(Activity::steady(When::Last(HOURS)).cpu(0.001, 0.004).bytes((180.0, 320.0), (180.0, 320.0)))
        .doing(
            Activity::steady(When::Last(3 * HOURS).and(When::Until(HOURS))).cpu(0.3, 0.9).bytes((1e4, 5e5), (1e4, 5e5)),
        ),
    ]
}
