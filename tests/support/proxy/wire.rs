//! A wire that can be delayed, cut, refused, hung and turned to another server, at any byte.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Running;

/// Bytes that are carried at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// How the wire is.
#[derive(Debug, Clone)]
struct Mode {
    target: u16,
    delay: Duration,
    refused: bool,
    hung_up: bool,
    hung_down: bool,
    /// One more with each cut: connections of an earlier number end.
    cuts: u64,
    /// One more with each cut in the midst of an answer.
    torn: u64,
}

impl Mode {
    const fn hung(&self, direction: Direction) -> bool {
        match direction {
            Direction::Up => self.hung_up,
            Direction::Down => self.hung_down,
        }
    }
}

/// A wire from a port of its own to a server.
pub struct Wire {
    port: u16,
    mode: watch::Sender<Mode>,
    _running: Running,
}

impl Wire {
    /// A sound wire to a server's port.
    pub fn to(target: u16) -> Self {
        let mode = Mode { target, delay: Duration::ZERO, refused: false, hung_up: false, hung_down: false, cuts: 0, torn: 0 };
        let (mode, seen) = watch::channel(mode);
        let (port, running) = Running::start(move |listener| accept(listener, seen));
        Self { port, mode, _running: running }
    }

    /// Where its clients connect.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Each chunk takes so long, either way.
    pub fn delay(&self, delay: Duration) {
        self.mode.send_modify(|mode| mode.delay = delay);
    }

    /// Resets every connection; new ones work.
    pub fn cut(&self) {
        self.mode.send_modify(|mode| mode.cuts += 1);
    }

    /// Every connection is reset after half of what its server says next.
    pub fn tear(&self) {
        self.mode.send_modify(|mode| mode.torn += 1);
    }

    /// Resets every connection, and each new one at once.
    pub fn refuse(&self) {
        self.mode.send_modify(|mode| {
            mode.refused = true;
            mode.cuts += 1;
        });
    }

    /// Holds back what goes one way, until it is healed; connections stay open.
    pub fn hang(&self, direction: Direction) {
        self.mode.send_modify(|mode| match direction {
            Direction::Up => mode.hung_up = true,
            Direction::Down => mode.hung_down = true,
        });
    }

    /// Ends all that, except what was cut; held bytes go on.
    pub fn heal(&self) {
        self.mode.send_modify(|mode| {
            mode.delay = Duration::ZERO;
            mode.refused = false;
            mode.hung_up = false;
            mode.hung_down = false;
        });
    }

    /// Leads to another server from now on; what was open is reset.
    pub fn turn_to(&self, target: u16) {
        self.mode.send_modify(|mode| {
            mode.target = target;
            mode.cuts += 1;
        });
    }
}

async fn accept(listener: TcpListener, mode: watch::Receiver<Mode>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, mode.clone()));
    }
}

/// One connection, until either side ends it or the wire is cut.
async fn carry(mut client: TcpStream, mode: watch::Receiver<Mode>) {
    let now = mode.borrow().clone();
    let server = if now.refused { None } else { TcpStream::connect((Ipv4Addr::LOCALHOST, now.target)).await.ok() };
    // From here on the way to close either socket is a reset, as a cut wire's.
    let _best_effort = client.set_zero_linger();
    let Some(mut server) = server else { return };
    let _best_effort = (server.set_zero_linger(), client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let mut watched = mode.clone();
    tokio::select! {
        () = pump((from_client, to_server), Direction::Up, mode.clone()) => {}
        () = pump((from_server, to_client), Direction::Down, mode) => {}
        _ = watched.wait_for(|mode| mode.cuts != now.cuts) => {}
    }
}

/// Carries bytes one way until there are no more.
async fn pump((mut from, mut to): (ReadHalf<'_>, WriteHalf<'_>), direction: Direction, mut mode: watch::Receiver<Mode>) {
    let torn_before = mode.borrow().torn;
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let now = mode.borrow().clone();
        if now.delay > Duration::ZERO {
            tokio::time::sleep(now.delay).await;
        }
        if mode.wait_for(|mode| !mode.hung(direction)).await.is_err() {
            return;
        }
        let torn = direction == Direction::Down && now.torn != torn_before;
        let carried = if torn { length / 2 } else { length };
        if to.write_all(&chunk[..carried]).await.is_err() || torn {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// A server that says back what it hears.
    fn echo() -> (u16, Running) {
        Running::start(|listener| async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ended = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        })
    }

    fn connect(wire: &Wire) -> std::net::TcpStream {
        let stream = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, wire.port())).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
        stream
    }

    fn said_back(stream: &mut std::net::TcpStream, text: &[u8]) -> std::io::Result<Vec<u8>> {
        stream.write_all(text)?;
        let mut heard = vec![0; text.len()];
        stream.read_exact(&mut heard)?;
        Ok(heard)
    }

    #[test]
    fn it_carries_cuts_refuses_tears_and_turns() {
        let ((one, _one), (other, _other)) = (echo(), echo());
        let wire = Wire::to(one);
        let mut stream = connect(&wire);
        assert_eq!(said_back(&mut stream, b"hello").expect("carried"), b"hello");
        wire.cut();
        assert!(said_back(&mut stream, b"hello").is_err(), "reset");
        wire.refuse();
        assert!(said_back(&mut connect(&wire), b"hello").is_err(), "refused");
        wire.heal();
        let mut stream = connect(&wire);
        assert_eq!(said_back(&mut stream, b"again").expect("carried"), b"again");
        wire.tear();
        stream.write_all(b"12345678").expect("sent");
        let mut heard = Vec::new();
        assert!(stream.read_to_end(&mut heard).is_err(), "reset in the middle");
        assert!(heard.len() < 8, "{heard:?}");
        wire.turn_to(other);
        assert_eq!(said_back(&mut connect(&wire), b"there").expect("carried"), b"there");
    }

    #[test]
    fn it_delays_and_holds_back_what_goes_one_way() {
        let (port, _server) = echo();
        let wire = Wire::to(port);
        let mut stream = connect(&wire);
        wire.delay(Duration::from_millis(60));
        let began = std::time::Instant::now();
        said_back(&mut stream, b"slow").expect("carried");
        assert!(began.elapsed() >= Duration::from_millis(120), "both ways are slow");
        wire.heal();
        for direction in [Direction::Up, Direction::Down] {
            wire.hang(direction);
            stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a time-out");
            stream.write_all(b"held").expect("sent");
            let mut heard = [0; 4];
            assert!(stream.read_exact(&mut heard).is_err(), "held back: {direction:?}");
            wire.heal();
            stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
            stream.read_exact(&mut heard).expect("goes on");
            assert_eq!(&heard, b"held");
        }
    }
}
