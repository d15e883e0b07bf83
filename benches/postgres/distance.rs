//! A network between a gateway and its database: what the server says arrives a fixed time later, however much it is. (The wire of the
//! tests holds back each piece before it takes the next one, which would slow large batches as no network does.)

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Bytes that travel as one piece.
const PIECE_BYTES: usize = 64 * 1024;

/// Pieces of one connection that are on their way; more wait at the server.
const PIECES: usize = 256;

/// Starts a network in a thread of its own, which ends with the process; says the port that leads to the target.
pub fn to(target: u16, round_trip: Duration) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("a bound address").port();
    listener.set_nonblocking(true).expect("a listener");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, target, round_trip));
            }
        });
    });
    port
}

async fn carry(mut client: TcpStream, target: u16, round_trip: Duration) {
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return };
    client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).expect("sockets");
    let (mut from_client, to_client) = client.split();
    let (from_server, mut to_server) = server.split();
    // Either side's end is the end.
    tokio::select! {
        _ended = tokio::io::copy(&mut from_client, &mut to_server) => {}
        () = later(from_server, to_client, round_trip) => {}
    }
}

/// Carries bytes so that each piece arrives a while after it was sent.
async fn later(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, delay: Duration) {
    let (sent, mut travelling) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    let sending = async move {
        loop {
            let mut piece = Vec::with_capacity(PIECE_BYTES);
            if !from.read_buf(&mut piece).await.is_ok_and(|length| length > 0)
                || sent.send((Instant::now() + delay, piece)).await.is_err()
            {
                return;
            }
        }
    };
    let arriving = async {
        while let Some((due, piece)) = travelling.recv().await {
            sleep_until(due).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(sending, arriving);
}
