//! A web server for the tests of receivers, on a port of its own: each connection is answered as the next line of its script
//! says, and every request is kept.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use native_tls::TlsAcceptor;

/// Something that takes longer than this hangs.
pub(super) const HANG: Duration = Duration::from_secs(60);

/// What happens on a connection once the request is there.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// These bytes are sent, and the connection is closed.
    Say(String),
    /// Nothing is sent until the client has gone.
    Hang,
    /// A header field without an end, byte by byte.
    Dribble,
}

/// An answer without a body.
pub(super) fn status(line: &str) -> Act {
    Act::Say(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n"))
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) line: String,
    pub(super) fields: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// A server.
pub(super) struct WebServer {
    port: u16,
    requests: Receiver<Request>,
}

impl WebServer {
    /// One that speaks plainly, or TLS.
    pub(super) fn start(script: Vec<Act>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = channel();
        thread::spawn(move || {
            for act in script {
                let Ok((stream, _)) = listener.accept() else { return };
                stream.set_read_timeout(Some(HANG)).unwrap();
                match &tls {
                    None => answer(stream, &act, &sender),
                    // a client that does not trust us goes
                    Some(tls) => drop(tls.accept(stream).map(|stream| answer(stream, &act, &sender))),
                }
            }
        });
        Self { port, requests }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The next request that came.
    pub(super) fn request(&self) -> Request {
        self.requests.recv_timeout(HANG).unwrap()
    }

    /// Whether there is none.
    pub(super) fn is_quiet(&self) -> bool {
        self.requests.try_recv().is_err()
    }
}

fn answer(mut stream: impl Read + Write, act: &Act, requests: &Sender<Request>) {
    let Some(request) = read(&mut stream) else { return };
    let _ = requests.send(request);
    match act {
        Act::Say(text) => drop(stream.write_all(text.as_bytes()).and_then(|()| stream.flush())),
        Act::Hang => drop(stream.read(&mut [0])),
        Act::Dribble => {
            let started = Instant::now();
            let mut send = |bytes: &[u8]| stream.write_all(bytes).and_then(|()| stream.flush()).is_ok();
            let _ = send(b"HTTP/1.1 200 OK\r\nX: ");
            while send(b"x") && started.elapsed() < 2 * HANG {
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

fn read(stream: &mut impl Read) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        (stream.read(&mut byte).ok()? == 1).then(|| bytes.push(byte[0]))?;
    }
    let head = String::from_utf8(bytes).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let fields: BTreeMap<_, _> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut body = vec![0; fields["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some(Request { line, fields, body })
}
