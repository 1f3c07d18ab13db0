//! One bad id must not block the batch. EC2 refuses a whole call for a single id, so the id it names is dropped and the
//! rest is tried again; a refusal that names nobody is narrowed down by halves. Both within a bound on calls.

use std::collections::VecDeque;

use idleness::InstanceId;

use crate::ApiError;

/// How many ids one mutating call takes. EC2 accepts more, but a refusal costs a retry of all of them.
pub const IDS_PER_BATCH: usize = 50;
/// The most calls spent on one batch: enough to drop every id one by one where EC2 names each. One unnamed bad id among 50
/// takes 13.
pub const CALLS_PER_BATCH: usize = IDS_PER_BATCH + 10;
/// The same for starts, and for all batches of a run together but for their first calls: at the pace that EC2 allows, these
/// take half a minute. With far fewer, a handful without capacity among 50 would keep the same others from being tried in
/// every run.
pub const CALLS_FOR_STARTS: usize = 60;

/// An id that an action did not work for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The id.
    pub instance: InstanceId,
    /// Why.
    pub error: ApiError,
}

/// Calls `call` with batches of `ids` until each id was accepted once or has an error of its own. Returns the answers of
/// the accepted calls and the refused ids. An error that would be the same for any ids fails its batch at once.
pub async fn in_batches<T>(
    ids: &[InstanceId],
    call: impl AsyncFnMut(&[InstanceId]) -> Result<T, ApiError>,
) -> (Vec<T>, Vec<Refused>) {
    in_bounded_batches(ids, CALLS_PER_BATCH * ids.len().div_ceil(IDS_PER_BATCH), call).await
}

/// The same, with at most `calls` calls for the first 50 ids, and one more for each 50 further ones. A group that they do not
/// suffice to divide is refused with the error it got; each other one has its turn.
pub async fn in_bounded_batches<T>(
    ids: &[InstanceId],
    calls: usize,
    mut call: impl AsyncFnMut(&[InstanceId]) -> Result<T, ApiError>,
) -> (Vec<T>, Vec<Refused>) {
    let (mut answers, mut refused) = (Vec::new(), Vec::new());
    let mut waiting: VecDeque<Vec<InstanceId>> = ids.chunks(IDS_PER_BATCH).map(<[_]>::to_vec).collect();
    let mut calls_left = (calls + waiting.len()).saturating_sub(1);
    while let Some(group) = waiting.pop_front() {
        calls_left = calls_left.saturating_sub(1);
        let error = match call(&group).await {
            Ok(answer) => {
                answers.push(answer);
                continue;
            }
            Err(error) => error,
        };
        let Split { refused: named, retry } = split(group, &error);
        let mut unsettled = named;
        if waiting.len() + retry.len() <= calls_left {
            waiting.extend(retry);
        } else {
            // They will come up again with the next run.
            unsettled.extend(retry.into_iter().flatten());
        }
        refused.extend(unsettled.into_iter().map(|instance| Refused { instance, error: error.clone() }));
    }
    (answers, refused)
}

struct Split {
    refused: Vec<InstanceId>,
    retry: Vec<Vec<InstanceId>>,
}

impl Split {
    fn all_refused(group: Vec<InstanceId>) -> Self {
        Self { refused: group, retry: Vec::new() }
    }
}

fn split(group: Vec<InstanceId>, error: &ApiError) -> Split {
    let (named, rest): (Vec<_>, Vec<_>) = group.into_iter().partition(|id| names(&error.message, id));
    if !named.is_empty() {
        return Split { refused: named, retry: if rest.is_empty() { Vec::new() } else { vec![rest] } };
    }
    // A denial that names no resource holds for all, too: the role lacks the action.
    if rest.len() == 1 || error.is_about_everybody() {
        return Split::all_refused(rest);
    }
    let (left, right) = rest.split_at(rest.len() / 2);
    Split { refused: Vec::new(), retry: vec![left.to_vec(), right.to_vec()] }
}

/// Whether the message names the id as a whole word: `i-0abc1234` is not named by `i-0abc1234567890def`.
fn names(message: &str, id: &InstanceId) -> bool {
    message.match_indices(id.as_str()).any(|(start, text)| {
        let next = message[start + text.len()..].chars().next();
        next.is_none_or(|next| !next.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeSet};

    use futures_util::FutureExt;

    use super::*;

    fn ids(count: u32) -> Vec<InstanceId> {
        (0..count).map(|n| format!("i-{n:017x}").parse().expect("valid")).collect()
    }

    fn error(code: &str, message: &str) -> ApiError {
        ApiError::new("ec2:StopInstances", code, message)
    }

    /// Runs a batch against an EC2 that refuses a call with any of the `bad` ids; returns how many were accepted and
    /// refused, and how many calls it took.
    fn run(
        ids: &[InstanceId],
        bad: &[usize],
        refusal: impl Fn(&InstanceId) -> ApiError,
    ) -> (BTreeSet<InstanceId>, Vec<Refused>, usize) {
        run_within(None, ids, bad, refusal)
    }

    /// The same within a bound on calls.
    fn run_within(
        bound: Option<usize>,
        ids: &[InstanceId],
        bad: &[usize],
        refusal: impl Fn(&InstanceId) -> ApiError,
    ) -> (BTreeSet<InstanceId>, Vec<Refused>, usize) {
        let bad: BTreeSet<&InstanceId> = bad.iter().map(|index| &ids[*index]).collect();
        let calls = RefCell::new(0);
        let call = async |group: &[InstanceId]| {
            *calls.borrow_mut() += 1;
            match group.iter().find(|id| bad.contains(id)) {
                Some(id) => Err(refusal(id)),
                None => Ok(group.to_vec()),
            }
        };
        let (answers, refused) = match bound {
            Some(bound) => in_bounded_batches(ids, bound, call).now_or_never(),
            None => in_batches(ids, call).now_or_never(),
        }
        .expect("nothing waits");
        let accepted: Vec<InstanceId> = answers.into_iter().flatten().collect();
        let settled = accepted.iter().chain(refused.iter().map(|refused| &refused.instance));
        assert_eq!(settled.clone().collect::<BTreeSet<_>>(), ids.iter().collect(), "nobody is lost");
        assert_eq!(settled.count(), ids.len(), "and nobody is there twice");
        (accepted.into_iter().collect(), refused, calls.into_inner())
    }

    /// EC2 names no id where it has no capacity.
    fn no_capacity(_: &InstanceId) -> ApiError {
        error("InsufficientInstanceCapacity", "There is no Spot capacity available that matches your request.")
    }

    /// Starts run by run, as long as any can be started; how many are in the end, and the most calls of one run.
    fn start_run_by_run(count: u32, bad: &[usize]) -> (usize, usize) {
        let all = ids(count);
        let mut waiting: Vec<usize> = (0..all.len()).collect();
        let mut most_calls = 0;
        loop {
            let ids: Vec<InstanceId> = waiting.iter().map(|index| all[*index].clone()).collect();
            let bad: Vec<usize> =
                waiting.iter().enumerate().filter(|(_, index)| bad.contains(index)).map(|(place, _)| place).collect();
            let (accepted, _, calls) = run_within(Some(CALLS_FOR_STARTS), &ids, &bad, no_capacity);
            most_calls = most_calls.max(calls);
            waiting.retain(|index| !accepted.contains(&all[*index]));
            if accepted.is_empty() {
                return (all.len() - waiting.len(), most_calls);
            }
        }
    }

    #[test]
    fn a_good_batch_takes_one_call_for_fifty_ids() {
        let (accepted, refused, calls) = run(&ids(101), &[], |_| unreachable!());
        assert_eq!((accepted.len(), refused.len(), calls), (101, 0, 3));
    }

    #[test]
    fn one_named_id_among_fifty_takes_one_call_more() {
        let ids = ids(50);
        let (accepted, refused, calls) = run(&ids, &[17], |id| {
            error("InvalidInstanceID.NotFound", &format!("The instance ID '{id}' does not exist"))
        });
        assert_eq!((accepted.len(), calls), (49, 2));
        assert_eq!(refused.iter().map(|r| &r.instance).collect::<Vec<_>>(), [&ids[17]]);
    }

    #[test]
    fn one_unnamed_id_among_fifty_is_found_by_halves() {
        let ids = ids(50);
        for bad in 0..50 {
            let (accepted, refused, calls) = run(&ids, &[bad], |_| error("UnsupportedOperation", "cannot be stopped"));
            assert_eq!((accepted.len(), refused.len()), (49, 1), "bad id {bad}");
            assert_eq!(refused[0].instance, ids[bad]);
            assert!(calls <= CALLS_PER_BATCH, "{calls} calls");
        }
    }

    #[test]
    fn many_bad_ids_end_within_the_bound_and_lose_nobody() {
        let ids = ids(50);
        let all: Vec<usize> = (0..50).collect();
        for named in [true, false] {
            let message = |id: &InstanceId| if named { format!("instance {id}") } else { "no".to_owned() };
            let (accepted, refused, calls) = run(&ids, &all, |id| error("IncorrectInstanceState", &message(id)));
            assert!(calls <= CALLS_PER_BATCH, "{calls} calls");
            assert_eq!((accepted.len(), refused.len()), (0, 50));
        }
    }

    #[test]
    fn one_without_capacity_holds_up_nobody() {
        let ids = ids(50);
        for bad in 0..50 {
            let (accepted, refused, calls) = run_within(Some(CALLS_FOR_STARTS), &ids, &[bad], no_capacity);
            assert_eq!((accepted.len(), refused.len()), (49, 1), "without capacity: {bad}");
            assert!(refused[0].instance == ids[bad] && calls <= 13, "{calls} calls");
        }
    }

    #[test]
    fn many_without_capacity_hold_up_nobody_for_ever() {
        for (count, every) in [(10, 2), (50, 2), (50, 3), (50, 5), (50, 17), (120, 4), (120, 7), (500, 20)] {
            let bad: Vec<usize> = (0..usize::try_from(count).expect("few")).step_by(every).collect();
            let (started, calls) = start_run_by_run(count, &bad);
            assert_eq!(started + bad.len(), usize::try_from(count).expect("few"), "1 of {every} among {count}");
            assert!(calls < CALLS_FOR_STARTS + 10, "{calls} calls");
        }
    }

    #[test]
    fn where_nobody_has_capacity_a_bounded_number_of_calls_finds_out() {
        for (count, bound) in [(1, 1), (20, 39), (50, 60), (51, 61), (500, 69)] {
            let ids = ids(count);
            let all: Vec<usize> = (0..ids.len()).collect();
            let (accepted, refused, calls) = run_within(Some(CALLS_FOR_STARTS), &ids, &all, no_capacity);
            assert_eq!((accepted.len(), refused.len()), (0, ids.len()));
            assert!((bound - 1..=bound).contains(&calls), "{calls} calls for {count}");
            assert!(refused.iter().all(|refused| refused.error.is_about_capacity()));
        }
    }

    #[test]
    fn each_batch_of_stops_has_calls_enough_to_drop_all_of_it_one_by_one_and_a_bound() {
        let ids = ids(150);
        let named = |id: &InstanceId| error("IncorrectInstanceState", &format!("'{id}'"));
        let half: Vec<usize> = (0..150).step_by(2).collect();
        let (accepted, refused, calls) = run(&ids, &half, named);
        assert_eq!((accepted.len(), refused.len(), calls), (75, 75, 78));
        let all: Vec<usize> = (0..150).collect();
        let (_, refused, calls) = run(&ids, &all, named);
        assert_eq!((refused.len(), calls), (150, 150));
        assert!(
            refused.iter().all(|refused| names(&refused.error.message, &refused.instance)),
            "each for its own sake"
        );
        let (_, refused, calls) = run(&ids, &all, |_| error("UnsupportedOperation", "cannot be stopped"));
        assert_eq!(refused.len(), 150);
        assert!(calls < 3 * (IDS_PER_BATCH + 11), "{calls} calls");
    }

    #[test]
    fn a_group_that_cannot_be_divided_any_more_leaves_the_others_their_turn() {
        let ids = ids(8);
        for (bound, started) in [(1, 0), (2, 0), (3, 4), (5, 6), (7, 7)] {
            let (accepted, refused, calls) = run_within(Some(bound), &ids, &[0], no_capacity);
            assert_eq!((accepted.len(), refused.len()), (started, 8 - started), "{bound} calls");
            assert!(calls <= bound);
        }
        let batches = (0..101).map(|n| format!("i-{n:017x}").parse().expect("valid")).collect::<Vec<InstanceId>>();
        let (accepted, _, calls) = run_within(Some(1), &batches, &[0, 60], no_capacity);
        assert_eq!((accepted.len(), calls), (1, 3), "each batch has its call");
    }

    #[test]
    fn nothing_takes_no_call() {
        let (accepted, refused, calls) = run_within(Some(CALLS_FOR_STARTS), &[], &[], no_capacity);
        assert_eq!((accepted.len(), refused.len(), calls), (0, 0, 0));
    }

    #[test]
    fn throttling_is_not_split() {
        let (accepted, refused, calls) = run(&ids(50), &[3], |_| error("RequestLimitExceeded", "slow down"));
        assert_eq!((accepted.len(), refused.len(), calls), (0, 50, 1));
    }

    #[test]
    fn a_denial_without_a_resource_is_not_split() {
        let (_, refused, calls) = run(&ids(50), &[3], |_| error("UnauthorizedOperation", "You are not authorized."));
        assert_eq!((refused.len(), calls), (50, 1));
    }

    #[test]
    fn a_denial_of_one_resource_lets_the_others_go_on() {
        let (accepted, refused, calls) = run(&ids(50), &[3], |id| {
            error(
                "UnauthorizedOperation",
                &format!("not authorized on resource: arn:aws:ec2:eu-west-1:1:instance/{id}."),
            )
        });
        assert_eq!((accepted.len(), refused.len(), calls), (49, 1, 2));
    }

    #[test]
    fn a_refusal_of_any_other_code_is_about_some_of_the_ids() {
        let named = |id: &InstanceId| {
            error("InvalidParameterValue", &format!("Invalid value '{id}' for instanceId. It has no volume at root"))
        };
        let (accepted, refused, calls) = run_within(Some(CALLS_FOR_STARTS), &ids(50), &[3], named);
        assert_eq!((accepted.len(), refused.len(), calls), (49, 1, 2));
        let (accepted, refused, _) =
            run_within(Some(CALLS_FOR_STARTS), &ids(50), &[3], |_| error("SomethingNew", "this one does not start"));
        assert_eq!((accepted.len(), refused.len()), (49, 1));
    }

    #[test]
    fn what_would_fail_for_any_ids_is_not_divided() {
        for code in ["RequestLimitExceeded", "Throttling", "InternalError", "Unavailable", "AuthFailure", "Timeout"] {
            let (accepted, refused, calls) = run(&ids(50), &[3], |_| error(code, "no"));
            assert_eq!((accepted.len(), refused.len(), calls), (0, 50, 1), "{code}");
        }
    }

    #[test]
    fn a_short_id_is_not_named_by_a_longer_one() {
        let short: InstanceId = "i-0abc1234".parse().expect("valid");
        assert!(!names("instance i-0abc1234567890def", &short));
        assert!(names("instance 'i-0abc1234'", &short) && names("i-0abc1234", &short));
    }
}
