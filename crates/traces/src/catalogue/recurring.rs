//! Jobs that come again and again. Between two runs a machine is idle since the end of the last one, unless the pause
//! is so short that the next run is about to start: then it is in use.

use crate::{
    activity::Activity,
    machine::Machine,
    trace::{Clock, Trace},
    when::{Days, HOURS, When},
};

pub(super) fn traces() -> Vec<Trace> {
    [by_the_minute(), by_the_full_hour(), by_the_half_hour(), by_the_hour(), by_the_day()]
        .into_iter()
        .flatten()
        .collect()
}

fn by_the_minute() -> Vec<Trace> {
    let every = |every, lasting| When::Every { every, lasting };
    vec![
        Trace::in_use(
            "cron-each-minute",
            Machine::small(),
            "A job copies new orders to a partner's system each minute.",
        )
        .doing(
            Activity::minutely(When::Always).cpu(0.2, 0.6).bytes((4e3, 2e4), (3e3, 1.5e4)).ebs((0.0, 0.0), (1.0, 6.0)),
        ),
        Trace::in_use(
            "cron-every-5-minutes",
            Machine::small(),
            "A job fetches sensor data every five minutes and stores it: some seconds of work.",
        )
        .doing(
            Activity::minutely(every(5, 1)).cpu(1.0, 4.0).bytes((5e4, 3e5), (1e4, 6e4)).ebs((0.0, 5.0), (20.0, 150.0)),
        ),
        Trace::in_use(
            "cron-every-30-minutes",
            Machine::small(),
            "A job computes a report every half hour: a minute or two.",
        )
        .doing(
            Activity::minutely(every(30, 2))
                .cpu(10.0, 30.0)
                .bytes((5e4, 1e6), (1e4, 1e5))
                .ebs((10.0, 200.0), (50.0, 500.0)),
        ),
    ]
}

fn by_the_full_hour() -> Vec<Trace> {
    let every = |every, lasting| When::Every { every, lasting };
    vec![
        Trace::in_use(
            "cron-every-60-minutes",
            Machine::small(),
            "A job loads the hour's figures each hour: three minutes.",
        )
        .doing(
            Activity::minutely(every(60, 3))
                .cpu(20.0, 50.0)
                .bytes((1e6, 1e7), (2e4, 2e5))
                .ebs((10.0, 200.0), (100.0, 900.0)),
        ),
    ]
}

fn by_the_half_hour() -> Vec<Trace> {
    let every = |every, lasting| When::Every { every, lasting };
    vec![
        Trace::in_use(
            "small-cron-every-60-minutes",
            Machine::new("m7i.xlarge", 4),
            "A job looks each hour for new files at a partner's and fetches them: some seconds, a few \
             hundred kilobytes.",
        )
        .doing(
            Activity::minutely(every(60, 1))
                .cpu(1.0, 4.0)
                .bytes((1e5, 6e5), (1e4, 6e4))
                .ebs((0.0, 20.0), (20.0, 150.0)),
        ),
        Trace::in_use(
            "flapping",
            Machine::new("c7i.large", 2),
            "A simulation runs for ten minutes, waits for data for twenty, and again.",
        )
        .doing(Activity::steady(every(30, 10)).cpu(0.5, 1.6).bytes((1e3, 2e4), (1e3, 2e4))),
    ]
}

fn by_the_hour() -> Vec<Trace> {
    let cycle = |started| When::Cycle { every: 120, lasting: 30, started };
    let work = |when| Activity::steady(when).cpu(0.8, 1.8).ebs((1.0, 20.0), (5.0, 50.0));
    vec![
        Trace::in_use(
            "two-hour-cycle-at-work",
            Machine::small(),
            "A job of half an hour, every two hours: it has begun ten minutes ago.",
        )
        .doing(work(cycle(10))),
        Trace::idle(
            "two-hour-cycle-at-rest",
            75,
            Machine::small(),
            "The same 75 minutes after the end of a run. Whoever wants the next one on this machine gives \
             it a schedule.",
        )
        .doing(work(cycle(105))),
    ]
}

fn by_the_day() -> Vec<Trace> {
    let nightly = When::Daily { days: Days::All, at: 2 * HOURS, delay: 30, lasting: 2 * HOURS };
    let weekly = When::Daily { days: Days::Sundays, at: 3 * HOURS, delay: 30, lasting: 5 * HOURS };
    let work = |when| Activity::steady(when).cpu(0.8, 1.8).bytes((1e3, 1e6), (1e3, 1e6)).ebs((1.0, 50.0), (5.0, 100.0));
    vec![
        Trace::in_use(
            "nightly-batch-at-work",
            Machine::small(),
            "The batch that runs each night from 2 to 4, at half past 3.",
        )
        .at(Clock::Between(3 * HOURS, 4 * HOURS))
        .doing(work(nightly.clone())),
        Trace::idle(
            "nightly-batch-at-noon",
            7 * HOURS,
            Machine::small(),
            "The same at noon. Nobody needs the machine before tonight; its schedule has to start it.",
        )
        .at(Clock::Between(12 * HOURS, 14 * HOURS))
        .doing(work(nightly)),
        Trace::idle(
            "weekly-batch-on-wednesday",
            60 * HOURS,
            Machine::small(),
            "A machine for the report of Sunday morning, on a Wednesday.",
        )
        .doing(work(weekly)),
    ]
}
