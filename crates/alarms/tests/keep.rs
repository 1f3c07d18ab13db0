//! Keeping: the alarms become those that should be there, at CloudWatch's pace, and nobody else's are touched.

use crate::support;
use std::{collections::BTreeSet, time::Duration};

use crate::support::{Cloud, LONG, instance, naming, rules, settings, tagged};
use alarms::{Halt, Report, Settings, keep, wanted};
use idleness::{InstanceState, Rules, Tags};
use jiff::Timestamp;
use journal::Metrics;
use proptest::prelude::*;

async fn kept(cloud: &Cloud) -> Report {
    keep(cloud, &settings(), &cloud.clock, cloud.clock_end(LONG)).await.expect("all can be read")
}

impl Cloud {
    fn clock_end(&self, budget: Duration) -> Duration {
        alarms::Clock::now(&self.clock) + budget
    }
}

fn name(number: u32) -> String {
    naming().name(&support::id(number))
}

#[tokio::test(flavor = "current_thread")]
async fn an_alarm_comes_with_the_start_and_goes_with_the_stop_the_end_or_the_opt_out() {
    let cloud = Cloud::of([instance(1), instance(2), instance(3), instance(4)]);
    let report = kept(&cloud).await;
    assert_eq!(report.put, [name(1), name(2), name(3), name(4)]);
    assert_eq!(kept(&cloud).await, Report { unchanged: 4, ..Report::default() }, "nothing is left to do");
    assert_eq!(cloud.calls.borrow().len(), 4);

    let mut stopped = instance(1);
    stopped.state = InstanceState::Stopped;
    cloud.replace(stopped);
    let mut terminated = instance(2);
    terminated.state = InstanceState::Terminated;
    cloud.replace(terminated);
    let mut opted_out = instance(3);
    opted_out.tags = Tags::default();
    cloud.replace(opted_out);
    let report = kept(&cloud).await;
    assert_eq!((report.unchanged, report.removed), (1, vec![name(1), name(2), name(3)]));
    assert_eq!(cloud.names(), BTreeSet::from([name(4)]));

    cloud.replace(instance(1));
    assert_eq!(kept(&cloud).await.put, [name(1)], "it has started again");
}

#[tokio::test(flavor = "current_thread")]
async fn an_alarm_that_somebody_changed_is_made_anew() {
    let cloud = Cloud::of([instance(1), instance(2), instance(3)]);
    kept(&cloud).await;
    cloud.put(&name(1), None);
    let mut looser = wanted(&[instance(2)], &Rules::default(), &naming()).remove(0);
    looser.threshold = 50.0;
    cloud.put(&name(2), Some(looser));
    let report = kept(&cloud).await;
    assert_eq!((report.unchanged, report.put), (1, vec![name(1), name(2)]));
}

#[tokio::test(flavor = "current_thread")]
async fn an_alarm_follows_the_policy_of_its_instance() {
    let cloud = Cloud::of([instance(1)]);
    kept(&cloud).await;
    cloud.replace(tagged(1, &[("doze:policy", "cost-explorer")]));
    assert_eq!(kept(&cloud).await.removed, [name(1)], "two weeks are too long for an alarm");
    let two_hours = rules(r#"{"cost-explorer": {"based_on": "dev-box", "lookback_minutes": 120}}"#);
    let settings = Settings { rules: Ok(two_hours), ..settings() };
    let report = keep(&cloud, &settings, &cloud.clock, cloud.clock_end(LONG)).await.expect("all can be read");
    assert_eq!(report.put, [name(1)]);
}

#[tokio::test(flavor = "current_thread")]
async fn no_more_than_three_calls_are_made_in_any_second_and_the_next_run_goes_on() {
    let cloud = Cloud::of((0..1000).map(instance));
    let mut runs = 0;
    loop {
        runs += 1;
        let until = cloud.clock_end(Duration::from_secs(225));
        let report = keep(&cloud, &settings(), &cloud.clock, until).await.expect("all can be read");
        assert_eq!(report.unchanged + report.put.len() + report.left, 1000);
        assert!(alarms::Clock::now(&cloud.clock) <= until + Duration::from_secs(1), "the run goes on after its time");
        if report.left == 0 {
            break;
        }
        cloud.clock.pass(Duration::from_secs(75));
    }
    assert_eq!((runs, cloud.names().len(), cloud.calls.borrow().len()), (2, 1000, 1000));
    assert_eq!(cloud.most_calls_a_second(), 3);
}

#[tokio::test(flavor = "current_thread")]
async fn a_run_without_time_changes_nothing() {
    let cloud = Cloud::of([instance(1)]);
    cloud.put(&name(9), None);
    let report = keep(&cloud, &settings(), &cloud.clock, Duration::ZERO).await.expect("all can be read");
    assert_eq!((report.left, cloud.calls.borrow().len()), (2, 0));
}

#[tokio::test(flavor = "current_thread")]
async fn one_that_is_refused_does_not_hold_up_the_others() {
    let mut cloud = Cloud::of([instance(1), instance(2), instance(3)]);
    cloud.refuse_put.insert(name(2), "ValidationError");
    let report = kept(&cloud).await;
    assert_eq!((report.put, report.left), (vec![name(1), name(3)], 0));
    assert_eq!(
        report.failed.iter().map(|f| (&f.alarm, f.code.as_str())).collect::<Vec<_>>(),
        [(&name(2), "ValidationError")]
    );
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_refused_is_counted_for_the_alarm_on_it() {
    let mut cloud = Cloud::of([instance(1), instance(2), instance(3)]);
    assert_eq!(kept(&cloud).await.metrics("doze-alarms", Timestamp::UNIX_EPOCH), None);
    cloud = Cloud::of([instance(1), instance(2), instance(3)]);
    cloud.refuse_put.extend([(name(1), "ValidationError"), (name(3), "ValidationError")]);
    let metrics = kept(&cloud).await.metrics("doze-alarms", Timestamp::UNIX_EPOCH);
    let none = Metrics::new("doze-alarms", Timestamp::UNIX_EPOCH);
    assert_eq!(metrics, Some(none.count("RefusedAlarms", 2)));
}

#[tokio::test(flavor = "current_thread")]
async fn where_all_would_be_refused_one_call_is_enough() {
    for code in ["LimitExceeded", "AccessDenied", "Throttling"] {
        let mut cloud = Cloud::of((1..=9).map(instance));
        cloud.refuse_put.insert(name(3), code);
        let report = kept(&cloud).await;
        assert_eq!((report.put.len(), report.failed.len(), report.left), (2, 1, 6), "{code}");
        assert_eq!(cloud.calls.borrow().len(), 3, "{code}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_cannot_be_read_changes_nothing() {
    let blind = [
        (Cloud { unseen_fleet: true, ..Cloud::of([instance(1)]) }, settings(), "unseen-fleet"),
        (Cloud { unseen_alarms: true, ..Cloud::of([instance(1)]) }, settings(), "unseen-fleet"),
        (Cloud::of([instance(1)]), unreadable(), "bad-setting"),
    ];
    for (cloud, settings, code) in blind {
        cloud.put(&name(9), None);
        let halt = keep(&cloud, &settings, &cloud.clock, LONG).await.expect_err("it cannot be read");
        assert_eq!((halt.code(), cloud.calls.borrow().len()), (code, 0));
    }
}

fn unreadable() -> Settings {
    let environment =
        [("DOZE_ALARM_PREFIX", support::PREFIX), ("DOZE_ALARM_ACTION", support::ACTION), ("DOZE_POLICY", "?")];
    Settings::read(&environment.into_iter().collect()).expect("what it is called is there")
}

#[tokio::test(flavor = "current_thread")]
async fn a_bad_policy_is_named() {
    let cloud = Cloud::of([instance(1)]);
    let halt = keep(&cloud, &unreadable(), &cloud.clock, LONG).await.expect_err("it cannot be read");
    assert!(
        matches!(&halt, Halt::Settings(error) if error.to_string().starts_with("DOZE_POLICY is \"?\"")),
        "{halt:?}"
    );
}

proptest! {
    #[test]
    fn whatever_was_there_the_end_is_what_should_be_and_others_stay(
        running in proptest::collection::btree_set(0_u32..40, 0..30),
        there in proptest::collection::btree_map(0_u32..40, any::<bool>(), 0..30),
    ) {
        let foreign = ["doze-idle-fleet", "doze-idle-auto-mine", "doze-idle-i-0123456789abcdef0"];
        let cloud = Cloud::of(running.iter().copied().map(instance));
        for (number, is_right) in there {
            let right = wanted(&[instance(number)], &Rules::default(), &naming()).pop();
            cloud.put(&name(number), right.filter(|_| is_right));
        }
        for name in foreign {
            cloud.put(name, None);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("starts");
        let report = runtime.block_on(kept(&cloud));
        prop_assert_eq!((report.failed.len(), report.left), (0, 0));
        let all: BTreeSet<String> = running.iter().map(|number| name(*number)).chain(foreign.map(str::to_owned)).collect();
        prop_assert_eq!(cloud.names(), all);
        let again = runtime.block_on(kept(&cloud));
        prop_assert_eq!(again, Report { unchanged: running.len(), ..Report::default() });
        prop_assert!(cloud.most_calls_a_second() <= 3);
        prop_assert!(foreign.iter().all(|name| !cloud.call_names().iter().any(|call| call.split(' ').any(|word| word == *name))));
    }
}
