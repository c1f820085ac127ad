//! Two runs at the same time: who makes the next call of S3 is decided beforehand.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;

use super::World;

thread_local! {
    /// Which of the two runs this thread plays.
    static RUN: Cell<Option<usize>> = const { Cell::new(None) };
}

#[derive(Debug, Default)]
pub(super) struct Turns {
    order: Mutex<Order>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Order {
    next: VecDeque<usize>,
    /// Whose call is under way; it has ended when its run makes the next, or is over.
    calls: Option<usize>,
    over: [bool; 2],
}

impl Order {
    fn end_call_of(&mut self, run: usize) {
        self.calls = self.calls.filter(|calls| *calls != run);
    }

    /// Whether it is this run's turn, which it takes then. After the last turn everybody goes on.
    fn begin_call_of(&mut self, run: usize) -> bool {
        if self.calls.is_some() {
            return false;
        }
        while self.next.front().is_some_and(|next| self.over[*next]) {
            self.next.pop_front();
        }
        if self.next.front().is_some_and(|next| *next != run) {
            return false;
        }
        self.calls = self.next.pop_front();
        true
    }
}

impl Turns {
    /// Waits until the call that this thread is about to make is the next.
    pub(super) fn wait(&self) {
        let Some(me) = RUN.get() else {
            return;
        };
        let mut order = self.order.lock().unwrap();
        order.end_call_of(me);
        self.changed.notify_all();
        while !order.begin_call_of(me) {
            let (waited, timeout) = self.changed.wait_timeout(order, Duration::from_mins(1)).unwrap();
            assert!(!timeout.timed_out(), "its turn never came");
            order = waited;
        }
    }

    fn is_over(&self, run: usize) {
        let mut order = self.order.lock().unwrap();
        order.end_call_of(run);
        order.over[run] = true;
        self.changed.notify_all();
    }
}

/// Plays run 0 and run 1 side by side; `order` says whose call of S3 is the next, and what it leaves open is nobody's
/// turn. `handle` is of a runtime with threads of its own.
pub(super) fn side_by_side<T: Send, F: Future<Output = T>>(
    world: &World,
    handle: &Handle,
    order: impl IntoIterator<Item = usize>,
    run: impl Fn(usize) -> F + Sync,
) -> [T; 2] {
    let turns = Arc::new(Turns::default());
    turns.order.lock().unwrap().next.extend(order);
    world.s3().turns = Some(Arc::clone(&turns));
    let play = |number: usize| {
        RUN.set(Some(number));
        let ended = handle.block_on(run(number));
        turns.is_over(number);
        ended
    };
    let ended = std::thread::scope(|scope| {
        let threads = [0, 1].map(|number| {
            let play = &play;
            scope.spawn(move || play(number))
        });
        threads.map(|thread| thread.join().unwrap())
    });
    world.s3().turns = None;
    ended
}
