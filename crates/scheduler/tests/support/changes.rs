//! What the fake fleet does when it is asked for a change, by the script of the test.

use fleet::{Action, ApiError, ChangeFleet, Outcome, Refused};
use idleness::{InstanceId, InstanceState};

use super::{FakeFleet, Fault};

impl ChangeFleet for FakeFleet {
    fn has_time(&self) -> bool {
        let mut time = self.time_for.borrow_mut();
        let Some(left) = time.as_mut() else { return true };
        let has_time = *left > 0;
        *left = left.saturating_sub(1);
        has_time
    }

    async fn stop(&self, ids: &[InstanceId]) -> Vec<Outcome> {
        self.record("stop", ids);
        let mut instances = self.instances.borrow_mut();
        let mut stop = |id: &InstanceId| {
            if let Some(error) = self.refuse_stop.get(id) {
                if let Some(state) = self.state_after_refusal.get(id) {
                    instances.get_mut(id).expect("exists").state = *state;
                }
                return Outcome::failed(id.clone(), Action::Stop, error);
            }
            let instance = instances.get_mut(id).expect("only described instances are stopped");
            let from = std::mem::replace(&mut instance.state, InstanceState::Stopping);
            if self.lose_answer_of.contains(id) {
                let error = ApiError::new("ec2:StopInstances", ApiError::TIMEOUT, "no answer");
                return Outcome::failed(id.clone(), Action::Stop, &error);
            }
            Outcome::stopped(id.clone(), from, InstanceState::Stopping)
        };
        ids.iter().map(&mut stop).collect()
    }

    async fn start(&self, ids: &[InstanceId]) -> Vec<Outcome> {
        self.record("start", ids);
        let mut instances = self.instances.borrow_mut();
        let mut start = |id: &InstanceId| {
            if let Some(error) = self.refuse_start.borrow().get(id) {
                if let Some(state) = self.state_after_refusal.get(id) {
                    instances.get_mut(id).expect("exists").state = *state;
                }
                return Outcome::not_started(id.clone(), error);
            }
            let instance = instances.get_mut(id).expect("only described instances are started");
            let from = std::mem::replace(&mut instance.state, InstanceState::Pending);
            if self.lose_answer_of.contains(id) {
                let error = ApiError::new("ec2:StartInstances", ApiError::TIMEOUT, "no answer");
                return Outcome::failed(id.clone(), Action::Start, &error);
            }
            Outcome::started(id.clone(), from, InstanceState::Pending)
        };
        ids.iter().map(&mut start).collect()
    }

    async fn tag(&self, ids: &[InstanceId], tags: &[(&str, &str)]) -> Vec<Refused> {
        self.record("tag", ids);
        let (refused, accepted): (Vec<_>, Vec<_>) = ids.iter().partition(|id| self.refuse_tag.contains(id));
        for id in accepted {
            self.change_tags(id, tags, &[]);
        }
        let error = ApiError::new("ec2:CreateTags", "TagLimitExceeded", "refused by the test");
        refused.into_iter().map(|id| Refused { instance: id.clone(), error: error.clone() }).collect()
    }

    async fn untag(&self, ids: &[InstanceId], keys: &[&str]) -> Vec<Refused> {
        self.record("untag", ids);
        if self.faults.contains(&Fault::RefusesUntag) {
            let error = ApiError::new("ec2:DeleteTags", "OperationNotPermitted", "refused by the test");
            return ids.iter().map(|id| Refused { instance: id.clone(), error: error.clone() }).collect();
        }
        for id in ids {
            self.change_tags(id, &[], keys);
        }
        Vec::new()
    }
}
