//! The gate against simulated servers, in virtual time: what share of the allowed rate is used, what share of requests is refused.

use super::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinSet;

/// Longest that a response may take.
const RESPONSE_MAX: Duration = Duration::from_secs(300);

/// What a time-out means where nothing else is heard.
const AWAY: Pressure = Pressure::Away {
    pause: 1.0,
    is_asked: false,
};

/// What a simulated server limits.
#[derive(Clone, Copy, Debug)]
enum Rule {
    InFlight(usize),
    /// A token bucket: this many a second, this many at once.
    Bucket {
        per_sec: f64,
        burst: f64,
    },
    /// This many in each second of the clock.
    Window(usize),
    /// This many in any second.
    Sliding(usize),
}

#[derive(Debug)]
struct Server {
    rule: Rule,
    latency: Duration,
    retry_after: Option<f64>,
    /// Where the spread of latencies begins, and how late a request may arrive.
    seed: usize,
    lateness: Duration,
    state: Mutex<ServerState>,
    started: Instant,
}

#[derive(Debug, Default)]
struct ServerState {
    in_flight: usize,
    most_in_flight: usize,
    level: f64,
    filled_at: f64,
    window: (u64, usize),
    recent: VecDeque<f64>,
    served: usize,
    refused: usize,
}

impl Server {
    fn new(rule: Rule, latency_ms: u64, retry_after: Option<f64>) -> Self {
        let level = match rule {
            Rule::Bucket { burst, .. } => burst,
            _ => 0.0,
        };
        let state = ServerState {
            level,
            ..ServerState::default()
        };
        Server {
            rule,
            latency: Duration::from_millis(latency_ms),
            retry_after,
            seed: 0,
            lateness: Duration::ZERO,
            state: Mutex::new(state),
            started: Instant::now(),
        }
    }

    fn takes(&self) -> bool {
        let now = self.started.elapsed().as_secs_f64();
        let mut state = self.state.lock().unwrap();
        let takes = match self.rule {
            Rule::InFlight(most) => state.in_flight < most,
            Rule::Bucket { per_sec, burst } => {
                state.level = (state.level + (now - state.filled_at) * per_sec).min(burst);
                state.filled_at = now;
                let takes = state.level >= 1.0;
                state.level -= f64::from(u8::from(takes));
                takes
            }
            Rule::Window(most) => {
                let second = now as u64;
                if state.window.0 != second {
                    state.window = (second, 0);
                }
                state.window.1 += 1;
                state.window.1 <= most
            }
            Rule::Sliding(most) => {
                while state.recent.front().is_some_and(|at| now - at >= 1.0) {
                    state.recent.pop_front();
                }
                let takes = state.recent.len() < most;
                if takes {
                    state.recent.push_back(now);
                }
                takes
            }
        };
        match takes {
            true => {
                state.in_flight += 1;
                state.most_in_flight = state.most_in_flight.max(state.in_flight);
                state.served += 1;
            }
            false => state.refused += 1,
        }
        takes
    }

    /// One request: refusals come back fast, answers after the latency.
    async fn serve(&self) -> Pressure {
        const REFUSAL: Duration = Duration::from_millis(2);
        let nth = self.seed + self.state.lock().unwrap().served;
        let lateness = self.lateness.mul_f64((nth as f64 * 0.414).fract());
        tokio::time::sleep(lateness).await;
        let spread = 0.8 + 0.4 * (nth as f64 * 0.618).fract();
        if !self.takes() {
            tokio::time::sleep(REFUSAL).await;
            return Pressure::Refused(self.retry_after.unwrap_or(0.0));
        }
        tokio::time::sleep(self.latency.mul_f64(spread)).await;
        self.state.lock().unwrap().in_flight -= 1;
        Pressure::Served
    }
}

struct Result {
    secs: f64,
    served: usize,
    refused: usize,
    most_in_flight: usize,
    attempts_most: u32,
}

impl Result {
    fn refused_share(&self) -> f64 {
        self.refused as f64 / (self.served + self.refused) as f64
    }
}

/// Runs `requests` requests by 64 workers until each is served; whoever is free takes the next.
async fn run(server: Server, requests: usize) -> Result {
    const CONCURRENCY: usize = 64;
    let shared = Arc::new((
        server,
        Gate::new(CONCURRENCY, RESPONSE_MAX, None, None),
        AtomicUsize::new(0),
    ));
    let mut workers = JoinSet::new();
    let started = Instant::now();
    for _ in 0..CONCURRENCY {
        let shared = Arc::clone(&shared);
        workers.spawn(async move {
            let (server, gate, taken) = &*shared;
            let mut most = 0;
            loop {
                let request = taken.fetch_add(1, Ordering::Relaxed);
                if request >= requests {
                    return most;
                }
                most = most.max(until_served(server, gate, request).await);
            }
        });
    }
    let attempts_most = workers.join_all().await.into_iter().max().unwrap();
    let state = shared.0.state.lock().unwrap();
    Result {
        secs: started.elapsed().as_secs_f64(),
        served: state.served,
        refused: state.refused,
        most_in_flight: state.most_in_flight,
        attempts_most,
    }
}

async fn until_served(server: &Server, gate: &Gate, salt: usize) -> u32 {
    for attempt in 1.. {
        let pass = gate.enter(0.0).await;
        let pressure = server.serve().await;
        pass.end(pressure, None);
        if pressure == Pressure::Served {
            return attempt;
        }
        if pressure == Pressure::Refused(0.0) {
            let random = (salt * 7919 + attempt as usize * 104_729) % 1000;
            let [first, most] = [0.5, 30.0].map(Duration::from_secs_f64);
            let delay = crate::llm::backoff::delay(attempt, random as f64 / 1000.0, first, most);
            tokio::time::sleep(delay).await;
        }
    }
    unreachable!()
}

/// The rate that a server of this rule allows to 64 workers.
fn allowed_per_sec(rule: Rule, latency: Duration) -> f64 {
    let in_flight_per_sec = |most: usize| most as f64 / latency.as_secs_f64();
    match rule {
        Rule::InFlight(most) => in_flight_per_sec(most),
        Rule::Bucket { per_sec, .. } => in_flight_per_sec(64).min(per_sec),
        Rule::Window(most) | Rule::Sliding(most) => in_flight_per_sec(64).min(most as f64),
    }
}

/// Runs against `server` and holds the gate to its numbers.
async fn assert_used_well(server: Server) {
    const REQUESTS: usize = 400;
    let (rule, latency) = (server.rule, server.latency);
    let told = format!(
        "{rule:?} {latency:?} {:?}, seed {}, {:?} late",
        server.retry_after, server.seed, server.lateness
    );
    let result = run(server, REQUESTS).await;
    let used = REQUESTS as f64 / allowed_per_sec(rule, latency) / result.secs;
    let refused = result.refused_share();
    assert!(
        used >= 0.9 && refused <= 0.25 && result.attempts_most <= 4,
        "{told}: used {used:.3}, refused {refused:.2}, attempts {}",
        result.attempts_most
    );
}

const BUCKET: Rule = Rule::Bucket {
    per_sec: 4.0,
    burst: 4.0,
};
/// It saves nothing up: a second of silence is a second lost.
const EVEN: Rule = Rule::Bucket {
    per_sec: 4.0,
    burst: 1.0,
};
/// Latencies in milliseconds, and what refusals ask for.
const MANNERS: [(u64, Option<f64>); 5] = [
    (200, None),
    (200, Some(0.25)),
    (200, Some(1.0)),
    (1000, None),
    (1000, Some(1.0)),
];

#[tokio::test(start_paused = true)]
async fn limited_servers_are_used_well_and_seldom_refuse() {
    let wide_bucket = Rule::Bucket {
        per_sec: 20.0,
        burst: 20.0,
    };
    for rule in [
        Rule::InFlight(2),
        Rule::InFlight(5),
        BUCKET,
        wide_bucket,
        Rule::Window(4),
        Rule::Sliding(4),
        EVEN,
    ] {
        for (latency_ms, retry_after) in MANNERS {
            assert_used_well(Server::new(rule, latency_ms, retry_after)).await;
        }
    }
}

/// What a server tells of its rate depends on when requests come by chance: no such chance leads the gate astray.
#[tokio::test(start_paused = true)]
async fn a_rate_is_found_however_requests_arrive() {
    for rule in [BUCKET, Rule::Window(4), Rule::Sliding(4), EVEN] {
        for (latency_ms, retry_after) in MANNERS {
            for (seed, lateness_ms) in [(1, 0), (2, 2), (3, 0), (4, 2)] {
                let server = Server {
                    seed,
                    lateness: Duration::from_millis(lateness_ms),
                    ..Server::new(rule, latency_ms, retry_after)
                };
                assert_used_well(server).await;
            }
        }
    }
}

/// Three requests a minute, as the smallest accounts have them: waits are obeyed, and nobody runs out of attempts.
#[tokio::test(start_paused = true)]
async fn a_very_small_allowance_is_lived_with() {
    let rule = Rule::Bucket {
        per_sec: 0.05,
        burst: 3.0,
    };
    let result = run(Server::new(rule, 1000, Some(20.0)), 40).await;
    let used = 40.0 / 0.05 / result.secs;
    assert!(
        used >= 0.8 && result.attempts_most <= 4,
        "used {used:.2}, {} attempts, refused {}",
        result.attempts_most,
        result.refused
    );
}

/// A server that refuses everything for a minute and then recovers is soon used in full again.
#[tokio::test(start_paused = true)]
async fn the_gate_opens_again_after_an_outage() {
    let gate = Gate::new(64, RESPONSE_MAX, None, None);
    let started = Instant::now();
    let outage = Duration::from_secs(60);
    while started.elapsed() < outage {
        let pass = gate.enter(0.0).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
        pass.end(Pressure::Refused(0.0), None);
    }
    let recovered = Instant::now();
    for _ in 0..1000 {
        let pass = gate.enter(0.0).await;
        pass.end(Pressure::Served, None);
    }
    assert!(
        recovered.elapsed() < 2 * outage,
        "{:?}",
        recovered.elapsed()
    );
}

/// Every form of the request but the third is refused after 5 ms. Of 64 workers, few pay for learning that.
#[tokio::test(start_paused = true)]
async fn an_unproven_form_is_tried_by_few() {
    let shared = Arc::new((Gate::new(64, RESPONSE_MAX, None, None), Mutex::new((0, 0))));
    shared.0.prove();
    let mut workers = JoinSet::new();
    for _ in 0..64 {
        let shared = Arc::clone(&shared);
        workers.spawn(async move {
            let (gate, learnt) = &*shared;
            loop {
                let pass = gate.enter(0.0).await;
                let form = learnt.lock().unwrap().0;
                tokio::time::sleep(Duration::from_millis(5)).await;
                if form == 2 {
                    return pass.end(Pressure::Served, None);
                }
                let mut learnt = learnt.lock().unwrap();
                learnt.1 += 1;
                if learnt.0 == form {
                    learnt.0 += 1;
                    gate.prove();
                }
            }
        });
    }
    workers.join_all().await;
    let wasted = shared.1.lock().unwrap().1;
    assert_eq!(wasted, 2);
}

/// The first answer takes a second, a complaint would have come at once: the others need not wait for it.
#[tokio::test(start_paused = true)]
async fn a_form_that_nobody_complains_of_is_used_before_it_is_answered() {
    let gate = Arc::new(Gate::new(64, RESPONSE_MAX, None, None));
    gate.heard_after(Duration::from_millis(2));
    gate.prove();
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..64 {
        let gate = Arc::clone(&gate);
        workers.spawn(async move {
            let pass = gate.enter(0.0).await;
            let left_at = started.elapsed();
            tokio::time::sleep(Duration::from_secs(1)).await;
            pass.end(Pressure::Served, None);
            left_at
        });
    }
    let last = workers.join_all().await.into_iter().max().unwrap();
    assert!(last < Duration::from_millis(700), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unlimited_server_is_filled_at_once() {
    let result = run(Server::new(Rule::InFlight(usize::MAX), 200, None), 6400).await;
    assert_eq!((result.most_in_flight, result.refused), (64, 0));
    assert!(result.secs < 1.02 * 6400.0 / 64.0 * 0.2, "{}", result.secs);
}

#[tokio::test(start_paused = true)]
async fn an_allowance_of_the_user_is_kept() {
    let gate = Gate::new(64, RESPONSE_MAX, Some(600), Some(6000));
    let started = Instant::now();
    for _ in 0..30 {
        gate.enter(100.0).await.end(Pressure::Served, Some(50.0));
    }
    let secs = started.elapsed().as_secs_f64();
    assert!(
        (13.0..16.0).contains(&secs),
        "30 requests of 50 tokens at 100 tokens a second took {secs} s"
    );
}

/// Whether more work would be begun now.
async fn wants_work(gate: &Gate) -> bool {
    let second = Duration::from_secs(1);
    tokio::time::timeout(second, gate.room()).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn more_work_is_wanted_while_a_place_would_stay_free() {
    let gate = Gate::new(4, RESPONSE_MAX, None, None);
    gate.owe(1000);
    let mut on_the_wire = Vec::new();
    for _ in 0..2 {
        assert!(wants_work(&gate).await);
        on_the_wire.push(gate.enter(0.0).await);
    }
    for _ in 0..2 {
        assert!(wants_work(&gate).await);
        gate.expect();
    }
    assert!(!wants_work(&gate).await);
    on_the_wire.pop();
    assert!(wants_work(&gate).await);
    gate.expect();
    assert!(!wants_work(&gate).await);
    let woken = gate.room();
    tokio::join!(woken, async { gate.expect_no_more() });
}

/// What was begun will fill a server of four places for a while, even where little is in line yet.
#[tokio::test(start_paused = true)]
async fn more_work_is_wanted_until_enough_is_owed() {
    let gate = Gate::new(4, RESPONSE_MAX, None, None);
    for _ in 0..4 {
        gate.expect();
    }
    gate.owe(13);
    assert!(wants_work(&gate).await);
    gate.owe(1);
    assert!(!wants_work(&gate).await);
    let woken = gate.room();
    tokio::join!(woken, async { gate.owe_less(1) });
}

#[tokio::test(start_paused = true)]
async fn places_are_given_in_order_and_given_back_when_dropped() {
    let gate = Gate::new(1, RESPONSE_MAX, None, None);
    let first = gate.enter(0.0).await;
    let order = Mutex::new(Vec::new());
    let follow = async |name| {
        let pass = gate.enter(0.0).await;
        order.lock().unwrap().push(name);
        drop(pass);
    };
    let given_up = tokio::time::timeout(Duration::from_secs(1), gate.enter(0.0));
    assert!(given_up.await.is_err());
    drop(first);
    tokio::join!(follow(1), follow(2), follow(3));
    assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
    assert_eq!(gate.state().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_first_takes_the_next_place_and_uses_up_what_the_user_allows() {
    let gate = Gate::new(1, RESPONSE_MAX, Some(60), None);
    let order = Mutex::new(Vec::new());
    let started = Instant::now();
    let held = gate.enter(0.0).await;
    let follow = async |name| {
        drop(gate.enter(0.0).await);
        order
            .lock()
            .unwrap()
            .push((name, started.elapsed().as_secs()));
    };
    let first = async {
        drop(gate.enter_first(0.0).await);
        order.lock().unwrap().push((0, started.elapsed().as_secs()));
    };
    let given_up = tokio::time::timeout(Duration::from_secs(5), gate.enter_first(0.0));
    assert!(given_up.await.is_err());
    let give_back = async { drop(held) };
    tokio::join!(follow(1), follow(2), first, give_back);
    assert_eq!(*order.lock().unwrap(), [(0, 5), (1, 6), (2, 7)]);
}

#[tokio::test(start_paused = true)]
async fn time_outs_halve_the_limit_once_for_each_burst() {
    let gate = Gate::new(8, RESPONSE_MAX, None, None);
    for limit in [4, 2, 1, 1] {
        tokio::time::advance(Duration::from_millis(100)).await;
        let mut burst = Vec::new();
        while let Ok(pass) = tokio::time::timeout(Duration::from_millis(100), gate.enter(0.0)).await
        {
            burst.push(pass);
        }
        burst
            .into_iter()
            .for_each(|pass| pass.end(Pressure::Overran, None));
        assert_eq!(gate.state().limit, limit);
    }
}

/// A server with `slots` places and a line in front of them, at which each of 200 requests takes `answer_secs`, more or less by `spread` parts of it: how
/// many timed out on the way, and what share of the time its places were taken.
async fn stand_in_line(slots: usize, answer_secs: f64, spread: f64) -> (usize, f64) {
    const REQUESTS: usize = 200;
    let gate = Gate::new(16, RESPONSE_MAX, None, None);
    let shared = Arc::new((gate, Semaphore::new(slots)));
    let timed_out = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut requests = JoinSet::new();
    for nth in 0..REQUESTS {
        let (shared, timed_out) = (Arc::clone(&shared), Arc::clone(&timed_out));
        let off = spread * (2.0 * (nth as f64 * 0.618 % 1.0) - 1.0);
        let takes = Duration::from_secs_f64(answer_secs * (1.0 + off));
        requests.spawn(async move {
            let (gate, places) = &*shared;
            loop {
                let pass = gate.enter(0.0).await;
                let answer = async {
                    let _place = places.acquire().await.unwrap();
                    tokio::time::sleep(takes).await;
                };
                match tokio::time::timeout(RESPONSE_MAX, answer).await {
                    Ok(()) => return pass.end(Pressure::Served, None),
                    // As the program does once the server has served.
                    Err(_) => pass.end(AWAY, None),
                }
                timed_out.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    requests.join_all().await;
    let least = REQUESTS as f64 * answer_secs / slots.min(16) as f64;
    let share = least / started.elapsed().as_secs_f64();
    (timed_out.load(Ordering::Relaxed), share)
}

/// A model on a small machine lets requests wait in line. More of them than it answers in time are answers that it begins for nobody.
#[tokio::test(start_paused = true)]
async fn a_line_is_kept_so_short_that_all_in_it_are_answered_in_time() {
    for (slots, answer_secs) in [(1, 30.0), (2, 60.0), (2, 120.0), (4, 100.0), (1, 5.0)] {
        for spread in [0.1, 0.5] {
            let (timed_out, busy) = stand_in_line(slots, answer_secs, spread).await;
            assert!(
                timed_out <= 40 && busy >= 0.85,
                "{slots} x {answer_secs} s: {timed_out} timed out, {busy:.2} busy"
            );
        }
    }
}

/// A model that thinks for minutes is as slow with fewer requests in flight.
#[tokio::test(start_paused = true)]
async fn what_is_slow_by_itself_is_sent_all_that_is_allowed() {
    for (answer_secs, spread) in [
        (140.0, 0.5),
        (180.0, 0.1),
        (200.0, 0.1),
        (220.0, 0.3),
        (260.0, 0.1),
    ] {
        let (timed_out, busy) = stand_in_line(64, answer_secs, spread).await;
        assert!(
            timed_out == 0 && busy >= 0.8,
            "{answer_secs} s: {timed_out} timed out, {busy:.2} busy"
        );
    }
}

/// After a bad time that cut the limit to one, answers of medium length leave room for more.
#[tokio::test(start_paused = true)]
async fn the_limit_grows_again_after_a_bad_time() {
    let gate = Arc::new(Gate::new(16, RESPONSE_MAX, None, None));
    for _ in 0..5 {
        tokio::time::advance(Duration::from_millis(100)).await;
        let pass = gate.enter(0.0).await;
        pass.end(Pressure::Overran, None);
    }
    assert_eq!(gate.state().limit, 1);
    let mut requests = JoinSet::new();
    for nth in 0..200 {
        let gate = Arc::clone(&gate);
        requests.spawn(async move {
            let pass = gate.enter(0.0).await;
            tokio::time::sleep(Duration::from_secs(80 + nth * 37 % 40)).await;
            pass.end(Pressure::Served, None);
        });
    }
    requests.join_all().await;
    assert!(gate.state().limit >= 12, "{}", gate.state().limit);
}
