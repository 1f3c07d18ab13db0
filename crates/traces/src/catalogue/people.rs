//! People at work. Bytes are counted as EC2 counts them, headers included: a key pressed in SSH is a packet of about
//! 100 bytes each way and an acknowledgement, 270 bytes in all.

use super::forgotten::notebook_tab;
use crate::{
    activity::Activity,
    machine::{Machine, System},
    trace::Trace,
    when::{HOURS, When},
};

pub(super) fn traces() -> Vec<Trace> {
    [in_terminals(), in_shells(), in_editors(), in_code_editors(), in_browsers(), on_desktops()]
        .into_iter()
        .flatten()
        .collect()
}

/// A person types, thinks and types again.
fn at_the_keyboard() -> When {
    When::Last(2 * HOURS).and(When::Bursts { working: 3.0, pausing: 1.5 })
}

fn keys(per_minute: (f64, f64)) -> Activity {
    Activity::events(per_minute, at_the_keyboard()).cpu(0.0005, 0.002).bytes((168.0, 170.0), (102.0, 170.0))
}

/// The clock in the status line of `tmux`.
fn status_line() -> Activity {
    Activity::minutely(When::Last(2 * HOURS)).bytes((66.0, 70.0), (120.0, 260.0))
}

fn in_terminals() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "shell-over-ssh",
            Machine::small(),
            "Someone looks for the cause of a fault: `ls`, `grep`, `less`, two commands a minute.",
        )
        .doing(
            Activity::events((1.0, 3.0), at_the_keyboard())
                .cpu(0.01, 1.0)
                .bytes((2e3, 4e3), (1.5e3, 1.2e4))
                .ebs((0.0, 50.0), (1.0, 6.0)),
        ),
        Trace::in_use(
            "reading-a-log-over-ssh",
            Machine::small(),
            "Someone reads a long log in `less`: a page of 4 to 6 KB every half minute, and nothing else.",
        )
        .doing(Activity::events((1.5, 3.0), When::Last(90)).cpu(0.001, 0.004).bytes((230.0, 300.0), (3500.0, 6500.0))),
        Trace::in_use(
            "reading-slowly-over-ssh",
            Machine::small(),
            "Someone reads a long document in `less`, and thinks about it: a page a minute.",
        )
        .doing(Activity::events((0.7, 1.3), When::Last(90)).cpu(0.001, 0.004).bytes((230.0, 300.0), (3500.0, 6500.0))),
    ]
}

fn in_shells() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "shell-over-session-manager",
            Machine::small(),
            "Someone works in a shell of Session Manager, whose messages make 1.6 KB of each key.",
        )
        .with_sessions(1)
        .doing(
            Activity::events((30.0, 90.0), at_the_keyboard()).cpu(0.002, 0.006).bytes((600.0, 800.0), (700.0, 1000.0)),
        ),
        Trace::in_use(
            "database-shell",
            Machine::new("r7i.large", 2),
            "Someone asks a database on this machine a question every minute or so, and thinks about the \
             answers.",
        )
        .doing(
            Activity::events((0.5, 1.5), When::Last(2 * HOURS))
                .cpu(0.05, 2.0)
                .bytes((4e3, 9e3), (4e3, 2e4))
                .ebs((0.0, 300.0), (0.0, 4.0)),
        ),
    ]
}

/// Scrolling and jumping redraw half a screen or more.
fn redraws() -> Activity {
    Activity::events((3.0, 10.0), at_the_keyboard()).cpu(0.002, 0.01).bytes((170.0, 240.0), (800.0, 4000.0))
}

/// It is written every four seconds of typing.
fn swap_file() -> Activity {
    Activity::minutely(at_the_keyboard()).ebs((0.0, 0.0), (6.0, 15.0))
}

fn in_editors() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "vim-in-tmux",
            Machine::small(),
            "Someone programs in vim within tmux over SSH, and runs the tests every few minutes.",
        )
        .doing(keys((60.0, 140.0)))
        .doing(redraws())
        .doing(swap_file())
        .doing(status_line())
        .doing(
            Activity::events((0.15, 0.4), at_the_keyboard())
                .cpu(3.0, 25.0)
                .bytes((300.0, 2e3), (2e3, 3e4))
                .ebs((0.0, 500.0), (5.0, 100.0)),
        ),
        Trace::in_use(
            "prose-in-vim",
            Machine::small(),
            "Someone writes documentation in vim within tmux over SSH, and runs nothing.",
        )
        .doing(keys((60.0, 140.0)))
        .doing(redraws())
        .doing(swap_file())
        .doing(status_line()),
        Trace::in_use(
            "prose-in-vim-new-ssh",
            Machine::small().system(System::Ubuntu),
            "The same from a current OpenSSH to a current OpenSSH, which hides keys among packets at 20 ms \
             intervals.",
        )
        // A single key was seen to make 179 packets and 90 acknowledgements, 24 KB.
        // <https://eieio.games/blog/ssh-sends-100-packets-per-keystroke/>
        .doing(Activity::steady(at_the_keyboard()).cpu(0.005, 0.02).bytes((4e3, 6.5e3), (4e3, 6.5e3)))
        .doing(swap_file()),
    ]
}

fn in_code_editors() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "code-editor-reading",
            Machine::new("t3.large", 2),
            "Someone reads code in VS Code, connected by SSH: a file every minute, a symbol looked up now \
             and then.",
        )
        .doing(code_editor())
        .doing(
            Activity::events((0.5, 1.5), at_the_keyboard())
                .cpu(0.02, 0.2)
                .bytes((1e3, 2e3), (8e3, 6e4))
                .ebs((0.0, 20.0), (0.0, 1.0)),
        )
        .doing(Activity::events((1.0, 3.0), at_the_keyboard()).cpu(0.01, 0.2).bytes((800.0, 1.5e3), (1e3, 6e3))),
        Trace::in_use(
            "code-editor-writing",
            Machine::new("t3.large", 2),
            "Someone writes code in VS Code, with a language server at work.",
        )
        .doing(code_editor())
        .doing(
            Activity::events((40.0, 120.0), at_the_keyboard())
                .cpu(0.02, 0.3)
                .bytes((500.0, 1.2e3), (800.0, 5e3))
                .ebs((0.0, 1.0), (0.0, 2.0)),
        ),
    ]
}

/// Two connections, on each of which a message goes each way every five seconds, and a server that watches files.
/// <https://github.com/microsoft/vscode-remote-release/issues/1243>
fn code_editor() -> Activity {
    Activity::minutely(When::Last(3 * HOURS))
        .cpu(0.3, 1.5)
        .bytes((4e3, 6e3), (4e3, 6e3))
        .ebs((0.0, 0.0), (0.0, 4.0))
        .memory(20.0)
}

fn in_browsers() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "notebook-running-cells",
            Machine::new("m7i.xlarge", 4),
            "Someone works in a notebook and runs a cell every minute or two.",
        )
        .doing(notebook_tab(When::Last(3 * HOURS)))
        .doing(
            Activity::events((0.4, 1.0), When::Last(3 * HOURS))
                .cpu(0.5, 40.0)
                .bytes((2e3, 2e4), (3e3, 5e5))
                .memory(30.0),
        ),
        Trace::in_use(
            "notebook-reading",
            Machine::new("m7i.xlarge", 4),
            "Someone reads the results in a notebook and writes about them on paper: the page asks for news \
             every ten seconds.",
        )
        .doing(notebook_tab(When::Last(3 * HOURS))),
        Trace::in_use(
            "dashboard-on-the-wall",
            Machine::small(),
            "A dashboard on the wall of an office, with which people work, is served from here and \
             refreshed every 30 seconds.",
        )
        .doing(
            Activity::minutely(When::Always).cpu(0.1, 0.4).bytes((4e3, 9e3), (1.5e4, 6e4)).ebs((0.0, 1.0), (0.0, 2.0)),
        ),
    ]
}

fn on_desktops() -> Vec<Trace> {
    let desktop = || Machine::new("t3.xlarge", 4).system(System::Windows);
    vec![
        Trace::in_use("remote-desktop-working", desktop(), "Someone works on a Windows desktop over RDP.").doing(
            Activity::steady(When::Last(2 * HOURS))
                .cpu(0.1, 0.8)
                .bytes((5e2, 4e3), (5e3, 6e4))
                .ebs((0.5, 10.0), (2.0, 20.0)),
        ),
        Trace::in_use(
            "remote-desktop-reading",
            desktop(),
            "Someone reads a long document on a Windows desktop over RDP, scrolling every half minute.",
        )
        .doing(Activity::minutely(When::Last(2 * HOURS)).cpu(0.5, 1.5).bytes((3e3, 9e3), (6e3, 2e4)))
        .doing(Activity::events((1.5, 3.0), When::Last(2 * HOURS)).cpu(0.1, 0.5).bytes((1e3, 3e3), (2e4, 1.5e5))),
    ]
}
