//! The gate against simulated servers, in virtual time: what share of the allowed rate is used, what share of requests is refused.

use super::*;
use std::sync::Arc;
use tokio::task::JoinSet;

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
}

#[derive(Debug)]
struct Server {
    rule: Rule,
    latency: Duration,
    retry_after: Option<f64>,
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
        let nth = self.state.lock().unwrap().served;
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

/// Runs `requests` requests by 64 workers until each is served.
async fn run(server: Server, requests: usize) -> Result {
    const CONCURRENCY: usize = 64;
    let shared = Arc::new((server, Gate::new(CONCURRENCY, None, None)));
    let mut workers = JoinSet::new();
    let started = Instant::now();
    for worker in 0..CONCURRENCY {
        let shared = Arc::clone(&shared);
        let share = requests / CONCURRENCY + usize::from(worker < requests % CONCURRENCY);
        workers.spawn(async move {
            let mut most = 0;
            for request in 0..share {
                most = most.max(until_served(&shared.0, &shared.1, worker * 1000 + request).await);
            }
            most
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

#[tokio::test(start_paused = true)]
async fn table() {
    for (rule, capacity) in [
        (Rule::InFlight(2), 0.0),
        (Rule::InFlight(5), 0.0),
        (
            Rule::Bucket {
                per_sec: 4.0,
                burst: 4.0,
            },
            4.0,
        ),
        (
            Rule::Bucket {
                per_sec: 4.0,
                burst: 1.0,
            },
            4.0,
        ),
        (
            Rule::Bucket {
                per_sec: 20.0,
                burst: 20.0,
            },
            20.0,
        ),
        (Rule::Window(4), 4.0),
    ] {
        for latency_ms in [20, 200, 1000, 5000] {
            for retry_after in [None, Some(1.0), Some(0.25)] {
                for requests in [100, 400, 2000] {
                    let result = run(Server::new(rule, latency_ms, retry_after), requests).await;
                    let per_sec = match rule {
                        Rule::InFlight(most) => most as f64 * 1e3 / latency_ms as f64,
                        _ => f64::min(capacity, 64e3 / latency_ms as f64),
                    };
                    let ideal = requests as f64 / per_sec;
                    println!(
                        "{rule:?} {latency_ms}ms ra={retry_after:?} n={requests}: used {:.2} refused {:.2} most {} attempts {}",
                        ideal / result.secs,
                        result.refused_share(),
                        result.most_in_flight,
                        result.attempts_most,
                    );
                }
            }
        }
    }
}
