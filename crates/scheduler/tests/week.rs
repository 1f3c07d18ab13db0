//! A whole week of an account, minute by minute: Doze's ticks, EC2's events, and people who use machines, stop them, and
//! want them back. The states of all machines are held to a table at every minute; the messages are listed.

#![allow(missing_docs, unreachable_pub, reason = "a module of tests, not an interface")]

mod life;
mod ports;
mod table;
mod times;
mod world;

use self::{
    life::{Deed, Life},
    table::{Row, Table},
    times::{Span, at},
    world::{Story, World},
};

const OFFICE: (&str, &str) = ("doze:schedule", "mon-fri 09:00-18:00 @ Europe/Berlin");
const ON: (&str, &str) = ("doze", "on");

fn story(tags: &'static [(&'static str, &'static str)], work: &[(&str, &str)]) -> Story {
    Story { tags, work: work.iter().map(|(from, to)| Span::of(from, to)).collect(), ..Story::default() }
}

/// Lives through the time of the table, and returns what was told.
async fn live(mut life: Life, table: &Table, until: &str) -> Life {
    table.assert_holds(&life.world);
    while life.world.now() < at(until) {
        life.pass_a_minute().await;
        table.assert_holds(&life.world);
    }
    life
}

fn machines() -> Vec<(&'static str, Story)> {
    const SERVICE: [(&str, &str); 6] = [
        ("Fri 20 08:00", "Fri 20 19:00"),
        ("Mon 23 08:00", "Mon 23 19:00"),
        ("Tue 24 08:00", "Tue 24 19:00"),
        ("Wed 25 08:00", "Wed 25 19:00"),
        ("Thu 26 08:00", "Thu 26 19:00"),
        ("Fri 27 08:00", "Fri 27 19:00"),
    ];
    let big = story(&[ON, OFFICE], &[("Fri 20 08:00", "Fri 20 16:00")]);
    let vault = story(&[ON, OFFICE], &[("Fri 20 08:00", "Fri 20 16:00")]);
    vec![
        // Somebody works late on Friday; the others go home in time, and on Thursday nobody comes.
        (
            "build",
            story(
                &[ON, OFFICE],
                &[
                    ("Fri 20 08:00", "Fri 20 23:10"),
                    ("Mon 23 09:30", "Mon 23 17:30"),
                    ("Tue 24 09:30", "Tue 24 17:00"),
                    ("Wed 25 09:30", "Wed 25 20:00"),
                ],
            ),
        ),
        // A job that ends on Saturday morning. It has no schedule; somebody wants its results on Sunday.
        ("job", story(&[ON], &[("Fri 20 08:00", "Sat 21 05:00")])),
        ("db", story(&[ON], &SERVICE)),
        ("app", story(&[ON, ("doze:schedule", "mon-fri 08:00-20:00 @ Europe/Berlin"), ("doze:after", "db")], &SERVICE)),
        // Its owner shuts it down on Saturday, and is away on Monday.
        (
            "desk",
            story(
                // Doze stopped it on Wednesday, and somebody has started it since.
                &[ON, OFFICE, ("doze:stopped-at", "2026-11-18T17:07:00Z"), ("doze:stopped-because", "idle")],
                &[("Fri 20 08:00", "Sat 21 09:55"), ("Tue 24 10:00", "Tue 24 17:00")],
            ),
        ),
        // There is no capacity for its type on Monday morning.
        ("big", Story { no_capacity: vec![Span::of("Mon 23 00:00", "Mon 23 09:40")], ..big }),
        // The key of its volume is disabled over the weekend, until somebody enables it on Monday.
        ("vault", Story { no_key: vec![Span::of("Sat 21 00:00", "Mon 23 13:55")], ..vault }),
        ("shop", story(&[ON], &[("Fri 20 08:00", "Fri 27 12:00")])),
        ("stranger", story(&[OFFICE], &[])),
    ]
}

const WEEK: &[Row] = &[
    ("build", "Fri 20 12:00", "Sat 21 01:07", "running"),
    ("build", "Sat 21 01:09", "Mon 23 09:00", "stopped"),
    ("build", "Mon 23 09:01", "Mon 23 19:07", "running"),
    ("build", "Mon 23 19:09", "Tue 24 09:00", "stopped"),
    ("build", "Tue 24 09:01", "Tue 24 18:07", "running"),
    ("build", "Tue 24 18:09", "Wed 25 09:00", "stopped"),
    ("build", "Wed 25 09:01", "Wed 25 21:07", "running"),
    ("build", "Wed 25 21:09", "Thu 26 09:00", "stopped"),
    ("build", "Thu 26 09:01", "Thu 26 18:07", "running"),
    ("build", "Thu 26 18:09", "Fri 27 09:00", "stopped"),
    ("build", "Fri 27 09:01", "Fri 27 12:01", "running"),
    ("job", "Fri 20 12:00", "Sat 21 06:07", "running"),
    ("job", "Sat 21 06:09", "Sun 22 15:00", "stopped"),
    ("job", "Sun 22 15:01", "Sun 22 17:07", "running"),
    ("job", "Sun 22 17:09", "Fri 27 12:01", "stopped"),
    ("db", "Fri 20 12:00", "Fri 20 20:07", "running"),
    ("db", "Fri 20 20:09", "Mon 23 08:00", "stopped"),
    ("db", "Mon 23 08:01", "Mon 23 20:07", "running"),
    ("db", "Mon 23 20:09", "Tue 24 08:00", "stopped"),
    ("db", "Tue 24 08:01", "Tue 24 20:07", "running"),
    ("db", "Tue 24 20:09", "Wed 25 08:00", "stopped"),
    ("db", "Wed 25 08:01", "Wed 25 20:07", "running"),
    ("db", "Wed 25 20:09", "Thu 26 08:00", "stopped"),
    ("db", "Thu 26 08:01", "Thu 26 20:07", "running"),
    ("db", "Thu 26 20:09", "Fri 27 08:00", "stopped"),
    ("db", "Fri 27 08:01", "Fri 27 12:01", "running"),
    ("app", "Fri 20 12:00", "Fri 20 20:07", "running"),
    ("app", "Fri 20 20:09", "Mon 23 08:01", "stopped"),
    ("app", "Mon 23 08:02", "Mon 23 20:07", "running"),
    ("app", "Mon 23 20:09", "Tue 24 08:01", "stopped"),
    ("app", "Tue 24 08:02", "Tue 24 20:07", "running"),
    ("app", "Tue 24 20:09", "Wed 25 08:01", "stopped"),
    ("app", "Wed 25 08:02", "Wed 25 20:07", "running"),
    ("app", "Wed 25 20:09", "Thu 26 08:01", "stopped"),
    ("app", "Thu 26 08:02", "Thu 26 20:07", "running"),
    ("app", "Thu 26 20:09", "Fri 27 08:01", "stopped"),
    ("app", "Fri 27 08:02", "Fri 27 12:01", "running"),
    ("desk", "Fri 20 12:00", "Sat 21 10:00", "running"),
    ("desk", "Sat 21 10:02", "Tue 24 10:00", "stopped"),
    ("desk", "Tue 24 10:01", "Tue 24 18:07", "running"),
    ("desk", "Tue 24 18:09", "Wed 25 09:00", "stopped"),
    ("desk", "Wed 25 09:01", "Wed 25 18:07", "running"),
    ("desk", "Wed 25 18:09", "Thu 26 09:00", "stopped"),
    ("desk", "Thu 26 09:01", "Thu 26 18:07", "running"),
    ("desk", "Thu 26 18:09", "Fri 27 09:00", "stopped"),
    ("desk", "Fri 27 09:01", "Fri 27 12:01", "running"),
    ("big", "Fri 20 12:00", "Fri 20 18:07", "running"),
    ("big", "Fri 20 18:09", "Mon 23 09:40", "stopped"),
    ("big", "Mon 23 09:41", "Mon 23 18:07", "running"),
    ("big", "Mon 23 18:09", "Tue 24 09:00", "stopped"),
    ("big", "Tue 24 09:01", "Tue 24 18:07", "running"),
    ("big", "Tue 24 18:09", "Wed 25 09:00", "stopped"),
    ("big", "Wed 25 09:01", "Wed 25 18:07", "running"),
    ("big", "Wed 25 18:07", "Wed 25 18:09", "stopping"),
    ("big", "Wed 25 18:10", "Wed 25 21:07", "running"),
    ("big", "Wed 25 21:09", "Thu 26 09:00", "stopped"),
    ("big", "Thu 26 09:01", "Thu 26 18:07", "running"),
    ("big", "Thu 26 18:09", "Fri 27 09:00", "stopped"),
    ("big", "Fri 27 09:01", "Fri 27 12:01", "running"),
    ("vault", "Fri 20 12:00", "Fri 20 18:07", "running"),
    ("vault", "Fri 20 18:09", "Mon 23 09:00", "stopped"),
    ("vault", "Mon 23 09:00", "Mon 23 09:01", "pending"),
    ("vault", "Mon 23 09:01", "Mon 23 14:00", "stopped"),
    ("vault", "Mon 23 14:01", "Mon 23 18:07", "running"),
    ("vault", "Mon 23 18:09", "Tue 24 09:00", "stopped"),
    ("vault", "Tue 24 09:01", "Tue 24 18:07", "running"),
    ("vault", "Tue 24 18:09", "Wed 25 09:00", "stopped"),
    ("vault", "Wed 25 09:01", "Wed 25 18:07", "running"),
    ("vault", "Wed 25 18:09", "Thu 26 09:00", "stopped"),
    ("vault", "Thu 26 09:01", "Thu 26 18:07", "running"),
    ("vault", "Thu 26 18:09", "Fri 27 09:00", "stopped"),
    ("vault", "Fri 27 09:01", "Fri 27 12:01", "running"),
    ("shop", "Fri 20 12:00", "Fri 27 12:01", "running"),
    ("stranger", "Fri 20 12:00", "Fri 27 12:01", "running"),
];

const TOLD: &[(&str, &str)] = &[
    ("Fri 20 18:07", "Doze: 2 stopped"),
    ("Fri 20 20:07", "Doze: 2 stopped"),
    ("Sat 21 01:07", "Doze: 1 stopped"),
    ("Sat 21 06:07", "Doze: 1 stopped"),
    ("Sun 22 17:07", "Doze: 1 stopped"),
    ("Mon 23 08:00", "Doze: 1 started"),
    ("Mon 23 08:01", "Doze: 1 started"),
    ("Mon 23 09:00", "Doze: 1 owed a start, 2 started"),
    ("Mon 23 09:01", "Doze: 1 fell back to stopped"),
    ("Mon 23 09:41", "Doze: 1 started"),
    ("Mon 23 18:07", "Doze: 2 stopped"),
    ("Mon 23 19:07", "Doze: 1 stopped"),
    ("Mon 23 20:07", "Doze: 2 stopped"),
    ("Tue 24 08:00", "Doze: 1 started"),
    ("Tue 24 08:01", "Doze: 1 started"),
    ("Tue 24 09:00", "Doze: 3 started"),
    ("Tue 24 18:07", "Doze: 4 stopped"),
    ("Tue 24 20:07", "Doze: 2 stopped"),
    ("Wed 25 08:00", "Doze: 1 started"),
    ("Wed 25 08:01", "Doze: 1 started"),
    ("Wed 25 09:00", "Doze: 4 started"),
    ("Wed 25 18:07", "Doze: 3 stopped"),
    ("Wed 25 18:10", "Doze: 1 started"),
    ("Wed 25 20:07", "Doze: 2 stopped"),
    ("Wed 25 21:07", "Doze: 2 stopped"),
    ("Thu 26 08:00", "Doze: 1 started"),
    ("Thu 26 08:01", "Doze: 1 started"),
    ("Thu 26 09:00", "Doze: 4 started"),
    ("Thu 26 18:07", "Doze: 4 stopped"),
    ("Thu 26 20:07", "Doze: 2 stopped"),
    ("Fri 27 08:00", "Doze: 1 started"),
    ("Fri 27 08:01", "Doze: 1 started"),
    ("Fri 27 09:00", "Doze: 4 started"),
];

#[tokio::test(flavor = "current_thread")]
async fn a_week_goes_as_its_table_says() {
    let world = World::at(at("Fri 20 12:00"), machines());
    let deeds = [
        ("Sat 21 10:00", "desk", Deed::Stop),
        ("Sun 22 15:00", "job", Deed::Press("start")),
        ("Mon 23 14:00", "vault", Deed::Start),
        ("Tue 24 10:00", "desk", Deed::Start),
        // A minute after Doze has stopped it, while it is still stopping.
        ("Wed 25 18:08", "big", Deed::Press("start")),
    ];
    let life = live(Life::of(world, 0, &deeds), &Table::of(WEEK), "Fri 27 12:00").await;
    assert_eq!(life.subjects(), TOLD);
    for instance in life.world.instances() {
        let notes = ["doze:start-owed-since", "doze:start-tried-at"].map(|key| instance.tags.get(key));
        assert_eq!(notes, [None, None], "no note of an owed start is left on {:?}", instance.name());
    }
}

/// Grace: an idle machine is announced for an hour before it is stopped, so that somebody can object.
#[tokio::test(flavor = "current_thread")]
async fn an_evening_with_grace_goes_as_its_table_says() {
    let afternoon = ("Fri 20 12:00", "Fri 20 17:00");
    let machines = vec![
        ("left", story(&[ON, OFFICE], &[afternoon])),
        // Somebody comes back before the hour is over.
        ("back", story(&[ON, OFFICE], &[afternoon, ("Fri 20 18:30", "Fri 20 19:00")])),
        // Somebody objects by the link in the announcement, for four hours.
        ("asked", story(&[ON, OFFICE], &[afternoon])),
    ];
    let table = Table::of(&[
        ("left", "Fri 20 12:00", "Fri 20 19:07", "running"),
        ("left", "Fri 20 19:09", "Sat 21 02:01", "stopped"),
        ("back", "Fri 20 12:00", "Fri 20 21:07", "running"),
        ("back", "Fri 20 21:09", "Sat 21 02:01", "stopped"),
        ("asked", "Fri 20 12:00", "Sat 21 00:07", "running"),
        ("asked", "Sat 21 00:09", "Sat 21 02:01", "stopped"),
    ]);
    let world = World::at(at("Fri 20 12:00"), machines);
    let life =
        live(Life::of(world, 60, &[("Fri 20 18:20", "asked", Deed::Press("keep-awake"))]), &table, "Sat 21 02:00")
            .await;
    let told = [
        ("Fri 20 18:07", "Doze: 3 to be stopped"),
        ("Fri 20 19:07", "Doze: 1 stopped, 2 kept after all"),
        ("Fri 20 20:07", "Doze: 1 to be stopped"),
        ("Fri 20 21:07", "Doze: 1 stopped"),
        ("Fri 20 23:07", "Doze: 1 to be stopped"),
        ("Sat 21 00:07", "Doze: 1 stopped"),
    ];
    assert_eq!(life.subjects(), told);
}
