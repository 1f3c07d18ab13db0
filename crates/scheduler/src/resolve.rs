//! From alarms that name no instance themselves to the instances behind them: the children of a composite alarm, and the
//! contributors of one over many time series. Rules may mention each other in a circle, or very many alarms; both end here.

use std::collections::BTreeSet;

use fleet::{ApiError, ReadAlarms, Watches};
use idleness::InstanceId;

use crate::event::{Lookup, Refusal};

/// The most alarms that one event leads to. CloudWatch answers nine questions about alarms a second.
const MOST_ALARMS: usize = 100;

/// Why the instances behind an alarm were not found.
#[derive(Debug, thiserror::Error)]
pub enum Unresolved {
    /// The alarms lead to no instance, or to too many other alarms.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// CloudWatch did not answer.
    #[error(transparent)]
    Unseen(#[from] ApiError),
}

/// The instances behind the alarms. A child that names none, or several without saying which, adds nothing.
///
/// # Errors
/// There is no instance behind them, there are too many alarms, or CloudWatch did not answer.
pub(crate) async fn resolve(
    fleet: &impl ReadAlarms,
    lookups: &BTreeSet<Lookup>,
) -> Result<BTreeSet<InstanceId>, Unresolved> {
    let mut instances = BTreeSet::new();
    let mut open: Vec<(String, Watches)> = lookups.iter().map(Lookup::as_open).collect();
    let mut seen: BTreeSet<String> = open.iter().map(|(alarm, _)| alarm.clone()).collect();
    while let Some((alarm, watches)) = open.pop() {
        match watches {
            Watches::Instances(ids) if ids.len() == 1 => instances.extend(valid(ids)),
            Watches::Instances(_) => {}
            Watches::Contributors => instances.extend(valid(fleet.contributors(&alarm).await?)),
            Watches::Alarms => {
                let children = fleet.children(&alarm).await?;
                let new: Vec<String> = children.into_iter().filter(|child| seen.insert(child.clone())).collect();
                if seen.len() > MOST_ALARMS {
                    return Err(Refusal::TooManyAlarms(MOST_ALARMS).into());
                }
                if !new.is_empty() {
                    open.extend(fleet.alarms(&new).await?.into_iter().map(|child| (child.name, child.watches)));
                }
            }
        }
    }
    if instances.is_empty() { Err(Refusal::NoTarget.into()) } else { Ok(instances) }
}

/// Whatever is no instance id may be another dimension's value, and leads nowhere.
fn valid(ids: BTreeSet<String>) -> impl Iterator<Item = InstanceId> {
    ids.into_iter().filter_map(|id| id.parse().ok())
}
