//! What a capability allows, to what, and until when.

use std::collections::BTreeSet;

use crate::support::{id, in_seconds, now, ring};
use capability::{Capability, Denied, Permit, Subject};
use idleness::InstanceId;

const ALL: [Permit; 3] = [Permit::Read, Permit::Start, Permit::KeepAwake];

fn capability(subject: Subject, permits: &[Permit]) -> Capability {
    Capability { subject, permits: permits.iter().copied().collect(), expires_at: in_seconds(60) }
}

fn allowed(capability: &Capability, instance: &InstanceId) -> Vec<Permit> {
    ALL.into_iter().filter(|permit| capability.allows(*permit, instance)).collect()
}

#[test]
fn a_link_about_an_instance_allows_what_it_names_there_and_nothing_elsewhere() {
    for permits in [&ALL[..0], &ALL[..1], &ALL[1..2], &ALL[2..], &ALL[..2], &ALL[1..], &ALL] {
        let capability = capability(Subject::Instance(id(1)), permits);
        assert_eq!(allowed(&capability, &id(1)), permits);
        assert_eq!(allowed(&capability, &id(2)), []);
        assert!(!capability.allows_reading_the_fleet(), "{permits:?}");
    }
}

#[test]
fn an_id_that_begins_like_another_is_another() {
    let short: InstanceId = "i-01234567".parse().unwrap();
    let long: InstanceId = "i-0123456789abcdef0".parse().unwrap();
    assert_eq!(allowed(&capability(Subject::Instance(short.clone()), &ALL), &long), []);
    assert_eq!(allowed(&capability(Subject::Instance(long), &ALL), &short), []);
}

#[test]
fn a_link_about_the_fleet_allows_what_it_names_to_each_instance() {
    for permits in [&ALL[..0], &ALL[..1], &ALL[1..2], &ALL[2..], &ALL[..2], &ALL[1..], &ALL] {
        let capability = capability(Subject::Fleet, permits);
        assert_eq!(allowed(&capability, &id(1)), permits);
        assert_eq!(allowed(&capability, &id(2)), permits);
        assert_eq!(capability.allows_reading_the_fleet(), permits.contains(&Permit::Read), "{permits:?}");
    }
}

#[test]
fn the_usual_links_allow_this() {
    let for_instance = Capability::for_instance(id(1), in_seconds(60));
    assert_eq!(for_instance, capability(Subject::Instance(id(1)), &ALL));
    assert_eq!(Capability::to_read_fleet(in_seconds(60)), capability(Subject::Fleet, &[Permit::Read]));
}

#[test]
fn permits_and_subjects_have_these_names() {
    let names = |permits: &[Permit]| serde_json::to_string(&permits.iter().collect::<BTreeSet<_>>()).unwrap();
    assert_eq!(names(&ALL), r#"["read","start","keep-awake"]"#);
    for subject in [Subject::Fleet, Subject::Instance(id(7))] {
        assert_eq!(subject.to_string().parse(), Ok(subject));
    }
    assert_eq!(Subject::Fleet.to_string(), "fleet");
    for text in ["", "Fleet", "fleet ", "i-", "*", "i-0123456789abcdef0,i-0123456789abcdef1"] {
        assert!(text.parse::<Subject>().is_err(), "{text:?}");
    }
}

#[test]
fn a_link_is_good_before_it_expires_and_not_from_then_on() {
    let token = ring().sign(&Capability::to_read_fleet(in_seconds(60)));
    assert!(ring().verify(&token, in_seconds(59)).is_ok());
    for seconds in [60, 61, 86_400, 86_400 * 365 * 50] {
        assert_eq!(ring().verify(&token, in_seconds(seconds)), Err(Denied::Expired), "after {seconds} s");
    }
}

#[test]
fn a_link_for_more_than_a_year_is_refused_even_if_signed() {
    const YEAR: i64 = 366 * 86_400;
    let token = ring().sign(&Capability::to_read_fleet(in_seconds(YEAR)));
    assert!(ring().verify(&token, now()).is_ok());
    assert_eq!(ring().verify(&token, in_seconds(-1)), Err(Denied::Malformed));
    let forever = ring().sign(&Capability::to_read_fleet(jiff::Timestamp::MAX));
    assert_eq!(ring().verify(&forever, now()), Err(Denied::Malformed));
}
