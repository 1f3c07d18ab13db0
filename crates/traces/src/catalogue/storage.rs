//! Machines that store things for others or for themselves.

use crate::{
    activity::Activity,
    machine::Machine,
    trace::Trace,
    when::{HOURS, When},
};

pub(super) fn traces() -> Vec<Trace> {
    [for_others(), for_itself()].into_iter().flatten().collect()
}

fn for_others() -> Vec<Trace> {
    vec![
        Trace::in_use(
            "file-server",
            Machine::new("m7i.large", 2),
            "The home directories of six people at work, over NFS.",
        )
        .doing(
            Activity::steady(When::Last(3 * HOURS))
                .cpu(0.01, 0.06)
                .bytes((4e3, 9e4), (4e3, 3e5))
                .ebs((0.2, 15.0), (1.0, 20.0)),
        ),
        Trace::in_use(
            "file-server-few-readers",
            Machine::new("m7i.large", 2),
            "Two people read documents over NFS: some files a minute, most of them from memory.",
        )
        .doing(
            Activity::events((3.0, 9.0), When::Last(3 * HOURS))
                .cpu(0.001, 0.01)
                .bytes((600.0, 3e3), (4e3, 8e4))
                .ebs((0.0, 6.0), (0.0, 1.0)),
        ),
    ]
}

fn for_itself() -> Vec<Trace> {
    let with_store = |instance_type, vcpus| Machine { instance_store: true, ..Machine::new(instance_type, vcpus) };
    vec![
        Trace::in_use(
            "scratch-on-instance-store",
            with_store("i4i.4xlarge", 16),
            "A sort of 3 TB on instance store volumes: waiting for these at 3 % CPU, without a byte on EBS \
             or the network.",
        )
        .doing(Activity::steady(When::Last(5 * HOURS)).cpu(0.35, 0.6).disk((200.0, 3000.0), (200.0, 3000.0))),
        Trace::in_use(
            "slow-scratch-on-instance-store",
            with_store("i4i.16xlarge", 64),
            "An integrity check of an archive on instance store volumes, limited to 20 MB/s: half a percent \
             of the CPUs.",
        )
        .doing(Activity::steady(When::Last(5 * HOURS)).cpu(0.25, 0.45).disk((60.0, 180.0), (0.0, 0.2))),
    ]
}
