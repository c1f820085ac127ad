//! How the clients reach the AWS in memory.

use std::{future::poll_fn, task::Poll};

use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
    },
    orchestrator::HttpRequest,
};
use aws_smithy_types::body::SdkBody;
use http::{Request, Response};

/// A client whose calls are answered by `answer`, each after a turn of all other tasks.
pub(crate) fn giving_way(
    answer: impl Fn(Request<SdkBody>) -> Response<SdkBody> + Send + Sync + 'static,
) -> SharedHttpClient {
    let client = infallible_client_fn(answer);
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(GivingWay(client.http_connector(settings, components)))
    })
}

#[derive(Debug)]
struct GivingWay(SharedHttpConnector);

impl HttpConnector for GivingWay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.clone();
        HttpConnectorFuture::new(async move {
            give_way().await;
            answer.call(request).await
        })
    }
}

/// Is not ready once: without this, a task would run to its end before another one begins.
async fn give_way() {
    let mut gave_way = false;
    poll_fn(|context| {
        if gave_way {
            return Poll::Ready(());
        }
        gave_way = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
