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

/// An id that an action did not work for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The id.
    pub instance: InstanceId,
    /// Why.
    pub error: ApiError,
}

/// Calls `call` with batches of `ids` until each id was accepted once or has an error of its own. Returns the answers of
/// the accepted calls and the refused ids. An error that is not about single ids fails its batch at once.
pub async fn in_batches<T>(
    ids: &[InstanceId],
    mut call: impl AsyncFnMut(&[InstanceId]) -> Result<T, ApiError>,
) -> (Vec<T>, Vec<Refused>) {
    let (mut answers, mut refused) = (Vec::new(), Vec::new());
    for batch in ids.chunks(IDS_PER_BATCH) {
        let mut waiting = VecDeque::from([batch.to_vec()]);
        let mut calls_left = CALLS_PER_BATCH;
        while let Some(group) = waiting.pop_front() {
            let error = match call(&group).await {
                Ok(answer) => {
                    answers.push(answer);
                    calls_left -= 1;
                    continue;
                }
                Err(error) => error,
            };
            calls_left = calls_left.saturating_sub(1);
            let split = if error.is_about_single_ids() { split(group, &error) } else { Split::all_refused(group) };
            refused.extend(split.refused.into_iter().map(|instance| Refused { instance, error: error.clone() }));
            waiting.extend(split.retry);
            if calls_left < waiting.len() {
                // Whatever still waits will come up again with the next run.
                let unsettled = waiting.drain(..).flatten();
                refused.extend(unsettled.map(|instance| Refused { instance, error: error.clone() }));
            }
        }
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
    // A denial that names no resource holds for all: the role lacks the action.
    if rest.len() == 1 || error.code == "UnauthorizedOperation" {
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
        let bad: BTreeSet<&InstanceId> = bad.iter().map(|index| &ids[*index]).collect();
        let calls = RefCell::new(0);
        let (answers, refused) = in_batches(ids, async |group: &[InstanceId]| {
            *calls.borrow_mut() += 1;
            match group.iter().find(|id| bad.contains(id)) {
                Some(id) => Err(refusal(id)),
                None => Ok(group.to_vec()),
            }
        })
        .now_or_never()
        .expect("nothing waits");
        let accepted: BTreeSet<_> = answers.into_iter().flatten().collect();
        (accepted, refused, calls.into_inner())
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
    fn a_short_id_is_not_named_by_a_longer_one() {
        let short: InstanceId = "i-0abc1234".parse().expect("valid");
        assert!(!names("instance i-0abc1234567890def", &short));
        assert!(names("instance 'i-0abc1234'", &short) && names("i-0abc1234", &short));
    }
}
