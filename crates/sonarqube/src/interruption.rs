//! The end of a run that somebody does not wait for any longer.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for Ctrl-C, or for somebody who ends us.
pub async fn interrupted() {
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()));
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = signals else {
        // Without handlers, the signals end us as they end every program.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}
