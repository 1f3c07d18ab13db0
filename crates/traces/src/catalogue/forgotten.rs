//! Machines that nobody uses, and on which something runs all the same.

use crate::{
    activity::Activity,
    machine::{Machine, System},
    trace::Trace,
    when::{DAYS, HOURS, When},
};

const WEEKS: i64 = 20 * DAYS;

pub(super) fn traces() -> Vec<Trace> {
    [servers(), servers_of_others(), clients()].into_iter().flatten().collect()
}

fn servers() -> Vec<Trace> {
    vec![
        Trace::idle(
            "forgotten-containers",
            5 * DAYS,
            Machine::new("t3.xlarge", 4).system(System::Ubuntu),
            "A stack of containers (database, cache, queue, two services) that check each other's health \
             and serve nobody.",
        )
        // Health checks run commands in containers; databases write checkpoints; all of it stays on the machine.
        .doing(Activity::steady(When::Always).cpu(0.04, 0.12).ebs((0.0, 0.05), (0.3, 2.0)).memory(35.0))
        .doing(Activity::events((6.0, 14.0), When::Always).cpu(0.05, 0.2)),
        Trace::idle(
            "forgotten-kubernetes",
            9 * DAYS,
            Machine::new("t3.xlarge", 4).system(System::Ubuntu),
            "A one-node Kubernetes for trying things out: its control plane writes to its own store all day.",
        )
        .doing(Activity::steady(When::Always).cpu(0.25, 0.5).ebs((0.0, 0.1), (8.0, 25.0)).memory(30.0)),
        Trace::idle(
            "forgotten-java-server",
            WEEKS,
            Machine::new("m7i.large", 2),
            "An application server without users: timers, garbage collection, and a log line now and then.",
        )
        .doing(Activity::steady(When::Always).cpu(0.006, 0.03).ebs((0.0, 0.0), (0.05, 0.3)).memory(30.0)),
    ]
}

fn servers_of_others() -> Vec<Trace> {
    vec![
        Trace::idle(
            "forgotten-web-server",
            WEEKS,
            Machine::small(),
            "A public web server whose project has ended: only robots ask it for pages that are not there.",
        )
        .doing(
            Activity::events((0.5, 4.0), When::Always)
                .cpu(0.001, 0.01)
                .bytes((600.0, 4e3), (1.5e3, 1.2e4))
                .ebs((0.0, 0.0), (0.2, 1.0)),
        ),
        Trace::idle(
            "forgotten-game-server",
            6 * DAYS,
            Machine::new("t3.large", 2),
            "A game server without players: its world ticks 20 times a second all the same.",
        )
        .doing(Activity::steady(When::Always).cpu(0.08, 0.2).ebs((0.0, 0.0), (0.2, 1.0)).memory(40.0)),
        Trace::idle(
            "runaway-loop",
            4 * DAYS,
            Machine::small(),
            "A script of someone who left hangs in an endless loop. Nobody needs it, though no metric can \
             know that.",
        )
        .doing(Activity::steady(When::Last(4 * DAYS)).cpu(0.99, 1.0)),
    ]
}

fn clients() -> Vec<Trace> {
    vec![
        Trace::idle(
            "forgotten-notebook-tab",
            3 * DAYS,
            Machine::new("m7i.xlarge", 4),
            "An empty notebook in a browser on a desk where nobody sits: the page asks for news every ten \
             seconds.",
        )
        .doing(notebook_tab(When::Last(4 * DAYS))),
        Trace::idle(
            "forgotten-monitor-in-a-terminal",
            14 * HOURS,
            Machine::small(),
            "Someone went home with `top` open in a window: it redraws itself every three seconds.",
        )
        // A redraw is 1 to 2.5 KB and an acknowledgement of 66 bytes, 20 times a minute.
        .doing(Activity::minutely(When::Last(16 * HOURS)).cpu(0.1, 0.25).bytes((1.3e3, 1.4e3), (2e4, 5e4))),
    ]
}

/// A visible tab of `JupyterLab`: kernels, sessions, terminals and files are asked for every ten seconds, each a
/// request of 0.8 to 1.5 KB, headers and cookies included, and answers of about as much.
/// <https://github.com/jupyterlab/jupyterlab/issues/3929>
pub(super) fn notebook_tab(when: When) -> Activity {
    Activity::minutely(when).cpu(0.1, 0.3).bytes((1.8e4, 3.6e4), (1.8e4, 6e4)).ebs((0.0, 0.0), (0.0, 1.0))
}
