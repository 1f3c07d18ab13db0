//! Rules of the product that are switched off, one at a time, to see that the simulator notices. The product itself stays as it
//! is: what it is told is bent so that the rule has nothing to hold to.

/// A rule that is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// All instances look opted in.
    OptIn,
    /// Instances that are starting look as if they ran.
    State,
    /// Tags that nobody understands are not there.
    Tags,
    /// Nothing belongs to an Auto Scaling group.
    AutoScaling,
    /// Nothing belongs to a cluster.
    Cluster,
    /// Nothing is a one-time Spot instance.
    Spot,
    /// No root volume is a disk of the host.
    InstanceStore,
    /// Nothing is protected, and EC2 does not insist.
    StopProtection,
    /// Nobody asked to keep anything awake.
    KeepUntil,
    /// There are no schedules.
    Schedule,
    /// Everything has been up for a day.
    Uptime,
    /// What is missing of the measurements is made up.
    Data,
    /// The newest measurements are made up.
    Freshness,
    /// Measurements that could not be read look complete.
    Statuses,
    /// Nothing works.
    Activity,
    /// Sessions that could not be read are none.
    SessionsRead,
    /// Nobody has a session.
    Sessions,
    /// There is no grace.
    Grace,
    /// There are no caps.
    Caps,
    /// The notes of earlier stops are not there.
    Notes,
    /// Notes are not written, and nobody says so.
    Noting,
    /// A dry run is none.
    DryRun,
    /// Who was looked at once, looks the same the second time.
    SecondLook,
    /// Everything that is stopped looks stopped by Doze.
    WhoStopped,
    /// The notes of owed starts are not there.
    Owing,
    /// Announcements are not there a run later.
    Announcing,
    /// Stops do nothing.
    Stopping,
    /// A fault of the evidence fails the run, as always; then every run fails.
    Reading,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::OptIn,
        Self::State,
        Self::Tags,
        Self::AutoScaling,
        Self::Cluster,
        Self::Spot,
        Self::InstanceStore,
        Self::StopProtection,
        Self::KeepUntil,
        Self::Schedule,
        Self::Uptime,
        Self::Data,
        Self::Freshness,
        Self::Statuses,
        Self::Activity,
        Self::SessionsRead,
        Self::Sessions,
        Self::Grace,
        Self::Caps,
        Self::Notes,
        Self::Noting,
        Self::DryRun,
        Self::SecondLook,
        Self::WhoStopped,
        Self::Owing,
        Self::Announcing,
        Self::Stopping,
        Self::Reading,
    ];
}
