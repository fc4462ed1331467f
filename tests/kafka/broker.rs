//! An Apache Kafka for tests, started by `kafka/broker` on free ports in a temporary folder.
//!
//! The script stays until its standard input ends, then stops the broker by its process id and removes the folder. That input is a
//! pipe of ours: whatever ends the test, its own end, a panic or a kill, ends the pipe.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
};

use dirigent::connect::kafka::connection::ConnectionSettings;
use serde_json::{Value, json};

use super::proxy::Proxy;

/// Something that takes longer than this hangs.
pub(super) const HANG: std::time::Duration = std::time::Duration::from_secs(180);

/// What a broker is to be like.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    /// Three nodes instead of one.
    pub(super) three_nodes: bool,
    /// A listener with TLS and SASL.
    pub(super) secure: bool,
    /// A listener that is said to be on this port, where a proxy listens; one node only.
    pub(super) proxy: Option<u16>,
    /// Properties of the broker, `key=value`.
    pub(super) set: &'static [&'static str],
}

/// A broker that runs.
pub(super) struct Broker {
    script: Child,
    /// Ends the script when it is dropped.
    input: Option<ChildStdin>,
    folder: PathBuf,
    ports: Vec<u16>,
    each: usize,
    behind_proxy: Option<u16>,
    // after everything else: the folder goes when the script has ended
    _parent: tempfile::TempDir,
}

impl Broker {
    /// The broker that tests share, which is neither stopped nor paused; `None` where there can be none.
    pub(super) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Broker>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&Wish::default())).as_ref()
    }

    /// A broker of one's own.
    pub(super) fn start(wish: &Wish) -> Option<Self> {
        if let Err(missing) = available() {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
            eprintln!("skipped: {missing}");
            return None;
        }
        // a port that is free now may be taken before the broker has it
        let mut told = String::new();
        for _ in 0..3 {
            match Self::try_start(wish) {
                Ok(broker) => return Some(broker),
                Err(said) => told = said,
            }
            if !told.contains("Address already in use") {
                break;
            }
        }
        panic!("no broker: {told}");
    }

    /// One behind a proxy, and the address of the proxy.
    pub(super) fn behind_a_proxy() -> Option<(Proxy, Self, String)> {
        let (proxy, target) = Proxy::listen();
        let broker = Self::start(&Wish { proxy: Some(proxy.port()), ..Wish::default() })?;
        target.lead_to(broker.behind_proxy.unwrap());
        let through = format!("127.0.0.1:{}", proxy.port());
        Some((proxy, broker, through))
    }

    fn try_start(wish: &Wish) -> Result<Self, String> {
        let nodes = if wish.three_nodes { 3 } else { 1 };
        let each = if wish.secure { 3 } else { 2 };
        let mut ports = free_ports(nodes * each + 1);
        let behind_proxy = ports.pop();
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("kafka");
        let list = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        let mut command = script();
        command.args(["up", "--attached", "--heap", "384m", "--wait", "180", "--ports", &list]);
        // little is worth compiling well in so short a life
        command.args(["--java", "-XX:TieredStopAtLevel=1", "--nodes", &nodes.to_string()]);
        command.arg("--data").arg(&folder).args(wish.secure.then_some("--secure"));
        if let (Some(advertised), Some(bound)) = (wish.proxy, behind_proxy) {
            command.args(["--proxied", &format!("{bound}:{advertised}")]);
        }
        command.args(wish.set.iter().flat_map(|set| ["--set", set]));
        let mut script =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let input = script.stdin.take();
        let mut line = String::new();
        BufReader::new(script.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if !line.starts_with("Kafka answers on ") {
            drop(input);
            let mut said = String::new();
            script.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            script.wait().unwrap();
            return Err(said);
        }
        Ok(Self { script, input, folder, ports, each, behind_proxy, _parent: parent })
    }

    /// `127.0.0.1:PORT` of each node.
    pub(super) fn bootstrap(&self) -> String {
        self.listeners(0)
    }

    /// The same with TLS and SASL.
    pub(super) fn secure_bootstrap(&self) -> String {
        self.listeners(2)
    }

    fn listeners(&self, which: usize) -> String {
        let nodes = self.ports.chunks(self.each);
        nodes.map(|ports| format!("127.0.0.1:{}", ports[which])).collect::<Vec<_>>().join(",")
    }

    /// How it is reached, with more settings beside the address.
    pub(super) fn settings(&self, more: &Value) -> ConnectionSettings {
        settings(&self.bootstrap(), more)
    }

    /// A file that the script has made, such as `secure/ca.pem`.
    pub(super) fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// `kafka/broker COMMAND` on one node, or on all.
    pub(super) fn command(&self, command: &str, node: Option<u32>) {
        let mut script = script();
        script.arg(command).arg("--data").arg(&self.folder);
        script.args(["--heap", "384m", "--wait", "180", "--java", "-XX:TieredStopAtLevel=1"]);
        if let Some(node) = node {
            script.args(["--node", &node.to_string()]);
        }
        let output = script.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.script.wait();
    }
}

/// How a broker is reached, with more settings beside the address.
pub(super) fn settings(bootstrap: &str, more: &Value) -> ConnectionSettings {
    let mut all = json!({ "bootstrap_servers": bootstrap });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    assert_eq!(ConnectionSettings::faults(&all), []);
    serde_json::from_value(all).unwrap()
}

/// Ports that nobody listens on.
pub(super) fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    Path::new(env!("CARGO_MANIFEST_DIR")).join(target)
}

fn script() -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka/broker"));
    command.env("KAFKA_JARS", target().join("kafka/jars"));
    command
}

/// Whether there can be a broker; what is missing.
fn available() -> Result<(), String> {
    let jars = target().join("kafka/jars");
    if !jars.is_dir() {
        return Err(format!("{} is missing: `make kafka-jars` fetches it", jars.display()));
    }
    let java = Command::new("java").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if java.is_ok_and(|status| status.success()) { Ok(()) } else { Err("there is no java".to_owned()) }
}
