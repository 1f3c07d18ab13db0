//! Services that others depend on, many of them with little to do.

use crate::{
    activity::Activity,
    machine::{Companion, Machine},
    trace::Trace,
    when::When,
};

pub(super) fn traces() -> Vec<Trace> {
    [web(), data(), messages(), infrastructure(), for_people()].into_iter().flatten().collect()
}

fn always(per_minute: (f64, f64)) -> Activity {
    Activity::events(per_minute, When::Always)
}

/// Two nodes of a load balancer ask every 15 seconds whether all is well.
fn health_checks() -> Activity {
    Activity::minutely(When::Always).cpu(0.01, 0.04).bytes((2.5e3, 4e3), (2.5e3, 5e3))
}

fn web() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "web-server-busy",
            Machine::new("t3.large", 2),
            "An internal web application with some requests a second.",
        )
        .doing(always((60.0, 400.0)).cpu(0.005, 0.05).bytes((1e3, 3e3), (4e3, 4e4)).ebs((0.0, 0.2), (0.1, 1.0))),
        Trace::in_use(
            "web-server-a-request-a-minute",
            Machine::small(),
            "An internal tool behind a load balancer, which somebody opens once a minute.",
        )
        .doing(health_checks())
        .doing(always((0.8, 1.5)).cpu(0.02, 0.2).bytes((1.5e3, 4e3), (8e3, 6e4)).ebs((0.0, 1.0), (0.3, 2.0))),
        Trace::in_use(
            "network-bound-proxy",
            Machine::new("c7gn.large", 2),
            "A proxy passes 3 MB/s on, at 2 % CPU; nothing is ever written to a disk.",
        )
        .doing(Activity::steady(When::Always).cpu(0.02, 0.05).bytes((2e6, 4e6), (2e6, 4e6))),
        Trace::in_use(
            "quiet-proxy",
            Machine::new("t4g.micro", 2),
            "A proxy through which a few clients pass a small request every couple of seconds.",
        )
        .doing(always((20.0, 50.0)).cpu(0.0005, 0.003).bytes((900.0, 3e3), (900.0, 3e3))),
    ]
}

fn data() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "database-busy",
            Machine::new("r7i.large", 2),
            "A database of a test environment while its tests run.",
        )
        .doing(always((200.0, 900.0)).cpu(0.001, 0.02).bytes((200.0, 900.0), (200.0, 6e3)).ebs((0.0, 2.0), (0.5, 3.0))),
        Trace::in_use(
            "database-few-queries",
            Machine::new("r7i.large", 2),
            "A database that an internal tool asks something every ten seconds, over a pool that checks its \
             connections.",
        )
        .doing(
            Activity::minutely(When::Always)
                .cpu(0.02, 0.08)
                .bytes((1.2e3, 2.5e3), (1.2e3, 2.5e3))
                .ebs((0.0, 1.0), (3.0, 12.0)),
        )
        .doing(always((4.0, 8.0)).cpu(0.005, 0.05).bytes((300.0, 900.0), (500.0, 6e3)).ebs((0.0, 5.0), (0.0, 6.0))),
        Trace::in_use(
            "cache-few-operations",
            Machine::new("r7g.large", 2),
            "A cache in memory that is asked one to three times a second; it writes nothing.",
        )
        .doing(always((60.0, 180.0)).cpu(0.0001, 0.0004).bytes((130.0, 250.0), (130.0, 400.0)).memory(50.0)),
        Trace::in_use(
            "standby-database",
            Machine::new("r7i.large", 2),
            "The standby of a database, which replays what little its primary writes.",
        )
        .doing(
            Activity::minutely(When::Always).cpu(0.05, 0.2).bytes((6e3, 3e4), (2e3, 5e3)).ebs((0.0, 1.0), (8.0, 40.0)),
        ),
    ]
}

fn messages() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "queue-poller",
            Machine::small(),
            "A worker waits for messages in a queue with long polls of 20 seconds; there were none for hours.",
        )
        // Three signed requests of 2.2 KB a minute, and as many empty answers of 0.5 KB.
        .doing(Activity::minutely(When::Always).cpu(0.02, 0.08).bytes((1.5e3, 2.1e3), (6.3e3, 7.5e3))),
        Trace::in_use("queue-poller-with-ten-threads", Machine::small(), "The same with ten threads.")
            .doing(Activity::minutely(When::Always).cpu(0.2, 0.6).bytes((1.5e4, 2.1e4), (6.3e4, 7.5e4))),
        Trace::in_use(
            "message-broker-keepalives",
            Machine::new("t4g.small", 2),
            "40 devices are connected to an MQTT broker, with a ping a minute each and a reading every five \
             minutes.",
        )
        .doing(Activity::minutely(When::Always).cpu(0.02, 0.06).bytes((5e3, 6e3), (5e3, 6e3)))
        .doing(always((7.0, 9.0)).cpu(0.0005, 0.001).bytes((250.0, 400.0), (130.0, 180.0)).ebs((0.0, 0.0), (0.0, 0.5))),
        Trace::in_use(
            "log-collector",
            Machine::small(),
            "30 network devices send their logs here, each a line every ten seconds or so.",
        )
        .doing(
            always((120.0, 240.0)).cpu(0.0002, 0.0008).bytes((180.0, 420.0), (0.0, 0.0)).ebs((0.0, 0.0), (0.1, 0.4)),
        ),
    ]
}

fn infrastructure() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "name-server",
            Machine::new("t4g.micro", 2),
            "The name server of an office: one or two questions a second.",
        )
        .doing(always((60.0, 140.0)).cpu(0.0002, 0.001).bytes((90.0, 250.0), (120.0, 330.0))),
        Trace::in_use(
            "monitoring-server",
            Machine::new("t3.large", 2),
            "A Prometheus that asks 20 machines every 15 seconds.",
        )
        .doing(
            Activity::minutely(When::Always).cpu(1.0, 4.0).bytes((6e5, 9e5), (4e4, 7e4)).ebs((0.0, 5.0), (20.0, 80.0)),
        ),
    ]
}

fn for_people() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "bastion-in-use",
            Machine::new("t4g.nano", 2).with(Companion::PasswordGuessers),
            "A bastion through which someone works in a shell on another machine: all bytes count twice.",
        )
        .doing(
            Activity::events((60.0, 140.0), When::Last(120).and(When::Bursts { working: 3.0, pausing: 1.5 }))
                .cpu(0.0005, 0.002)
                .bytes((270.0, 340.0), (270.0, 340.0)),
        )
        .doing(Activity::events((3.0, 10.0), When::Last(120)).bytes((1e3, 4e3), (1e3, 4e3))),
        Trace::in_use("game-server-with-players", Machine::new("t3.large", 2), "A game server with two players.")
            .doing(
                Activity::steady(When::Last(100))
                    .cpu(0.15, 0.4)
                    .bytes((800.0, 3e3), (5e3, 2.5e4))
                    .ebs((0.0, 0.5), (0.5, 3.0)),
            ),
        Trace::in_use(
            "license-server-of-a-department",
            Machine::small(),
            "25 workstations hold licences from here; each reports every two minutes.",
        )
        .doing(Activity::minutely(When::Always).cpu(0.01, 0.03).bytes((2.6e3, 3.6e3), (2.6e3, 3.6e3))),
        Trace::in_use(
            "license-server-of-an-office",
            Machine::small(),
            "60 workstations hold licences from here; each reports every two minutes, and now and then one \
             is taken or given back.",
        )
        .doing(Activity::minutely(When::Always).cpu(0.02, 0.06).bytes((7e3, 9e3), (7e3, 9e3)))
        .doing(always((0.3, 1.0)).cpu(0.001, 0.005).bytes((1e3, 2e3), (1e3, 2e3)).ebs((0.0, 0.0), (1.0, 3.0))),
    ]
}
