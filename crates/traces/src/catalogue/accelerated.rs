//! Machines with accelerators, whose work the metrics of EC2 do not show.

use crate::{
    activity::{Activity, GpuWork},
    machine::{Companion, Machine},
    random::Spread,
    trace::Trace,
    when::{DAYS, HOURS, When},
};

pub(super) fn traces() -> Vec<Trace> {
    [training(), inference(), holding(), holding_memory(), idle()].into_iter().flatten().collect()
}

fn small() -> Machine {
    Machine::new("g5.xlarge", 4).gpus(1)
}

fn measured(machine: Machine) -> Machine {
    machine.with(Companion::CloudWatchAgent)
}

/// A training that keeps its GPUs at work.
const TRAINING: GpuWork = GpuWork {
    gpus: 1,
    seen: 0.97,
    busy: Spread { low: 70.0, high: 100.0 },
    memory_busy: Spread { low: 25.0, high: 70.0 },
    memory_held: 18_000.0,
};

fn training() -> Vec<Trace> {
    let large = || Machine::new("p4d.24xlarge", 96).gpus(8);
    vec![
        Trace::in_use("gpu-training", measured(small()), "A training at 6 % CPU: all of the work is the GPU's.")
            .doing(Activity::steady(When::Last(20 * HOURS)).cpu(0.22, 0.26).gpu(TRAINING)),
        Trace::in_use(
            "gpu-training-at-1-percent-cpu",
            measured(Machine::new("g5.8xlarge", 32).gpus(1)),
            "A training whose data is all on the GPU: 1 % of 32 virtual CPUs.",
        )
        .doing(Activity::steady(When::Last(20 * HOURS)).cpu(0.28, 0.36).gpu(TRAINING)),
        Trace::in_use(
            "gpu-training-unmeasured",
            Machine::new("g5.8xlarge", 32).gpus(1),
            "The same without the CloudWatch agent: nothing shows what the GPU does.",
        )
        .doing(Activity::steady(When::Last(20 * HOURS)).cpu(0.28, 0.36).gpu(TRAINING)),
        Trace::in_use(
            "one-gpu-of-eight",
            measured(large()),
            "An experiment on one of eight GPUs; the other seven are idle.",
        )
        .doing(Activity::steady(When::Last(8 * HOURS)).cpu(0.9, 1.0).gpu(TRAINING)),
    ]
}

fn inference() -> Vec<Trace> {
    let answering = |seen| GpuWork { seen, memory_held: 14_000.0, busy: Spread { low: 20.0, high: 98.0 }, ..TRAINING };
    vec![
        Trace::in_use(
            "gpu-inference",
            measured(small()),
            "A language model that a team asks four times a minute; an answer takes four seconds.",
        )
        .doing(Activity::events((2.0, 6.0), When::Always).cpu(0.1, 0.5).bytes((1.5e3, 6e3), (4e3, 1.5e4)))
        .doing(Activity::steady(When::Always).gpu(answering(0.27))),
        Trace::in_use(
            "gpu-inference-rare",
            measured(small()),
            "An image classifier that a test environment asks every five minutes: 0.2 seconds of the GPU.",
        )
        .doing(Activity::events((0.15, 0.25), When::Always).cpu(0.05, 0.2).bytes((2e4, 2e5), (1e3, 3e3)))
        // A sample covers up to a second: one in 250 meets such a moment.
        .doing(Activity::steady(When::Always).gpu(answering(0.004))),
        Trace::in_use(
            "inferentia-serving",
            Machine::new("inf2.xlarge", 4),
            "A model on a chip of AWS's own, which no metric in CloudWatch shows unless one publishes it \
             oneself.",
        )
        .doing(Activity::events((0.5, 2.0), When::Always).cpu(0.02, 0.1).bytes((1e3, 4e3), (1e3, 6e3))),
    ]
}

fn holding() -> Vec<Trace> {
    let holding = |memory_held| GpuWork { seen: 0.0, memory_held, ..TRAINING };
    vec![
        Trace::in_use(
            "gpu-waiting-for-a-parameter-server",
            measured(small()),
            "A worker of a distributed training waits for the others, which take an hour longer: \
             keepalives, and its GPU's memory.",
        )
        .doing(
            Activity::minutely(When::Last(80))
                .cpu(0.1, 0.3)
                .bytes((1.5e3, 2.5e3), (1.5e3, 2.5e3))
                .gpu(holding(12_000.0)),
        )
        .doing(
            Activity::steady(When::Last(6 * HOURS).and(When::Until(80)))
                .cpu(0.8, 1.5)
                .bytes((1e6, 5e6), (1e6, 5e6))
                .gpu(TRAINING),
        ),
        Trace::in_use(
            "gpu-notebook-at-lunch",
            measured(small()),
            "A notebook holds a model on the GPU that took an hour to load; its owner is at lunch, the \
             laptop closed.",
        )
        .doing(Activity::steady(When::Last(5 * HOURS)).cpu(0.0005, 0.002).memory(30.0).gpu(holding(9_000.0)))
        .doing(
            Activity::steady(When::Last(5 * HOURS).and(When::Until(75)))
                .cpu(0.5, 1.0)
                .bytes((1e3, 2e4), (1e3, 5e4))
                .gpu(GpuWork { memory_held: 0.0, ..TRAINING }),
        ),
    ]
}

fn holding_memory() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "notebook-at-lunch-measured",
            Machine::new("r7i.2xlarge", 8).with(Companion::CloudWatchAgent),
            "A notebook holds a table of 40 GB in memory, on a machine with the CloudWatch agent; its owner \
             is at lunch.",
        )
        .doing(Activity::steady(When::Last(5 * HOURS)).cpu(0.0005, 0.002).memory(65.0))
        .doing(Activity::steady(When::Last(5 * HOURS).and(When::Until(75))).cpu(0.5, 1.0).bytes((1e3, 2e4), (1e3, 5e4)))
        .shown_on_request(),
    ]
}

fn idle() -> Vec<Trace> {
    vec![
        Trace::idle(
            "idle-gpu",
            20 * DAYS,
            measured(small()),
            "A machine with a GPU that nobody uses, with the CloudWatch agent.",
        ),
        Trace::idle(
            "idle-gpu-since-last-evening",
            16 * HOURS,
            measured(small()),
            "A training ended 16 hours ago, and released what it held.",
        )
        .doing(Activity::steady(When::Last(30 * HOURS).and(When::Until(16 * HOURS))).cpu(0.2, 0.3).gpu(TRAINING)),
        Trace::idle(
            "idle-gpu-unmeasured",
            20 * DAYS,
            small(),
            "The same as the first without the agent: idle, though nothing proves it.",
        ),
        Trace::idle(
            "idle-eight-gpus",
            6 * DAYS,
            measured(Machine::new("p4d.24xlarge", 96).gpus(8)),
            "$30 an hour, for nobody.",
        ),
    ]
}
