//! Stop protection: one question an instance, and no answer where EC2 gave none.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use crate::support::{Answer, Call, Endpoint, Pointed as _, ec2, id, ids};
use fleet::ReadFleet;
use idleness::StopProtection;

const ATTRIBUTE: &str = "DescribeInstanceAttribute";

fn protection(content: &str) -> Answer {
    ec2::response(ATTRIBUTE, content, None)
}

fn is_about(call: &Call, number: usize) -> bool {
    call.values("InstanceId") == [id(number).as_str()]
}

#[tokio::test]
async fn each_instance_is_asked_once_about_stop_protection_alone() {
    let endpoint = Endpoint::always(protection("<disableApiStop><value>false</value></disableApiStop>"));
    let fleet = endpoint.fleet().await;
    let read = fleet.stop_protection(&ids(12)).await;
    assert_eq!(read, ids(12).into_iter().map(|id| (id, StopProtection::Off)).collect());
    let calls = endpoint.calls();
    assert!(calls.iter().all(|call| call.operation == ATTRIBUTE && call.values("Attribute") == ["disableApiStop"]));
    let mut asked: Vec<String> = calls.iter().map(|call| call.values("InstanceId").concat()).collect();
    asked.sort_unstable();
    assert_eq!(asked, ids(12).iter().map(ToString::to_string).collect::<Vec<_>>());
    assert!(fleet.stop_protection(&[]).await.is_empty());
    assert_eq!(endpoint.calls().len(), 12, "about nothing, nothing is asked");
}

#[tokio::test]
async fn it_is_on_or_off_as_ec2_says_and_absent_where_ec2_does_not_say() {
    let endpoint = Endpoint::start(|call| match () {
        () if is_about(call, 0) => protection("<disableApiStop><value>true</value></disableApiStop>"),
        () if is_about(call, 1) => protection("<disableApiStop><value>false</value></disableApiStop>"),
        () if is_about(call, 2) => protection("<disableApiStop/>"),
        () if is_about(call, 3) => protection("<disableApiTermination><value>false</value></disableApiTermination>"),
        () if is_about(call, 4) => protection("<disableApiStop><value>perhaps</value></disableApiStop>"),
        () if is_about(call, 5) => Answer::ec2_error(403, "UnauthorizedOperation", "You are not authorized."),
        () => Answer::ec2_error(400, "InvalidInstanceID.NotFound", "The instance ID does not exist"),
    });
    let read = endpoint.fleet().await.stop_protection(&ids(7)).await;
    assert_eq!(read, [(id(0), StopProtection::On), (id(1), StopProtection::Off)].into());
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_says_nothing() {
    for answer in ec2::nonsense(ATTRIBUTE) {
        assert!(Endpoint::always(answer).fleet().await.stop_protection(&ids(2)).await.is_empty());
    }
}

#[tokio::test]
async fn only_so_many_are_asked_at_once() {
    static OPEN: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let endpoint = Endpoint::start(|_| {
        MOST.fetch_max(OPEN.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(20));
        OPEN.fetch_sub(1, Ordering::SeqCst);
        protection("<disableApiStop><value>true</value></disableApiStop>")
    });
    assert_eq!(endpoint.fleet().await.stop_protection(&ids(40)).await.len(), 40);
    let most = MOST.load(Ordering::SeqCst);
    assert!((9..=25).contains(&most), "{most} calls at once");
}
