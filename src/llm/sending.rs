//! One exchange with the server: paid for, and read.
//!
//! Owns what is set aside for it and what it turns out to have cost. When it may leave, and what comes next, is [`super::attempt`]'s.

use super::backoff;
use super::body;
use super::budget::{Bill, Reservation, Worst};
use super::client::Client;
use super::error::LlmError;
use super::gate::Pass;
use super::meter::count;
use super::outage::{Miss, OnTheWire};
use super::outcome::{Outcome, has_worked};
use super::profile::Form;
use super::request::Request;
use super::transport::Exchange;
use std::pin::pin;
use std::time::SystemTime;

/// An exchange that has ended.
pub(super) struct Sent<'a> {
    pub outcome: Outcome,
    pub form: Form,
    pub on_the_wire: OnTheWire<'a>,
}

impl Client {
    /// One exchange in a place on the wire, which is told how it went. Gives back what it means, too, when nobody was there.
    pub(super) async fn exchange(
        &self,
        request: &Request,
        reservation: Reservation<'_>,
        pass: &mut Pass<'_>,
    ) -> Result<(Sent<'_>, Option<Miss>), LlmError> {
        count(&self.meter.requests);
        let sent = self.send(request, reservation, pass).await?;
        let miss = self.listen(&sent.outcome, &sent.on_the_wire);
        let away = miss.as_ref().and_then(|miss| miss.away);
        let pressure = away.unwrap_or_else(|| sent.outcome.pressure());
        pass.settle(pressure, sent.outcome.tokens_used());
        Ok((sent, miss))
    }

    /// Tokens that a request may use, as far as its prompt can be told.
    pub(super) fn tokens_expected(&self, request: &Request) -> f64 {
        self.prompt_tokens(request) as f64 + f64::from(request.tokens_max)
    }

    /// One exchange, and what it came to and cost. What the server tells of its allowance is for the gate that let it through.
    async fn send(
        &self,
        request: &Request,
        reservation: Reservation<'_>,
        pass: &Pass<'_>,
    ) -> Result<Sent<'_>, LlmError> {
        let form = self.learnt().form;
        let body = body::write(self.opening.clone(), request, form);
        let on_the_wire = self.outage.sent();
        let post = pin!(self.transport.post(&self.address.chat, body));
        let exchange = self.stop.unless_dead(post).await?;
        if let Ok(exchange) = &exchange {
            self.heed_allowances(exchange, pass);
        }
        let has_worked = has_worked(&exchange);
        let outcome = self.judge(request, form, exchange);
        self.settle(reservation, &outcome, has_worked);
        Ok(Sent {
            outcome,
            form,
            on_the_wire,
        })
    }

    fn heed_allowances(&self, exchange: &Exchange, pass: &Pass<'_>) {
        if (200..300).contains(&exchange.status) {
            let told = backoff::allowances(&exchange.headers, SystemTime::now());
            told.for_each(|allowance| self.gate.told(pass, &allowance));
        }
    }

    /// Sets aside the most that one attempt can cost.
    pub(super) async fn reserve(&self, request: &Request) -> Result<Reservation<'_>, LlmError> {
        let worst = Worst {
            prompt_tokens: request.prompt_tokens_max(),
            completion_tokens: u64::from(request.tokens_max),
        };
        let budget = &self.limits.budget;
        let price = budget.price_of(&self.model);
        let reserved = self
            .unless_ended(pin!(budget.reserve(price, worst)))
            .await?;
        reserved.map_err(|reached| self.spent(reached))
    }

    fn settle(&self, reservation: Reservation<'_>, outcome: &Outcome, has_worked: bool) {
        let usage = outcome.usage();
        let bill = match has_worked {
            _ if usage.is_told() => Bill::Told(usage),
            true => Bill::Untold,
            false => Bill::Nothing,
        };
        self.meter.bill(bill, reservation.settle(bill));
    }
}
