//! Runs a topology in this process, over a simulated disk or the real one, and never waits for ever.

use std::{
    collections::{BTreeMap, VecDeque},
    io::Read,
    sync::{Arc, Mutex, mpsc::channel},
    time::Duration,
};

use dirigent::{
    connect::standard_input::StandardInput,
    engine::{
        disk::Disk,
        intake::{Intake, IntakeProgress},
        sink::Writers,
        wall::WallClock,
    },
    operators::books::Balance,
    topology::{
        assemble::{Assembly, RunError, RunOptions, StartFigures, Writes},
        load::load_str,
        plan::Plan,
    },
};

/// A run that takes longer hangs.
const HANG: Duration = Duration::from_secs(120);

/// How a run is started.
#[derive(Clone)]
pub(super) struct Start {
    pub(super) topology: String,
    pub(super) workers: usize,
    pub(super) writes: Writes,
    /// What standard input brings.
    pub(super) input: Vec<u8>,
    pub(super) wall: WallClock,
}

/// Standard input that comes piece by piece.
struct Pieces(VecDeque<u8>);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let piece = buffer.len().min(301);
        self.0.read(&mut buffer[..piece])
    }
}

/// What a run that came to its end told.
pub(super) struct Ended {
    pub(super) books: BTreeMap<String, Balance>,
    pub(super) resumed: StartFigures,
    pub(super) progress: IntakeProgress,
}

impl Start {
    pub(super) fn new(topology: &str, workers: usize) -> Self {
        let (topology, wall) = (topology.to_owned(), WallClock::system());
        Self { topology, workers, writes: Writes::On, input: Vec::new(), wall }
    }

    pub(super) fn plan(&self) -> Plan {
        match load_str("topology.yaml", &self.topology, &[], &|_| None) {
            Ok((plan, _)) => plan,
            Err(errors) => panic!("{:?}", errors.errors),
        }
    }

    pub(super) fn open(&self, disk: Arc<dyn Disk>) -> Result<Assembly, RunError> {
        self.open_plan(self.plan(), disk)
    }

    /// Runs another plan than that of the topology.
    pub(super) fn run_plan(&self, plan: Plan, disk: Arc<dyn Disk>) -> Result<(), RunError> {
        self.open_plan(plan, disk)?.execute()
    }

    fn open_plan(&self, plan: Plan, disk: Arc<dyn Disk>) -> Result<Assembly, RunError> {
        let options = RunOptions {
            workers: self.workers,
            keep_quality: false,
            writes: self.writes,
            disk,
            wall: self.wall.clone(),
            standard_input: StandardInput::from(Pieces(self.input.clone().into())),
            takeover: false,
            interrupt: Arc::default(),
            metrics: Arc::default(),
        };
        Assembly::open(plan, options)
    }

    /// Runs to the end, or to the first error.
    pub(super) fn run(&self, disk: Arc<dyn Disk>) -> Result<Ended, RunError> {
        self.run_watched(disk, |_| {})
    }

    /// The same; `watch` sees the intake before anything is read.
    pub(super) fn run_watched(
        &self,
        disk: Arc<dyn Disk>,
        watch: impl FnOnce(&Arc<Intake>) + Send + 'static,
    ) -> Result<Ended, RunError> {
        let (told, end) = channel();
        let start = self.clone();
        let over = Arc::clone(&disk);
        let shared = Arc::new(Mutex::new(None::<(Arc<Writers>, Arc<Intake>)>));
        let writers_of = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let run = || {
                let assembly = start.open(disk)?;
                let resumed = assembly.start;
                let (run, writers) = assembly.run_state();
                *writers_of.lock().unwrap() = Some((writers, Arc::clone(&run.intake)));
                watch(&run.intake);
                assembly.execute()?;
                let progress = run.intake.progress();
                run.books.close(|source| run.intake.left_behind(source));
                Ok(Ended { books: run.books.by_source(), resumed, progress })
            };
            let _ = told.send(run());
        });
        match end.recv_timeout(HANG) {
            Ok(outcome) => {
                thread.join().unwrap();
                outcome
            }
            Err(error) => {
                let how = shared.lock().unwrap().as_ref().map(|(writers, intake)| {
                    let epochs = (intake.logged(), intake.durable(), intake.ended_with(0));
                    format!("aborted {}, epochs {epochs:?}, {writers:?}", intake.aborted())
                });
                panic!("{} workers over {over:?} have hung or panicked: {error}; {how:?}", self.workers)
            }
        }
    }
}
