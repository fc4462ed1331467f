//! Somebody who is called over HTTP, and does what he is told to: he answers, fails, hangs, closes in the middle, or is away.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use serde_json::Value;

/// What is done with a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// An answer of this status; up to 299 it was taken.
    Status(u16),
    /// It is taken, and nobody hears of that: the answer ends in the middle.
    Half,
    /// It is taken, and there is no answer, until whoever calls has gone.
    Silence,
}

/// A notification that was taken: its key, and the event.
pub(super) type Taken = (String, Value);

#[derive(Default)]
struct Book {
    answers: VecDeque<Answer>,
    taken: Vec<Taken>,
    requests: usize,
}

/// A receiver that listens.
pub(super) struct Receiver {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
    away: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Listens; answers these in turn, and then 200.
    pub(super) fn new(answers: &[Answer]) -> Self {
        let book = Book { answers: answers.iter().copied().collect(), ..Book::default() };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut receiver = Self {
            address: listener.local_addr().unwrap(),
            book: Arc::new(Mutex::new(book)),
            away: Arc::default(),
            thread: None,
        };
        receiver.listen(listener);
        receiver
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/cases", self.address)
    }

    pub(super) fn taken(&self) -> Vec<Taken> {
        self.book.lock().unwrap().taken.clone()
    }

    pub(super) fn requests(&self) -> usize {
        self.book.lock().unwrap().requests
    }

    fn listen(&mut self, listener: TcpListener) {
        let (book, away) = (Arc::clone(&self.book), Arc::clone(&self.away));
        self.thread = Some(std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if away.load(Ordering::Acquire) {
                    return;
                }
                let book = Arc::clone(&book);
                std::thread::spawn(move || converse(stream, &book));
            }
        }));
    }

    /// Nobody listens any more.
    pub(super) fn go_away(&mut self) {
        self.away.store(true, Ordering::Release);
        // the one that waits for a call is called
        drop(TcpStream::connect(self.address));
        self.thread.take().unwrap().join().unwrap();
    }

    /// Listens again at the same address.
    pub(super) fn come_back(&mut self) {
        self.away.store(false, Ordering::Release);
        self.listen(TcpListener::bind(self.address).unwrap());
    }
}

fn converse(stream: TcpStream, book: &Mutex<Book>) {
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut reader = BufReader::new(stream);
    let (mut length, mut key) = (0, String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "idempotency-key" => key = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let answer = {
        let mut book = book.lock().unwrap();
        let answer = book.answers.pop_front().unwrap_or(Answer::Status(200));
        if !matches!(answer, Answer::Status(300..)) {
            book.taken.push((key, serde_json::from_slice(&body).unwrap()));
        }
        book.requests += 1;
        answer
    };
    let mut stream = reader.into_inner();
    // whoever calls may have gone
    let _ = match answer {
        Answer::Status(status) => {
            write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        Answer::Half => write!(stream, "HTTP/1.1 200 OK\r\nConten"),
        Answer::Silence => stream.read(&mut [0]).map(drop),
    };
}
