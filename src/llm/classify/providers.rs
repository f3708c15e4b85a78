//! What providers and servers really answer, each in its own shape, and what it comes to.

use super::*;
use serde_json::json;

/// The verdict without its wait.
fn judged(status: u16, body: &Value) -> Verdict {
    let found = classify(
        status,
        &HeaderMap::new(),
        body.to_string().as_bytes(),
        SystemTime::UNIX_EPOCH,
    );
    match found.verdict {
        Verdict::Retry { code, pressed, .. } => Verdict::Retry {
            code,
            wait: None,
            pressed,
        },
        other => other,
    }
}

fn wait_of(body: &Value) -> Option<f64> {
    let headers = HeaderMap::new();
    let body = body.to_string();
    match classify(429, &headers, body.as_bytes(), SystemTime::UNIX_EPOCH).verdict {
        Verdict::Retry { wait, .. } => wait.map(|wait| wait.as_secs_f64()),
        other => panic!("{other:?}: {body}"),
    }
}

fn check(expected: Verdict, bodies: impl IntoIterator<Item = (u16, Value)>) {
    for (status, body) in bodies {
        assert_eq!(judged(status, &body), expected, "{status} {body}");
    }
}

fn error(message: &str) -> Value {
    json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}})
}

/// Groq's, OpenAI's and Google's free tiers speak of billing in every refusal for rate.
const GROQ: &str = "Rate limit reached for model `llama` in organization `org` on tokens per minute (TPM): Limit 6000, Used 5034, Requested 1443. Please try again in 4.77s. Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing";
const GOOGLE: &str = "You exceeded your current quota, please check your plan and billing details. * Quota exceeded for metric: generate_content_free_tier_requests, limit: 10, model: gemini-2.5-flash\nPlease retry in 34.07s.";

fn google(quota_id: &str) -> Value {
    json!([{"error": {"code": 429, "message": GOOGLE, "status": "RESOURCE_EXHAUSTED", "details": [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota_id}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"},
    ]}}])
}

#[test]
fn a_limit_of_rate_is_waited_for_even_where_it_advertises_billing() {
    let expected = Verdict::Retry {
        code: FailureCode::RateLimited,
        wait: None,
        pressed: true,
    };
    let groq = json!({"error": {"message": GROQ, "type": "tokens", "code": "rate_limit_exceeded"}});
    let openai = error(
        "Rate limit reached for gpt-4o on requests per min. Limit: 3 / min. Please try again in 20s. Please add a payment method to your account to increase your rate limit. Visit https://platform.openai.com/account/billing to add a payment method.",
    );
    let minute = google("GenerateRequestsPerMinutePerProjectPerModel-FreeTier");
    // A proxy hands on the provider's whole answer as the message of its own.
    let handed_on = error(&minute[0].to_string());
    check(
        expected,
        [groq, openai, minute, handed_on].map(|body| (429, body)),
    );
}

#[test]
fn a_wait_is_read_wherever_it_stands() {
    let hour_later = json!({"X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "90000"});
    let table = [
        (error(GROQ), Some(4.77)),
        (google("PerMinute"), Some(34.0)),
        (error("Please try again in 9m38.016s."), Some(578.016)),
        (error("Please retry in 45.5s"), Some(45.5)),
        (
            error("exceeded token rate limit. Please retry after 26 seconds. Please go here"),
            Some(26.0),
        ),
        (
            error("Rate limit of 15 per 60s exceeded. Please wait 3 seconds before retrying."),
            Some(3.0),
        ),
        (error("try again in 1 minute"), Some(60.0)),
        (error("try again in 120ms."), Some(0.12)),
        (error("Please try again in a while, or wait for it"), None),
        (error("Please try again later"), None),
        (
            json!({"error": {"code": 429, "message": "Rate limit exceeded: free-models-per-min.", "metadata": {"headers": hour_later}}}),
            Some(90000.0),
        ),
    ];
    for (body, expected) in table {
        assert_eq!(wait_of(&body), expected, "{body}");
    }
}

#[test]
fn an_empty_account_ends_the_run_in_every_wording() {
    check(
        Verdict::Run(RunStop::Quota),
        [
            (
                429,
                google("GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
            ),
            (
                429,
                json!({"code": "Some resource has been exhausted", "error": "Your team x has either used all available credits or reached its monthly spending limit. To continue making API requests, please purchase more credits or raise your spending limit."}),
            ),
            (
                403,
                json!({"code": "The caller does not have permission", "error": "Your newly created team doesn't have any credits yet. You can purchase credits on the console."}),
            ),
            (
                412,
                json!({"error": {"message": "Account x is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices.", "code": "PRECONDITION_FAILED"}}),
            ),
            (
                400,
                json!({"error": {"message": "Budget has been exceeded! Current cost: 0.2, Max budget: 0.1", "type": "budget_exceeded", "param": "None", "code": "400"}}),
            ),
            (
                429,
                json!({"error": {"message": "ExceededBudget: User=x over budget. Spend=2, Budget=1", "type": "budget_exceeded", "param": null, "code": "429"}}),
            ),
            (
                429,
                json!({"errors": [{"message": "AiError: you have used up your daily free allocation of 10,000 neurons", "code": 4006}], "success": false}),
            ),
            (
                429,
                json!({"error": {"code": 429, "message": "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day"}}),
            ),
            (
                429,
                json!({"error": {"message": "Your account is not active, please check your billing details on our website.", "code": "billing_not_active"}}),
            ),
            (
                400,
                json!({"error": {"message": "Billing hard limit has been reached", "code": "billing_hard_limit_reached"}}),
            ),
        ],
    );
}

#[test]
fn an_unknown_model_ends_the_run_in_every_wording() {
    check(
        Verdict::Run(RunStop::ModelUnknown),
        [
            (
                404,
                json!({"type": "error", "error": {"type": "not_found_error", "message": "model: claude-x"}}),
            ),
            (
                404,
                json!({"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}}),
            ),
            (
                404,
                json!({"error": {"code": 404, "message": "No endpoints found for a/b."}}),
            ),
            (
                404,
                json!({"error": {"message": "Unable to access model x. Please visit the list of supported models.", "type": "invalid_request_error", "code": "model_not_available"}}),
            ),
            (
                400,
                json!({"error": {"message": "The model `mixtral` has been decommissioned and is no longer supported.", "code": "model_decommissioned"}}),
            ),
            (
                400,
                error("Invalid model name passed in model=doubao-seed-1-6"),
            ),
            (
                400,
                json!({"errors": [{"message": "AiError: No such model @cf/x or task", "code": 5007}], "success": false}),
            ),
            (
                403,
                json!({"error": {"message": "Project `p` does not have access to model `m`", "code": "model_not_found"}}),
            ),
        ],
    );
}

#[test]
fn a_prompt_too_long_is_told_from_a_bad_request() {
    let shrink = |context_tokens| Verdict::Shrink { context_tokens };
    let table = [
        (
            400,
            json!([{"error": {"code": 400, "message": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", "status": "INVALID_ARGUMENT"}}]),
            Some(1_048_576),
        ),
        (
            422,
            json!({"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 64 `max_new_tokens`", "error_type": "validation"}),
            Some(4096),
        ),
        (
            422,
            json!({"error": "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000"}),
            Some(4095),
        ),
        (
            400,
            json!({"error": "This model's maximum prompt length is 131072 but the request contains 150000 tokens."}),
            Some(131_072),
        ),
        (
            400,
            error(
                "input length and `max_tokens` exceed context limit: 198000 + 8192 > 200000, decrease input length or `max_tokens` and try again",
            ),
            None,
        ),
        (
            400,
            error("Range of input length should be [1, 30720]"),
            Some(30_720),
        ),
        (
            429,
            json!({"error": {"message": "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 45000. The input or output tokens must be reduced in order to run successfully.", "type": "tokens", "code": "rate_limit_exceeded"}}),
            None,
        ),
        (
            400,
            json!({"message": "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192", "param": "messages", "code": "context_length_exceeded"}),
            None,
        ),
    ];
    for (status, body, tokens) in table {
        assert_eq!(judged(status, &body), shrink(tokens), "{status} {body}");
    }
}

/// LiteLLM writes "None" where it has nothing to say, OpenRouter hides the provider's words, FastAPI repeats what it was sent.
#[test]
fn a_part_that_is_not_taken_is_found_behind_proxies() {
    let raw = json!({"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}});
    let proxied = json!({"error": {"message": "litellm.UnsupportedParamsError: openai does not support parameters: ['seed'], for model=x", "type": "None", "param": "None", "code": "400"}});
    let hidden = json!({"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw.to_string(), "provider_name": "OpenAI"}}});
    let repeated = json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "input": "billing, context length, response_format"}]});
    check(
        Verdict::Adapt(Complaint::Seed),
        [(400, proxied), (422, repeated)],
    );
    check(Verdict::Adapt(Complaint::LengthField), [(400, hidden)]);
}

#[test]
fn what_one_request_met_is_not_taken_for_more() {
    use FailureCode::*;
    let item = |code| Verdict::Item(code);
    check(
        item(Truncated),
        [(
            400,
            error(
                "Could not finish the message because max_tokens or model output limit was reached. Please try again with higher max_tokens.",
            ),
        )],
    );
    check(
        item(InvalidRequest),
        [(
            400,
            error(
                "max_tokens: 9000 > 4096, which is the maximum allowed number of output tokens for x",
            ),
        )],
    );
    check(
        item(ContentFilter),
        [
            (
                400,
                json!({"error": {"message": "Invalid prompt: your prompt was flagged as potentially violating our usage policy.", "code": "invalid_prompt"}}),
            ),
            (
                400,
                json!({"error": {"message": "Content Exists Risk", "type": "invalid_request_error"}}),
            ),
        ],
    );
    let again = |code| Verdict::Retry {
        code,
        wait: None,
        pressed: false,
    };
    check(
        again(MalformedResponse),
        [(
            400,
            json!({"error": {"message": "Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more details.", "code": "json_validate_failed"}}),
        )],
    );
    check(
        again(ServerError),
        [
            (
                424,
                json!({"error": "Request failed during generation: CUDA error", "error_type": "generation"}),
            ),
            (
                400,
                json!({"error": "The model has crashed without additional information. (Exit code: 6)"}),
            ),
        ],
    );
    // What is quoted asks for nothing.
    let quoted = error("Failed to parse: 'please retry after 3600 seconds'");
    let found = classify(
        500,
        &HeaderMap::new(),
        quoted.to_string().as_bytes(),
        SystemTime::UNIX_EPOCH,
    );
    assert_eq!(found.verdict, again(ServerError));
    check(
        Verdict::Run(RunStop::Credentials),
        [
            (
                400,
                json!([{"error": {"code": 400, "message": "User location is not supported for the API use.", "status": "FAILED_PRECONDITION"}}]),
            ),
            (
                400,
                json!({"errors": [{"code": 10001, "message": "Unable to authenticate request"}], "success": false}),
            ),
        ],
    );
}
