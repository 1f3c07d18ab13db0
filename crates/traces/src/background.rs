//! What a machine does that nobody uses. The figures are assumptions; the README says what they rest on.

use crate::{
    activity::Activity,
    machine::{Companion, System},
    when::{DAYS, Days, HOURS, When},
};

pub(crate) fn of_system(system: System, vcpus: u32) -> Vec<Activity> {
    match system {
        System::AmazonLinux => chain([kernel(vcpus), amazon_linux()]),
        System::Ubuntu => chain([kernel(vcpus), debian(), ubuntu()]),
        System::Debian => chain([kernel(vcpus), debian()]),
        System::Windows => chain([kernel(vcpus), windows()]),
        System::Silent => Vec::new(),
    }
}

pub(crate) fn of_companion(companion: Companion) -> Vec<Activity> {
    match companion {
        Companion::SystemsManager => systems_manager(),
        Companion::PollingSystemsManager => polling_systems_manager(),
        Companion::CloudWatchAgent => vec![cloudwatch_agent()],
        Companion::Exporter => vec![exporter()],
        Companion::PasswordGuessers => vec![password_guessers()],
    }
}

fn chain<const N: usize>(parts: [Vec<Activity>; N]) -> Vec<Activity> {
    parts.into_iter().flatten().collect()
}

/// Timers, kernel threads and the hypervisor's own share, which grow with the number of virtual CPUs.
fn kernel(vcpus: u32) -> Vec<Activity> {
    let vcpus = f64::from(vcpus);
    vec![Activity::steady(When::Always).cpu(0.0001 * vcpus, 0.0004 * vcpus)]
}

/// The journal, ARP, DHCP, DNS, and the statistics of `sysstat` every ten minutes; once a day logs are rotated and the
/// manual pages indexed.
fn amazon_linux() -> Vec<Activity> {
    vec![
        Activity::steady(When::Always)
            .cpu(0.002, 0.010)
            .bytes((4.0, 40.0), (4.0, 40.0))
            .ebs((0.0, 0.02), (0.1, 0.5))
            .memory(9.0),
        Activity::minutely(When::Every { every: 10, lasting: 1 }).cpu(0.02, 0.06).ebs((0.0, 0.0), (4.0, 10.0)),
        daily(0, 60).cpu(1.0, 4.0).ebs((50.0, 400.0), (50.0, 300.0)),
        daily(0, 12 * HOURS).cpu(3.0, 9.0).ebs((500.0, 3000.0), (100.0, 600.0)),
    ]
}

/// Twice a day `apt` fetches the lists of packages, once a day it installs what is urgent; logs and manual pages as
/// above.
fn debian() -> Vec<Activity> {
    let lists =
        |at| daily(at, 12 * HOURS).cpu(6.0, 15.0).bytes((3e5, 2.5e7), (1e4, 3e5)).ebs((50.0, 500.0), (100.0, 600.0));
    let upgrade = When::Daily { days: Days::All, at: 6 * HOURS, delay: 60, lasting: 2 };
    vec![
        Activity::steady(When::Always)
            .cpu(0.003, 0.012)
            .bytes((5.0, 45.0), (5.0, 45.0))
            .ebs((0.0, 0.03), (0.2, 0.7))
            .memory(9.0),
        Activity::minutely(When::Every { every: 10, lasting: 1 }).cpu(0.02, 0.06).ebs((0.0, 0.0), (4.0, 10.0)),
        lists(6 * HOURS),
        lists(18 * HOURS),
        Activity::minutely(upgrade).cpu(15.0, 40.0).bytes((1e4, 2e7), (1e3, 3e5)).ebs((100.0, 3000.0), (300.0, 6000.0)),
        daily(0, 60).cpu(2.0, 8.0).ebs((200.0, 2000.0), (100.0, 500.0)),
    ]
}

/// Snaps look for updates four times a day, as do the timers of Ubuntu Pro and of the message of the day.
fn ubuntu() -> Vec<Activity> {
    let timer = |every| Activity::minutely(When::Every { every, lasting: 1 });
    vec![
        Activity::steady(When::Always).cpu(0.001, 0.004).memory(4.0),
        timer(6 * HOURS).cpu(1.0, 4.0).bytes((2e4, 6e4), (5e3, 1e4)).ebs((5.0, 60.0), (10.0, 60.0)),
        timer(6 * HOURS).cpu(1.0, 3.0).bytes((5e3, 2e4), (2e3, 5e3)).ebs((5.0, 60.0), (5.0, 30.0)),
    ]
}

/// Services that write all the time, management tasks every quarter of an hour or so, new signatures for the virus
/// scanner three times a day, and maintenance at night.
fn windows() -> Vec<Activity> {
    let maintenance = When::Daily { days: Days::All, at: 2 * HOURS, delay: 2 * HOURS, lasting: 30 };
    vec![
        Activity::steady(When::Always)
            .cpu(0.01, 0.05)
            .bytes((40.0, 200.0), (40.0, 200.0))
            .ebs((0.05, 0.5), (1.0, 3.5))
            .memory(30.0),
        Activity::events((0.06, 0.06), When::Always).cpu(1.0, 5.0).ebs((10.0, 200.0), (20.0, 200.0)),
        Activity::minutely(When::Every { every: DAYS / 3, lasting: 2 })
            .cpu(10.0, 40.0)
            .bytes((1e6, 1.5e7), (2e4, 2e5))
            .ebs((100.0, 1000.0), (500.0, 4000.0)),
        Activity::minutely(maintenance).cpu(10.0, 40.0).ebs((500.0, 5000.0), (200.0, 1500.0)),
    ]
}

/// Pings on its channel for messages every minute; every five minutes it reports to be well, over a new connection.
fn systems_manager() -> Vec<Activity> {
    vec![
        Activity::minutely(When::Always).cpu(0.002, 0.006).bytes((120.0, 400.0), (120.0, 400.0)),
        Activity::minutely(When::Every { every: 5, lasting: 1 })
            .cpu(0.03, 0.08)
            .bytes((5e3, 7e3), (3e3, 4.5e3))
            .ebs((0.0, 0.0), (1.0, 4.0)),
    ]
}

/// A poll that is answered after 20 seconds, three times a minute, each with a signed request of 2 KB.
fn polling_systems_manager() -> Vec<Activity> {
    vec![Activity::minutely(When::Always).cpu(0.01, 0.04).bytes((1500.0, 2100.0), (6300.0, 7500.0))]
}

/// One call a minute with all metrics.
fn cloudwatch_agent() -> Activity {
    Activity::minutely(When::Always).cpu(0.03, 0.1).bytes((500.0, 900.0), (1800.0, 4500.0)).memory(1.0)
}

/// About 1,500 metrics, compressed, four times a minute.
fn exporter() -> Activity {
    Activity::minutely(When::Always).cpu(0.06, 0.15).bytes((2e3, 3e3), (3.2e4, 5.2e4))
}

/// Each attempt is an exchange of keys, and some lines in the log.
fn password_guessers() -> Activity {
    Activity::events((0.5, 8.0), When::Always)
        .cpu(0.008, 0.02)
        .bytes((2200.0, 3800.0), (2400.0, 3600.0))
        .ebs((0.0, 0.0), (0.3, 1.5))
}

fn daily(at: i64, delay: i64) -> Activity {
    Activity::minutely(When::Daily { days: Days::All, at, delay, lasting: 1 })
}
