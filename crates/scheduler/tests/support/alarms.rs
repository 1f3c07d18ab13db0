//! The alarms of the fake fleet, and what is behind them.

use std::collections::BTreeSet;

use fleet::{Alarm, ApiError, ReadAlarms, Watches};

use super::{BUSY, FakeFleet, IDLE};

impl ReadAlarms for FakeFleet {
    async fn alarms(&self, names: &[String]) -> Result<Vec<Alarm>, ApiError> {
        self.calls.borrow_mut().push(format!("alarms {}", names.join(" ")));
        let watches = |name: &str| {
            let instances = |ids: &[&str]| Watches::Instances(ids.iter().map(|id| (*id).to_owned()).collect());
            match name {
                _ if self.children.contains_key(name) => Some(Watches::Alarms),
                "doze-idle-dev" => Some(instances(&[IDLE])),
                "doze-busy" => Some(instances(&[BUSY])),
                "doze-two" => Some(instances(&[IDLE, BUSY])),
                "doze-queue" => Some(instances(&[])),
                "doze-idle-fleet" => Some(Watches::Contributors),
                _ => None,
            }
        };
        Ok(names.iter().filter_map(|name| Some(Alarm { name: name.clone(), watches: watches(name)? })).collect())
    }

    async fn children(&self, alarm: &str) -> Result<Vec<String>, ApiError> {
        self.calls.borrow_mut().push(format!("children {alarm}"));
        self.readable()?;
        let unknown = || ApiError::new("cloudwatch:DescribeAlarms", "ResourceNotFound", "unknown to the test");
        self.children.get(alarm).cloned().ok_or_else(unknown)
    }

    async fn contributors(&self, alarm: &str) -> Result<BTreeSet<String>, ApiError> {
        self.calls.borrow_mut().push(format!("contributors {alarm}"));
        Ok([IDLE, BUSY, "not-an-instance"].map(str::to_owned).into())
    }
}
