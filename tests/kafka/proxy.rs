//! A TCP proxy between clients and one broker, which does on command what networks do by themselves: cut, delay, and stay open
//! without a sound. It reads the frames of Kafka's protocol, so it can cut at a certain request: before the broker has it, or after
//! the broker has answered it and before the client knows.
//!
//! What it does holds for all connections, those that come later too, until [`Proxy::heal`].

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// The request that ends a transaction, by commit or abort.
pub(super) const END_TXN: i16 = 26;

/// The request that adds partitions to a transaction.
pub(super) const ADD_PARTITIONS: i16 = 24;

/// The request that brings records.
pub(super) const PRODUCE: i16 = 0;

/// How the network is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Weather {
    #[default]
    Fair,
    /// Every connection is closed.
    Cut,
    /// Every frame takes longer by this.
    Slow(Duration),
    /// Connections stay open, and nothing comes through.
    Silent,
}

/// The end of a transaction that stays in the network, while its client sends it again over another connection, and comes to the
/// broker in the middle of the next transaction.
#[derive(Clone, Debug, PartialEq)]
struct Late {
    /// The id of the transactions.
    id: String,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// The end of a transaction is waited for.
    Armed,
    /// It is held.
    Held,
    /// It has been sent again.
    Again,
    /// The next transaction has sent its first records: what is held goes on.
    Released,
    /// It has gone on.
    Over,
}

/// Where a connection is cut when a certain request comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Moment {
    /// The broker never sees the request.
    BeforeRequest,
    /// The broker has answered, and the client never sees it.
    BeforeAnswer,
    /// The broker never sees the request, and from then on nothing comes through.
    Silence,
}

#[derive(Default)]
struct State {
    weather: Weather,
    /// The end of a transaction that is to come too late.
    late: Option<Late>,
    /// To be cut at this request; once.
    trap: Option<(i16, Moment)>,
    /// How many traps have caught something, and will have when the one that is set has.
    caught: u32,
    set: u32,
    open: Vec<TcpStream>,
}

/// A proxy; its port is known before that of the broker.
pub(super) struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
    ended: Arc<AtomicBool>,
}

impl Proxy {
    /// Listens; what connects before [`Proxy::lead_to`] waits.
    pub(super) fn listen() -> (Self, Target) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Self { port, state: Arc::default(), ended: Arc::default() };
        let target = Target { listener, state: Arc::clone(&proxy.state), ended: Arc::clone(&proxy.ended) };
        (proxy, target)
    }

    /// The port that clients connect to.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Closes all connections; new ones are closed at once.
    pub(super) fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.weather = Weather::Cut;
        close(&mut state);
    }

    /// Closes all connections; new ones work.
    pub(super) fn cut_once(&self) {
        close(&mut self.state.lock().unwrap());
    }

    /// Lets every frame wait, in both directions.
    pub(super) fn slow(&self, by: Duration) {
        self.state.lock().unwrap().weather = Weather::Slow(by);
    }

    /// Keeps connections open and swallows what they bring.
    pub(super) fn silence(&self) {
        self.state.lock().unwrap().weather = Weather::Silent;
    }

    /// Lets everything through again. What was swallowed is lost: a connection that was silent is closed.
    pub(super) fn heal(&self) {
        let mut state = self.state.lock().unwrap();
        if state.weather == Weather::Silent {
            close(&mut state);
        }
        state.weather = Weather::Fair;
    }

    /// Cuts the connection on which a request of this kind comes next.
    pub(super) fn cut_at(&self, request: i16, moment: Moment) {
        let mut state = self.state.lock().unwrap();
        state.trap = Some((request, moment));
        state.set = state.caught + 1;
    }

    /// Holds the end of the next transaction of an id, until the one after it has begun.
    pub(super) fn hold_the_end(&self, id: &str) {
        self.state.lock().unwrap().late = Some(Late { id: id.to_owned(), stage: Stage::Armed });
    }

    /// Whether the end that [`Proxy::hold_the_end`] was to hold has gone on.
    pub(super) fn came_late(&self) -> bool {
        self.state.lock().unwrap().late.as_ref().is_some_and(|late| late.stage == Stage::Over)
    }

    /// Whether [`Proxy::cut_at`] waits for its request, or for the answer to it.
    pub(super) fn waits(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.caught < state.set
    }

    /// How many requests [`Proxy::cut_at`] has caught.
    pub(super) fn caught(&self) -> u32 {
        self.state.lock().unwrap().caught
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        self.cut();
        // wakes the thread that accepts
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn close(state: &mut State) {
    for stream in state.open.drain(..) {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// A proxy that does not know yet where it leads.
pub(super) struct Target {
    listener: TcpListener,
    state: Arc<Mutex<State>>,
    ended: Arc<AtomicBool>,
}

impl Target {
    /// Leads to a port, until the proxy is dropped.
    pub(super) fn lead_to(self, port: u16) {
        thread::spawn(move || {
            for client in self.listener.incoming() {
                if self.ended.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(client) = client else { continue };
                let Ok(broker) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                join(client, broker, &self.state);
            }
        });
    }
}

/// Lets two connections speak with each other.
fn join(client: TcpStream, broker: TcpStream, state: &Arc<Mutex<State>>) {
    let copy = |stream: &TcpStream| stream.try_clone().unwrap();
    {
        let mut state = state.lock().unwrap();
        if state.weather == Weather::Cut {
            return;
        }
        state.open.extend([copy(&client), copy(&broker)]);
    }
    let _ = (client.set_nodelay(true), broker.set_nodelay(true));
    // the number of the request whose answer must not come through
    let doomed: Arc<Mutex<Option<i32>>> = Arc::default();
    let ways = [(copy(&client), copy(&broker), true), (broker, client, false)];
    for (from, to, asks) in ways {
        let (state, doomed) = (Arc::clone(state), Arc::clone(&doomed));
        thread::spawn(move || {
            // its end is that of the connection
            let _ = pass(&from, &to, asks, &state, &doomed);
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        });
    }
}

/// Passes frames on until one side is closed, or is to be.
fn pass(
    mut from: &TcpStream,
    mut to: &TcpStream,
    asks: bool,
    state: &Mutex<State>,
    doomed: &Mutex<Option<i32>>,
) -> io::Result<()> {
    loop {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        from.read_exact(&mut frame)?;
        let number = |at: usize| Some(i32::from_be_bytes(frame.get(at..at + 4)?.try_into().ok()?));
        let kind = frame.get(..2).map(|kind| i16::from_be_bytes([kind[0], kind[1]]));
        let weather = {
            let mut state = state.lock().unwrap();
            match state.trap {
                Some((trapped, moment)) if asks && kind == Some(trapped) => {
                    state.trap = None;
                    if moment == Moment::Silence {
                        state.weather = Weather::Silent;
                    }
                    if moment != Moment::BeforeAnswer {
                        state.caught += 1;
                    }
                    if moment == Moment::BeforeRequest {
                        return Ok(());
                    }
                    if moment == Moment::BeforeAnswer {
                        *doomed.lock().unwrap() = number(4);
                    }
                }
                _ if !asks && number(0).is_some() && *doomed.lock().unwrap() == number(0) => {
                    state.caught += 1;
                    return Ok(());
                }
                _ => {}
            }
            state.weather
        };
        let stage = if asks { next_stage(state, kind, &frame) } else { None };
        if stage == Some(Stage::Held) {
            let _ = from.shutdown(Shutdown::Both);
            while !reached(state, Stage::Released)? {
                thread::sleep(MOMENT / 20);
            }
        }
        match weather {
            Weather::Silent => continue,
            Weather::Slow(by) => thread::sleep(by),
            Weather::Fair | Weather::Cut => {}
        }
        to.write_all(&length)?;
        to.write_all(&frame)?;
        match stage {
            Some(Stage::Held) => {
                thread::sleep(MOMENT);
                enter(state, Stage::Over);
                return Ok(());
            }
            Some(Stage::Released) => {
                // the broker has the first records before the end that came late, and that before the rest
                thread::sleep(MOMENT);
                enter(state, Stage::Released);
                while !reached(state, Stage::Over)? {
                    thread::sleep(MOMENT / 20);
                }
            }
            _ => {}
        }
    }
}

/// How long a broker has to handle a request.
const MOMENT: Duration = Duration::from_millis(400);

/// What a request means for an end that is to come late: the stage that follows from it.
fn next_stage(state: &Mutex<State>, kind: Option<i16>, frame: &[u8]) -> Option<Stage> {
    let mut state = state.lock().unwrap();
    let late = state.late.as_mut()?;
    let is_of = frame.windows(late.id.len()).any(|bytes| bytes == late.id.as_bytes());
    let next = match (late.stage, kind) {
        (Stage::Armed, Some(END_TXN)) if is_of => Stage::Held,
        (Stage::Held, Some(END_TXN)) if is_of => Stage::Again,
        // entered when the broker has the records
        (Stage::Again, Some(PRODUCE)) if is_of => return Some(Stage::Released),
        _ => return None,
    };
    late.stage = next;
    Some(next)
}

fn enter(state: &Mutex<State>, stage: Stage) {
    if let Some(late) = &mut state.lock().unwrap().late {
        late.stage = stage;
    }
}

/// Whether a stage is reached, or passed; an error when it never will be.
fn reached(state: &Mutex<State>, stage: Stage) -> io::Result<bool> {
    let state = state.lock().unwrap();
    let late = state.late.as_ref().ok_or(io::ErrorKind::NotFound)?;
    Ok(late.stage as u8 >= stage as u8)
}
