//! `GET /instances`: all opted-in instances, a row each.

use std::num::NonZeroUsize;

use askama::Template;
use fleet::{Depth, ReadFleet, Sight};
use idleness::{Instance, InstanceId, InstanceState, Mode, Verdict};
use jiff::Timestamp;
use pages::{Page, Problem, Visitor, prefers_json};
use serde_json::json;
use web::{Answer, Request, http::StatusCode};

use crate::{Settings, row::Row, unseen, words};

/// The rows of one page. Only they are measured, so that a large fleet costs no more to look at than a small one, and the
/// page stays below 20 KB whatever the instances are called.
const ROWS: usize = 15;

#[derive(Template)]
#[template(path = "fleet.html")]
struct FleetPage<'a> {
    mode: Mode,
    rows: &'a [Row],
    token: &'a str,
    total: usize,
    running: usize,
    stopped: usize,
    page: usize,
    pages: usize,
    at: String,
}

pub(crate) async fn answer(
    request: &Request,
    visitor: &Visitor,
    fleet: &impl ReadFleet,
    settings: &Settings,
    page: NonZeroUsize,
    now: Timestamp,
) -> Result<Answer, Problem> {
    let mut sight = Sight::unmeasured(fleet, &None).await.map_err(|error| unseen(&error))?;
    let count = |state| sight.fleet().filter(|instance| instance.state == state).count();
    let (total, running, stopped) =
        (sight.fleet().count(), count(InstanceState::Running), count(InstanceState::Stopped));
    let pages = total.div_ceil(ROWS).max(1);
    let page = page.get();
    if page > pages {
        let message = if pages == 1 { "there is 1 page".to_owned() } else { format!("there are {pages} pages") };
        return Err(Problem::new(StatusCode::NOT_FOUND, "no-such-page", message));
    }
    let shown = shown(&sight, page);
    sight.narrow(|instance| shown.contains(&instance.id));
    sight.measure(fleet, Depth::Needed, &settings.rules, now).await.map_err(|error| unseen(&error))?;
    let stops = sight.decide(&settings.rules, now).into_iter().filter(|decision| decision.verdict == Verdict::Stop);
    sight.read_protection(fleet, &stops.map(|decision| decision.instance).collect::<Vec<_>>()).await;
    let decisions = sight.decide_in_order(&settings.rules, now);
    let row = |id: &InstanceId| {
        let decision = decisions.iter().find(|decision| decision.instance == *id)?;
        Some(Row::new(sight.instance(id)?, decision, &settings.rules, now))
    };
    let rows: Vec<Row> = shown.iter().filter_map(row).collect();
    if prefers_json(request) {
        let body = json!({
            "mode": settings.mode, "at": now, "page": page, "pages": pages, "total": total, "instances": rows,
        });
        return Ok(Answer::json(StatusCode::OK, &body));
    }
    let content = FleetPage {
        mode: settings.mode,
        rows: &rows,
        token: &visitor.token,
        total,
        running,
        stopped,
        page,
        pages,
        at: words::time(now),
    };
    Ok(Page { title: "All instances", refresh_seconds: None }.answer(StatusCode::OK, &content))
}

/// The instances of a page, by name; those without a name last.
fn shown(sight: &Sight, page: usize) -> Vec<InstanceId> {
    let mut all: Vec<&Instance> = sight.fleet().collect();
    all.sort_by_cached_key(|instance| {
        let name = instance.name().map(str::to_lowercase);
        (name.is_none(), name, instance.id.clone())
    });
    all.iter().skip((page - 1) * ROWS).take(ROWS).map(|instance| instance.id.clone()).collect()
}
