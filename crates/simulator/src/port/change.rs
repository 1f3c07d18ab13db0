//! What changes the simulated account: a call may have no effect, its effect on some, or its effect and no answer; and it is refused
//! as EC2 and the roles would.

use fleet::{Action, ApiError, CALLS_FOR_STARTS, ChangeFleet, Outcome, Refused, in_batches, in_bounded_batches};
use idleness::{InstanceId, InstanceState};

use super::{Port, pause};
use crate::{
    history::Kind,
    sabotage::Sabotage,
    world::{Machine, Stopper, second},
};

/// What goes wrong with a call.
#[derive(Clone, Copy)]
enum Fault {
    /// It has no effect.
    Before(&'static str),
    /// It has its effect on some.
    Halfway,
    /// It has its effect, and the answer is lost.
    After,
}

impl Port {
    fn fault(&self) -> Option<Fault> {
        const FAULTS: [Fault; 6] = [
            Fault::Before("RequestLimitExceeded"),
            Fault::Before("Unavailable"),
            Fault::Before(ApiError::NO_CONNECTION),
            Fault::Before(ApiError::TIMEOUT),
            Fault::Halfway,
            Fault::After,
        ];
        self.goes_wrong().then(|| self.choose(&FAULTS))
    }

    /// A call that changes machines: all of them, or none if EC2 refuses one. It is answered with the states before.
    async fn change(
        &self,
        operation: &'static str,
        ids: &[InstanceId],
        refusal: impl Fn(&Machine) -> Option<ApiError>,
        effect: impl Fn(&mut Machine, i64),
    ) -> Result<Vec<(InstanceId, InstanceState)>, ApiError> {
        self.log.borrow_mut().asks_for_change(operation);
        pause().await;
        let fault = self.fault();
        if let Some(Fault::Before(code)) = fault {
            pause().await;
            return Err(ApiError::new(operation, code, "nothing was done"));
        }
        let refused = ids.iter().find_map(|id| refusal(&self.world.borrow().machines[id]));
        let before = self.states(ids);
        if refused.is_none() {
            let reached = if matches!(fault, Some(Fault::Halfway)) { &ids[..ids.len() / 2] } else { ids };
            let world = &mut *self.world.borrow_mut();
            for id in reached {
                let machine = world.machines.get_mut(id).expect("was found before");
                effect(machine, world.now);
            }
        }
        pause().await;
        match (refused, fault) {
            (Some(error), _) => Err(error),
            (None, Some(Fault::Halfway)) => Err(ApiError::new(operation, "InternalError", "some of it was done")),
            (None, Some(Fault::After)) => Err(ApiError::new(operation, ApiError::TIMEOUT, "all of it was done")),
            (None, _) => Ok(before),
        }
    }

    fn states(&self, ids: &[InstanceId]) -> Vec<(InstanceId, InstanceState)> {
        let world = self.world.borrow();
        ids.iter().map(|id| (id.clone(), world.machines[id].state)).collect()
    }

    fn refuses_stop(&self, machine: &Machine) -> Option<ApiError> {
        let insists = !self.is_sabotaged(Sabotage::StopProtection);
        let code = match machine.state {
            _ if !machine.is_opted_in() => "UnauthorizedOperation",
            _ if machine.is_protected && insists => "OperationNotPermitted",
            _ if matches!(machine.spec.kind, Kind::OneTimeSpot | Kind::InstanceStore) => "UnsupportedOperation",
            InstanceState::Running | InstanceState::Stopping | InstanceState::Stopped => return None,
            _ => "IncorrectInstanceState",
        };
        Some(refusal("ec2:StopInstances", code, machine))
    }
}

impl ChangeFleet for Port {
    fn has_time(&self) -> bool {
        let Some(left) = self.time_for.get() else { return true };
        self.time_for.set(Some(left.saturating_sub(1)));
        self.log.borrow_mut().faults += usize::from(left == 0);
        left > 0
    }

    async fn stop(&self, ids: &[InstanceId]) -> Vec<Outcome> {
        for id in ids {
            self.log.borrow_mut().asks_to_stop(id);
        }
        let (answers, refused) = in_batches(ids, async |batch: &[InstanceId]| {
            let before = self
                .change(
                    "ec2:StopInstances",
                    batch,
                    |machine| self.refuses_stop(machine),
                    |machine, now| {
                        if machine.state == InstanceState::Running && !self.is_sabotaged(Sabotage::Stopping) {
                            let mut log = self.log.borrow_mut();
                            machine.stop(now, Stopper::Doze);
                            machine.doze_stops.push(log.now);
                            log.stops_machine(&machine.id);
                        }
                    },
                )
                .await?;
            let stopped = |(id, from): (InstanceId, InstanceState)| Outcome::stopped(id, from, InstanceState::Stopping);
            Ok(before.into_iter().map(stopped).collect::<Vec<_>>())
        })
        .await;
        let failed = refused.into_iter().map(|refused| Outcome::failed(refused.instance, Action::Stop, &refused.error));
        answers.into_iter().flatten().chain(failed).collect()
    }

    async fn start(&self, ids: &[InstanceId]) -> Vec<Outcome> {
        let (answers, refused) = in_bounded_batches(ids, CALLS_FOR_STARTS, async |batch: &[InstanceId]| {
            let has_no_capacity = self.goes_wrong();
            let falls_back = self.goes_wrong();
            let refusal = |machine: &Machine| {
                let no = |code| Some(refusal("ec2:StartInstances", code, machine));
                match machine.state {
                    _ if !machine.is_opted_in() => no("UnauthorizedOperation"),
                    InstanceState::Stopped if has_no_capacity => no("InsufficientInstanceCapacity"),
                    InstanceState::Running | InstanceState::Pending | InstanceState::Stopped => None,
                    _ => no("IncorrectInstanceState"),
                }
            };
            let before = self
                .change("ec2:StartInstances", batch, refusal, |machine, now| {
                    if machine.state == InstanceState::Stopped {
                        self.log.borrow_mut().starts_machine(machine);
                        if falls_back { machine.start_and_fall_back(now) } else { machine.start(now) }
                    }
                })
                .await?;
            let started = |(id, from): (InstanceId, InstanceState)| Outcome::started(id, from, InstanceState::Pending);
            Ok(before.into_iter().map(started).collect::<Vec<_>>())
        })
        .await;
        let failed = refused.into_iter().map(|refused| Outcome::not_started(refused.instance, &refused.error));
        answers.into_iter().flatten().chain(failed).collect()
    }

    async fn tag(&self, ids: &[InstanceId], tags: &[(&str, &str)]) -> Vec<Refused> {
        self.log.borrow_mut().asks_to_tag(ids, tags.iter().map(|(key, _)| *key));
        let tagged = async |batch: &[InstanceId]| {
            self.change("ec2:CreateTags", batch, refuses_tags, |machine, _| {
                for (key, value) in tags {
                    if self.is_sabotaged(Sabotage::Noting) && key.starts_with("doze:stopped-") {
                        continue;
                    }
                    machine.set(key, value);
                    if *key == "doze:stop-at" {
                        machine.announced = second(value).map(|stop_at| (stop_at, self.log.borrow().now));
                    }
                }
            })
            .await
        };
        in_batches(ids, tagged).await.1
    }

    async fn untag(&self, ids: &[InstanceId], keys: &[&str]) -> Vec<Refused> {
        self.log.borrow_mut().asks_for_keys(keys.iter().copied());
        let untagged = async |batch: &[InstanceId]| {
            self.change("ec2:DeleteTags", batch, refuses_tags, |machine, _| {
                for key in keys {
                    machine.tags.remove(*key);
                    if *key == "doze:stop-at" {
                        machine.announced = None;
                    }
                    if *key == "doze:start-owed-since" && self.log.borrow().sees_given_up(&machine.id) {
                        machine.is_awaited = false;
                    }
                }
            })
            .await
        };
        in_batches(ids, untagged).await.1
    }
}

/// As the roles have it: tags go on what is opted in.
fn refuses_tags(machine: &Machine) -> Option<ApiError> {
    (!machine.is_opted_in()).then(|| refusal("ec2:CreateTags", "UnauthorizedOperation", machine))
}

/// EC2 names whom it refuses, but not where it lacks capacity.
fn refusal(operation: &'static str, code: &'static str, machine: &Machine) -> ApiError {
    let is_named = code != "InsufficientInstanceCapacity" && code != "UnsupportedOperation";
    let message = if is_named { format!("refused for instance/{}.", machine.id) } else { "refused".to_owned() };
    ApiError::new(operation, code, &message)
}
