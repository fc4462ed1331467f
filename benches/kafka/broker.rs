//! An Apache Kafka of the bench's own, by `kafka/broker`: it ends with the pipe that is its standard input.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
};

use crate::Outcome;

/// A broker that runs until this is dropped.
pub(crate) struct Broker {
    script: Child,
    input: Option<ChildStdin>,
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
}

impl Broker {
    /// One node with its data in a folder.
    pub(crate) fn start(root: &Path, folder: &Path) -> Outcome<Self> {
        let free = || -> Outcome<(TcpListener, u16)> {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let port = listener.local_addr()?.port();
            Ok((listener, port))
        };
        let ((one, first), (two, second)) = (free()?, free()?);
        drop((one, two));
        let mut script = Command::new(root.join("kafka/broker"))
            .args(["up", "--attached", "--heap", "1g", "--wait", "180", "--ports"])
            .arg(format!("{first},{second}"))
            .arg("--data")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let input = script.stdin.take();
        let mut line = String::new();
        if let Some(out) = script.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        if !line.starts_with("Kafka answers on ") {
            drop(input);
            let mut said = String::new();
            if let Some(mut err) = script.stderr.take() {
                err.read_to_string(&mut said)?;
            }
            script.wait()?;
            return Err(format!("no broker: {said}").into());
        }
        Ok(Self { script, input, address: format!("127.0.0.1:{first}") })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.script.wait();
    }
}
