//! An AWS for tests that answers every request as the test says.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use http::{Request, Response, uri::PathAndQuery};

use crate::account::Account;

/// What was asked, in order: `DescribeStacks`, `TrentService.DescribeKey`, `HEAD /bucket/`, `GET /bucket/?versions`.
pub(crate) type Asked = Arc<Mutex<Vec<String>>>;

/// An account whose requests get the status and the body that the closure has for them. It is given what is asked, and
/// the request's body.
pub(crate) fn account(answer: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static) -> (Account, Asked) {
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    let client = infallible_client_fn(move |request: Request<SdkBody>| {
        let what = what(&request);
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        log.lock().unwrap().push(what.clone());
        let (status, text) = answer(&what, &body);
        Response::builder().status(status).body(SdkBody::from(text)).unwrap()
    });
    let aws = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        // An IP address makes the S3 client put the bucket into the path.
        .endpoint_url("http://127.0.0.1:1")
        .retry_config(RetryConfig::disabled())
        .http_client(client)
        .build();
    let account = Account {
        aws,
        region: "eu-west-1".to_owned(),
        id: "111122223333".to_owned(),
        identity: "arn:aws:iam::111122223333:user/somebody".to_owned(),
        endpoint_url: Some("http://127.0.0.1:1".to_owned()),
    };
    (account, asked)
}

fn what(request: &Request<SdkBody>) -> String {
    let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
    if let Some(action) = body.strip_prefix("Action=") {
        return action.split('&').next().unwrap_or_default().to_owned();
    }
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    target.map_or_else(
        || format!("{} {}", request.method(), request.uri().path_and_query().map_or("", PathAndQuery::as_str)),
        str::to_owned,
    )
}

/// CloudFormation's answer with the members of its result.
pub(crate) fn xml(operation: &str, result: &str) -> (u16, String) {
    let head = "http://cloudformation.amazonaws.com/doc/2010-05-15/";
    let text = format!(
        "<{operation}Response xmlns=\"{head}\"><{operation}Result>{result}</{operation}Result></{operation}Response>"
    );
    (200, text)
}

/// CloudFormation's refusal.
pub(crate) fn refused(code: &str, message: &str) -> (u16, String) {
    let text = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    );
    (400, text)
}

/// A stack in CloudFormation's words.
pub(crate) fn stack(name: &str, status: &str, parameters: &[(&str, &str)]) -> String {
    let parameter = |(key, value): &(&str, &str)| {
        format!("<member><ParameterKey>{key}</ParameterKey><ParameterValue>{value}</ParameterValue></member>")
    };
    let parameters: String = parameters.iter().map(parameter).collect();
    format!(
        "<member><StackName>{name}</StackName><StackId>arn:of:{name}</StackId><StackStatus>{status}</StackStatus>\
         <CreationTime>2026-01-01T00:00:00Z</CreationTime><Parameters>{parameters}</Parameters></member>"
    )
}
