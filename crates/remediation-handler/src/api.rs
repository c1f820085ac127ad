//! The HTTP API's event as a request, and our answer as its response.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use http::{Request, Response, StatusCode};
use lambda_runtime::LambdaEvent;

use crate::{Error, RemediationHandler};

impl RemediationHandler {
    /// Takes an event of payload format 2.0 and answers it.
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
    ///
    /// # Errors
    /// As [`RemediationHandler::handle`]. A body that cannot be decoded is answered with 400.
    pub async fn serve(&self, event: LambdaEvent<ApiGatewayV2httpRequest>) -> Result<ApiGatewayV2httpResponse, Error> {
        let request_id = event.context.request_id;
        let Some(request) = request(event.payload) else {
            tracing::warn!("refused a request whose body is not the Base64 that it says");
            return Ok(response(&answer(StatusCode::BAD_REQUEST, "malformed")));
        };
        // Boxed: the compiler computes the size of what `main` waits for only so deep.
        Box::pin(self.handle(&request, &request_id)).await.map(|answer| response(&answer))
    }
}

pub(crate) fn answer(status: StatusCode, body: &'static str) -> Response<&'static str> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// The request as Slack sent it: the signature is over these bytes. `None` if they cannot be had.
fn request(event: ApiGatewayV2httpRequest) -> Option<Request<Vec<u8>>> {
    let body = event.body.unwrap_or_default();
    let body = if event.is_base64_encoded { aws_smithy_types::base64::decode(body).ok()? } else { body.into_bytes() };
    let mut request = Request::new(body);
    *request.method_mut() = event.request_context.http.method;
    *request.headers_mut() = event.headers;
    Some(request)
}

fn response(answer: &Response<&'static str>) -> ApiGatewayV2httpResponse {
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = answer.status().as_u16().into();
    response.body = Some((*answer.body()).into());
    response
}

#[cfg(test)]
mod tests {
    use platform::slack::verify;
    use secrecy::SecretString;
    use serde_json::{Value, json};

    use super::*;

    fn sample() -> Value {
        crate::tests::sample("api-request.slack-click")
    }

    fn read(event: Value) -> Option<Request<Vec<u8>>> {
        request(serde_json::from_value(event).unwrap())
    }

    #[test]
    fn a_request_is_the_bytes_and_headers_that_slack_signed() {
        let read = read(sample()).unwrap();
        assert_eq!(read.method(), "POST");
        let header = |name: &str| read.headers()[name].to_str().ok();
        let (time, signature) = (header("X-Slack-Request-Timestamp"), header("X-Slack-Signature"));
        let secret = SecretString::from("8f742231b10e8888abcd99yyyzzz85a5");
        verify(&[secret], time, signature, read.body(), 1_795_169_801).unwrap();
    }

    #[test]
    fn a_body_in_base64_is_decoded_and_one_that_only_says_so_is_refused() {
        let with = |body: &str| {
            let mut event = sample();
            (event["isBase64Encoded"], event["body"]) = (json!(true), json!(body));
            read(event).map(Request::into_body)
        };
        assert_eq!(with("cGF5bG9hZD0=").as_deref(), Some("payload=".as_bytes()));
        assert_eq!(with("payload=%7B%7D"), None);
    }

    #[test]
    fn a_request_without_a_body_is_an_empty_one() {
        let mut event = sample();
        event.as_object_mut().unwrap().remove("body");
        event["isBase64Encoded"] = json!(false);
        assert!(read(event).unwrap().body().is_empty());
    }

    #[test]
    fn an_answer_has_its_status_and_words() {
        let response = serde_json::to_value(response(&answer(StatusCode::UNAUTHORIZED, "unauthorized"))).unwrap();
        assert_eq!((&response["statusCode"], &response["body"]), (&json!(401), &json!("unauthorized")));
        assert_eq!(response["isBase64Encoded"], false);
    }
}
