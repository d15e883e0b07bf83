//! What stands between things and hurts them: [`Wire`] on the level of bytes, between a node and its database or Redis; [`Spray`] on
//! the level of requests, between clients and several nodes.
//!
//! Both work in a thread of their own, so that a test that waits for something does not hold them up.

mod fate;
mod framing;
mod spray;
mod wire;

use std::net::{Ipv4Addr, TcpListener};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

pub use fate::Chances;
pub use spray::Spray;
pub use wire::{Direction, Wire};

/// A proxy at work; ends with the value.
struct Running {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Does the work in a thread of its own until the value is dropped; what it has started ends with it.
    fn start<F: Future<Output = ()> + 'static>(work: impl FnOnce(tokio::net::TcpListener) -> F + Send + 'static) -> (u16, Self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        listener.set_nonblocking(true).expect("a listener");
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = work(listener) => {}
                    _ = stopped => {}
                }
            });
        });
        (port, Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}
