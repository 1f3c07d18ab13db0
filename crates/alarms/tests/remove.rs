//! Taking all alarms away: none is left behind, whatever else goes on, or the stack hears of it.

use crate::support;
use std::time::Duration;

use crate::support::{Cloud, LONG, id, instance, naming, settings};
use alarms::{Halt, Settings, remove, wanted};
use idleness::Rules;

fn cloud_with(alarms: u32) -> Cloud {
    let cloud = Cloud::default();
    for number in 0..alarms {
        cloud.put(&naming().name(&id(number)), None);
    }
    cloud
}

#[tokio::test(flavor = "current_thread")]
async fn all_go_a_hundred_a_call_and_those_of_others_stay() {
    let cloud = cloud_with(250);
    cloud.put("doze-idle-auto-mine", None);
    cloud.put("doze-idle-fleet", None);
    let report = remove(&cloud, &settings(), &cloud.clock, LONG).await.expect("nothing hinders it");
    assert_eq!((report.removed.len(), report.left, report.failed.len()), (250, 0, 0));
    assert_eq!(cloud.names().into_iter().collect::<Vec<_>>(), ["doze-idle-auto-mine", "doze-idle-fleet"]);
    assert_eq!(cloud.calls.borrow().len(), 3);
    assert!(cloud.most_calls_a_second() <= 3);
}

#[tokio::test(flavor = "current_thread")]
async fn what_a_last_run_still_makes_goes_too() {
    let cloud = cloud_with(2);
    // It comes when none is left, and another one when that is gone.
    *cloud.made_meanwhile.borrow_mut() = wanted(&[instance(7), instance(8), instance(9)], &Rules::default(), &naming());
    let report = remove(&cloud, &settings(), &cloud.clock, LONG).await.expect("nothing hinders it");
    assert_eq!((report.removed.len(), cloud.names().len()), (5, 0));
}

#[tokio::test(flavor = "current_thread")]
async fn it_waits_before_it_says_that_none_is_left() {
    let cloud = Cloud::default();
    remove(&cloud, &settings(), &cloud.clock, LONG).await.expect("there is nothing to do");
    assert!(alarms::Clock::now(&cloud.clock) >= Duration::from_secs(3));
}

#[tokio::test(flavor = "current_thread")]
async fn one_that_does_not_go_is_told() {
    let mut cloud = cloud_with(3);
    cloud.refuse_remove = Some("AccessDenied");
    let halt = remove(&cloud, &settings(), &cloud.clock, LONG).await.expect_err("they are refused");
    assert_eq!(
        halt.to_string(),
        "3 alarms are left, doze-idle-auto-i-00000000000000000 first: cloudwatch:PutMetricAlarm failed: AccessDenied: refused by \
         the test"
    );
    let cloud = cloud_with(150);
    let halt = remove(&cloud, &settings(), &cloud.clock, Duration::ZERO).await.expect_err("there is no time");
    assert!(matches!(halt, Halt::Left { left: 150, .. }), "{halt:?}");
    let cloud = Cloud { unseen_alarms: true, ..cloud_with(1) };
    let halt = remove(&cloud, &settings(), &cloud.clock, LONG).await.expect_err("they cannot be seen");
    assert_eq!(halt.code(), "unseen-fleet");
}

#[tokio::test(flavor = "current_thread")]
async fn a_policy_that_makes_no_sense_is_no_hindrance() {
    let variables = [("DOZE_ALARM_PREFIX", support::PREFIX), ("DOZE_ALARM_ACTION", "a"), ("DOZE_POLICIES", "{")];
    let settings = Settings::read(&variables.into_iter().collect()).expect("what it is called is there");
    let cloud = cloud_with(1);
    remove(&cloud, &settings, &cloud.clock, LONG).await.expect("nothing hinders it");
    assert!(cloud.names().is_empty());
}

#[test]
fn the_settings_without_which_it_is_nothing_are_named() {
    for (variables, expected) in [
        (&[][..], "DOZE_ALARM_PREFIX is \"\": expected how the alarms' names begin"),
        (
            &[("DOZE_ALARM_PREFIX", "doze-")],
            "DOZE_ALARM_ACTION is \"\": expected the ARN of the function that the alarms invoke",
        ),
    ] {
        let error = Settings::read(&variables.iter().copied().collect()).expect_err("something is missing");
        assert_eq!(error.to_string(), expected);
    }
}
