//! The machine a trace runs on: what it is, and what its operating system and agents do by themselves.

use crate::activity::Activity;
use crate::background;

/// A machine, as far as it bears on what CloudWatch shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// EC2's name of its type.
    pub instance_type: &'static str,
    /// Its virtual CPUs.
    pub vcpus: u32,
    /// How many virtual CPUs it can keep busy: fewer than it has where its CPU credits are used up.
    pub ceiling: Option<f64>,
    /// Its operating system.
    pub system: System,
    /// How often EC2 measures it.
    pub monitoring: Monitoring,
    /// What it runs on.
    pub hypervisor: Hypervisor,
    /// Whether it has instance store volumes.
    pub instance_store: bool,
    /// Its GPUs.
    pub gpus: usize,
    /// What else runs on it that nobody thinks of.
    pub companions: Vec<Companion>,
}

/// An operating system, and so what a machine does on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Amazon Linux 2023.
    AmazonLinux,
    /// Ubuntu Server 24.04.
    Ubuntu,
    /// Debian 12.
    Debian,
    /// Windows Server 2022.
    Windows,
    /// None: what a machine shows of its activities alone.
    Silent,
}

/// How often EC2 measures a machine.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/manage-detailed-monitoring.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Monitoring {
    /// A datapoint of five minutes, the default.
    Basic,
    /// A datapoint of one minute.
    Detailed,
}

/// What a machine runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hypervisor {
    /// Today's, with metrics of EBS operations.
    Nitro,
    /// That of older types (`t2`, say), without.
    Xen,
}

/// What runs on a machine beside its operating system, whether somebody uses it or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Companion {
    /// The agent of Systems Manager, as Amazon's images have it.
    SystemsManager,
    /// The same in an old version, or without the permissions of Session Manager: it polls.
    PollingSystemsManager,
    /// The CloudWatch agent; the metrics of GPUs and memory are its.
    CloudWatchAgent,
    /// A Prometheus exporter that is asked every 15 seconds.
    Exporter,
    /// A public address whose port for SSH is open to the world, which tries passwords.
    PasswordGuessers,
}

impl Machine {
    /// A machine of this type with Amazon Linux, the agent of Systems Manager, a private address and basic monitoring.
    #[must_use]
    pub fn new(instance_type: &'static str, vcpus: u32) -> Self {
        Self {
            instance_type,
            vcpus,
            ceiling: None,
            system: System::AmazonLinux,
            monitoring: Monitoring::Basic,
            hypervisor: Hypervisor::Nitro,
            instance_store: false,
            gpus: 0,
            companions: vec![Companion::SystemsManager],
        }
    }

    /// The usual small development machine.
    #[must_use]
    pub fn small() -> Self {
        Self::new("t3.medium", 2)
    }

    /// With another operating system.
    #[must_use]
    pub fn system(self, system: System) -> Self {
        Self { system, ..self }
    }

    /// With this beside it.
    #[must_use]
    pub fn with(mut self, companion: Companion) -> Self {
        self.companions.push(companion);
        self
    }

    /// With GPUs, whether or not anything measures them.
    #[must_use]
    pub fn gpus(self, gpus: usize) -> Self {
        Self { gpus, ..self }
    }

    /// Whether the CloudWatch agent runs on it.
    #[must_use]
    pub fn has_agent(&self) -> bool {
        self.companions.contains(&Companion::CloudWatchAgent)
    }

    /// What goes on here by itself.
    pub(crate) fn background(&self) -> Vec<Activity> {
        let companions = self.companions.iter().flat_map(|companion| background::of_companion(*companion));
        background::of_system(self.system, self.vcpus).into_iter().chain(companions).collect()
    }
}
