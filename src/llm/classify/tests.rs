//! What every status, and the words under it, come to.

use super::*;
use serde_json::json;

fn judge(status: u16, body: &[u8]) -> Verdict {
    classify(status, &HeaderMap::new(), body, SystemTime::UNIX_EPOCH).verdict
}

fn retry(code: FailureCode, pressed: bool) -> Verdict {
    Verdict::Retry {
        code,
        wait: None,
        pressed,
    }
}

/// What an empty body means under every status that is not 2xx.
fn expected(status: u16) -> Verdict {
    use FailureCode::*;
    match status {
        300..=399 | 404 | 405 | 410 | 421 | 426 => Verdict::Run(RunStop::EndpointWrong),
        401 | 407 => Verdict::Run(RunStop::Credentials),
        403 => Verdict::Item(Blocked),
        402 => Verdict::Run(RunStop::Quota),
        408 => retry(Timeout, false),
        409 | 424 | 425 | 499 => retry(ServerError, false),
        413 => Verdict::Shrink {
            context_tokens: None,
        },
        429 => retry(RateLimited, true),
        400..=499 => Verdict::Item(InvalidRequest),
        503 | 529 => retry(ServerError, true),
        500..=599 => retry(ServerError, false),
        _ => retry(MalformedResponse, false),
    }
}

#[test]
fn every_status_is_classified() {
    for status in (100..200).chain(300..1000) {
        assert_eq!(judge(status, b""), expected(status), "{status}");
    }
}

#[test]
fn the_words_decide_where_a_status_means_several_things() {
    use FailureCode::*;
    let error = |fields: Value| json!({ "error": fields });
    let table = [
        (
            400,
            error(
                json!({"code": "context_length_exceeded", "message": "maximum context length is 4,096 tokens. However, you requested 5000"}),
            ),
            Verdict::Shrink {
                context_tokens: Some(4096),
            },
        ),
        (
            400,
            error(
                json!({"type": "exceed_context_size_error", "n_ctx": 2048, "message": "the request exceeds the available context size"}),
            ),
            Verdict::Shrink {
                context_tokens: Some(2048),
            },
        ),
        (
            500,
            error(json!("context window exceeded")),
            Verdict::Shrink {
                context_tokens: None,
            },
        ),
        (
            400,
            error(
                json!({"param": "max_tokens", "message": "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}),
            ),
            Verdict::Adapt(Complaint::LengthField),
        ),
        (
            400,
            error(json!({"message": "max_tokens is too large: 9999"})),
            Verdict::Item(InvalidRequest),
        ),
        (
            400,
            error(
                json!({"param": "temperature", "message": "max_tokens aside, only the default temperature is supported"}),
            ),
            Verdict::Adapt(Complaint::Temperature),
        ),
        (
            400,
            error(json!({"message": "'seed' is not supported"})),
            Verdict::Adapt(Complaint::Seed),
        ),
        (
            400,
            error(
                json!({"param": "messages[0].role", "message": "Unsupported value: 'messages[0].role' does not support 'system' with this model."}),
            ),
            Verdict::Adapt(Complaint::SystemRole),
        ),
        (
            500,
            error(json!({"message": "Jinja Exception: System role not supported"})),
            Verdict::Adapt(Complaint::SystemRole),
        ),
        (
            400,
            error(
                json!({"message": "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model"}),
            ),
            Verdict::Adapt(Complaint::Structure),
        ),
        (
            422,
            json!({"detail": [{"loc": ["body", "response_format"], "msg": "Extra inputs are not permitted: response_format"}]}),
            Verdict::Adapt(Complaint::Structure),
        ),
        (
            500,
            error(json!({"message": "failed to parse grammar"})),
            Verdict::Adapt(Complaint::Structure),
        ),
        (
            400,
            error(json!({"code": "content_filter", "message": "filtered"})),
            Verdict::Item(ContentFilter),
        ),
        (
            403,
            error(json!({"code": 403, "message": "flagged by moderation"})),
            Verdict::Item(ContentFilter),
        ),
        (
            400,
            error(json!({"message": "API key not valid. Please pass a valid API key."})),
            Verdict::Run(RunStop::Credentials),
        ),
        (
            400,
            error(json!({"message": "Your credit balance is too low"})),
            Verdict::Run(RunStop::Quota),
        ),
        (
            429,
            error(
                json!({"code": "insufficient_quota", "message": "You exceeded your current quota"}),
            ),
            Verdict::Run(RunStop::Quota),
        ),
        (
            404,
            error(json!({"code": "model_not_found", "message": "The model `x` does not exist"})),
            Verdict::Run(RunStop::ModelUnknown),
        ),
        (
            404,
            json!({"error": "model \"x\" not found, try pulling it first"}),
            Verdict::Run(RunStop::ModelUnknown),
        ),
        (
            400,
            json!({"object": "error", "message": "The model `x` does not exist.", "code": 40401}),
            Verdict::Run(RunStop::ModelUnknown),
        ),
        (
            404,
            json!({"detail": "Not Found"}),
            Verdict::Run(RunStop::EndpointWrong),
        ),
        (
            400,
            error(json!({"message": "messages must not be empty"})),
            Verdict::Item(InvalidRequest),
        ),
    ];
    for (status, body, expected) in table {
        assert_eq!(
            judge(status, body.to_string().as_bytes()),
            expected,
            "{status} {body}"
        );
    }
}

/// A firewall speaks of no key.
#[test]
fn a_403_is_about_the_key_only_where_the_service_says_so() {
    let key = [
        r#"{"error":{"code":"forbidden","message":"no"}}"#,
        r#"{"error":"Country not supported"}"#,
        r#"{"detail":"Not authenticated"}"#,
        r#"[{"error":{"code":403,"status":"PERMISSION_DENIED"}}]"#,
        r#"{"Message":"User: arn:aws:iam::1:user/x is not authorized to perform: bedrock:InvokeModel"}"#,
        r#"{"statusCode":403,"message":"Access denied due to invalid subscription key."}"#,
    ];
    for body in key {
        let expected = Verdict::Run(RunStop::Credentials);
        assert_eq!(judge(403, body.as_bytes()), expected, "{body}");
    }
    let firewall = [
        "",
        "<!DOCTYPE html><title>Attention Required! | Cloudflare</title> <p>your API key",
        "Request blocked",
        r#"{"message":"Forbidden"}"#,
    ];
    for body in firewall {
        let expected = Verdict::Item(FailureCode::Blocked);
        assert_eq!(judge(403, body.as_bytes()), expected, "{body}");
    }
}

/// What says that the service is not there, what may say so if everybody hears it, and what is about one request.
#[test]
fn absence_is_told_from_failure() {
    let absence = |status, body: &[u8]| {
        classify(status, &HeaderMap::new(), body, SystemTime::UNIX_EPOCH).absence
    };
    for status in (200..600).filter(|status| *status != 503) {
        let expected = match status {
            502 | 504 | 520..=527 | 530 => Absence::Probably,
            300..=399 | 408 | 409 | 424 | 425 | 429 | 499 | 500..=599 => Absence::Perhaps,
            200..=299 => continue,
            _ => Absence::No,
        };
        assert_eq!(absence(status, b""), expected, "{status}");
    }
    assert_eq!(absence(503, b""), Absence::Probably);
    let too_long = br#"{"error":{"message":"maximum context length is 4096 tokens"}}"#;
    assert_eq!(absence(502, too_long), Absence::No);
    let loading = br#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#;
    assert_eq!(absence(503, loading), Absence::Surely);
}

#[test]
fn an_error_under_a_good_status_is_judged_by_its_own_code() {
    let verdict = |error: Value| classify_object(&error, SystemTime::UNIX_EPOCH).verdict;
    assert_eq!(
        verdict(json!({"code": 429})),
        retry(FailureCode::RateLimited, true)
    );
    assert_eq!(
        verdict(json!({"code": 401})),
        Verdict::Run(RunStop::Credentials)
    );
    assert_eq!(
        verdict(json!({"code": "402"})),
        Verdict::Run(RunStop::Quota)
    );
    assert_eq!(
        verdict(json!({"code": "weird"})),
        retry(FailureCode::ServerError, false)
    );
    assert_eq!(
        verdict(json!("overloaded")),
        retry(FailureCode::ServerError, false)
    );
    assert_eq!(
        verdict(json!({"code": 7, "message": "context length"})),
        Verdict::Shrink {
            context_tokens: None
        }
    );
}

#[test]
fn waits_come_from_headers_or_from_the_details() {
    let body = br#"[{"error":{"code":429,"details":[{"@type":"x"},{"retryDelay":"3.5s"}]}}]"#;
    let wait = Some(Duration::from_millis(3500));
    assert_eq!(
        judge(429, body),
        Verdict::Retry {
            code: FailureCode::RateLimited,
            wait,
            pressed: true
        }
    );
}

#[test]
fn messages_leave_markup_out() {
    let message = |body: &[u8]| {
        let found = classify(502, &HeaderMap::new(), body, SystemTime::UNIX_EPOCH);
        crate::llm::response::excerpt(&found.message)
    };
    assert_eq!(
        message(b"<html>\n<h1>nginx"),
        "the server answered 502 Bad Gateway: (a web page)"
    );
    assert_eq!(message(b""), "the server answered 502 Bad Gateway");
    assert_eq!(
        message(b"a\x1b[31m\nb"),
        "the server answered 502 Bad Gateway: a [31m b"
    );
    assert!(message(&[b'x'; 5000]).len() < 300);
    assert!(message(&[0xff; 50]).contains('\u{fffd}'));
}
