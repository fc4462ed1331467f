use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::mpsc,
    time::Instant,
};

use native_tls::{Identity, TlsAcceptor};
use serde_json::{Value, json};

use super::*;
use crate::{
    connect::receivers::{certificates::Certificates, registry::ReceiverContext, samples, web_server::HANG},
    engine::disk::{Disk, LocalDisk},
};

/// What a server answers to lines that begin so, instead of what it should.
type Script = &'static [(&'static str, &'static str)];

/// A connection is closed instead of an answer.
const CLOSE: &str = "close";
/// Nothing is answered until the client has gone.
const SILENT: &str = "silent";
/// An answer without an end, byte by byte.
const DRIBBLE: &str = "dribble";

/// A mail server that says yes, but for its script; its port, and the lines that it gets.
fn server(script: Script, tls: Option<TlsAcceptor>) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            stream.set_read_timeout(Some(HANG)).unwrap();
            let greeting =
                script.iter().find(|(line, _)| line.is_empty()).map_or("220 hello", |(_, said)| *said);
            let upgraded =
                talk(&mut BufReader::new(&stream), &stream, greeting, script, tls.is_some(), &sender);
            if let (true, Some(tls)) = (upgraded, &tls)
                && let Ok(stream) = tls.accept(stream)
            {
                let stream = std::cell::RefCell::new(stream);
                let mut lines = BufReader::new(Shared(&stream));
                talk(&mut lines, Shared(&stream), "", script, false, &sender);
            }
        }
    });
    (port, lines)
}

/// Reads and writes one stream.
struct Shared<'a, S>(&'a std::cell::RefCell<S>);

impl<S: Read> Read for Shared<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }
}

impl<S: Write> Write for Shared<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

/// Talks until the end, or until TLS is to begin: whether that is so.
fn talk(
    lines: &mut dyn BufRead,
    mut to: impl Write,
    greeting: &str,
    script: Script,
    offers_tls: bool,
    heard: &mpsc::Sender<String>,
) -> bool {
    let mut say = |said: &str| match said {
        "" => true,
        CLOSE => false,
        DRIBBLE => {
            let started = Instant::now();
            while to.write_all(b"2").is_ok() && started.elapsed() < 2 * HANG {
                thread::sleep(Duration::from_millis(20));
            }
            false
        }
        _ => to.write_all(format!("{said}\r\n").as_bytes()).and_then(|()| to.flush()).is_ok(),
    };
    if !say(greeting) {
        return false;
    }
    let mut is_data = false;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).is_ok_and(|read| read == 0) || line.is_empty() {
            return false;
        }
        let line = line.trim_end();
        let _ = heard.send(line.to_owned());
        let said = match line.split(' ').next().unwrap() {
            "." if is_data => {
                is_data = false;
                "250 taken"
            }
            _ if is_data => continue,
            "EHLO" if offers_tls => "250-here\r\n250 STARTTLS",
            "EHLO" => "250-here\r\n250 AUTH PLAIN",
            "STARTTLS" => "220 go on",
            "AUTH" => "235 welcome",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 yes",
        };
        let said = script.iter().find(|(begin, _)| *begin == line).map_or(said, |(_, said)| *said);
        if said == SILENT {
            let mut rest = String::new();
            let _ = lines.read_line(&mut rest);
            return false;
        }
        is_data |= said.starts_with("354");
        if !say(said) {
            return false;
        }
        if line == "STARTTLS" && said.starts_with("220") {
            return true;
        }
    }
}

fn open(port: u16, more: &Value) -> Box<dyn Receiver> {
    let mut settings = json!({
        "host": "127.0.0.1", "port": port, "tls": "none", "timeout": "60s",
        "from": "alerts@shop.example", "to": ["ann@shop.example", "bob@shop.example"],
    });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    assert_eq!(check(&settings), []);
    let disk: Arc<dyn Disk> = Arc::new(LocalDisk);
    (EMAIL.open)(&settings, &ReceiverContext { id: "mail", topology: "shop", disk: &disk }).unwrap()
}

/// What becomes of a mail to a server with a script, and what that server got.
fn mailed(script: Script) -> (Result<(), DeliveryError>, Vec<String>) {
    let (port, lines) = server(script, None);
    let result = open(port, &json!({})).deliver(&samples::delivery(vec![samples::severe_ends()]));
    (result, lines.try_iter().collect())
}

#[test]
fn a_mail_goes_to_all_recipients_and_ends_where_it_ends() {
    let (result, lines) = mailed(&[]);
    result.unwrap();
    let commands = ["EHLO [127.0.0.1]", "MAIL FROM:<alerts@shop.example>", "RCPT TO:<ann@shop.example>"];
    assert_eq!(lines[..3], commands);
    assert_eq!(lines[3..5], ["RCPT TO:<bob@shop.example>", "DATA"]);
    // nothing that people write ends the text or is a command
    assert_eq!(lines.iter().filter(|line| *line == ".").count(), 1, "{lines:?}");
    assert!(
        !lines.iter().any(|line| line.starts_with("MAIL FROM:<x>") || line.starts_with("Bcc")),
        "{lines:?}"
    );
}

#[test]
fn what_may_be_taken_later_is_tried_again() {
    let later: [Script; 7] = [
        &[("", "421 busy")],
        &[("", CLOSE)],
        &[("RCPT TO:<bob@shop.example>", "450 busy")],
        &[("DATA", CLOSE)],
        &[(".", "451 no disk")],
        &[(".", CLOSE)],
        &[("EHLO [127.0.0.1]", "what?")],
    ];
    for script in later {
        let (result, lines) = mailed(script);
        assert!(matches!(result, Err(DeliveryError::Unavailable { .. })), "{script:?}: {result:?}");
        if script[0].0.starts_with("RCPT") {
            assert!(!lines.contains(&"DATA".to_owned()), "{lines:?}");
        }
    }
    let (port, _) = server(&[], None);
    let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    assert_ne!(port, closed);
    let result = open(closed, &json!({})).deliver(&samples::delivery(vec![samples::drop_fires()]));
    assert!(matches!(result, Err(DeliveryError::Unavailable { .. })), "{result:?}");
}

#[test]
fn what_is_never_taken_is_refused_and_keeps_nobody_else_waiting() {
    let (result, _) = mailed(&[(".", "554 5.7.1 this is\tspam")]);
    let Err(DeliveryError::Refused { reason }) = result else { panic!("{result:?}") };
    assert!(reason.ends_with("permanent error (554): 5.7.1 this is spam"), "{reason}");
    let (result, lines) = mailed(&[("RCPT TO:<ann@shop.example>", "550 who?")]);
    result.unwrap();
    assert!(lines.contains(&"DATA".to_owned()));
    let both: Script =
        &[("RCPT TO:<ann@shop.example>", "550 who?"), ("RCPT TO:<bob@shop.example>", "550 who?")];
    assert!(matches!(mailed(both).0, Err(DeliveryError::Refused { .. })));
}

#[test]
fn an_attempt_ends_in_time() {
    let slow: [Script; 3] = [&[("EHLO [127.0.0.1]", SILENT)], &[("", DRIBBLE)], &[("DATA", SILENT)]];
    for script in slow {
        let (port, _lines) = server(script, None);
        let mut mail = open(port, &json!({"timeout": "500ms"}));
        let started = Instant::now();
        let result = mail.deliver(&samples::delivery(vec![samples::drop_fires()]));
        assert!(started.elapsed() < HANG, "{script:?} took {:?}", started.elapsed());
        assert!(matches!(result, Err(DeliveryError::Unavailable { .. })), "{script:?}: {result:?}");
    }
}

#[test]
fn a_password_goes_over_tls_to_whom_is_trusted_and_nowhere_else() {
    let Some(certificates) = Certificates::make() else { return };
    let [certificate, key] =
        ["server.pem", "server.key"].map(|name| std::fs::read(certificates.file(name)).unwrap());
    let acceptor = TlsAcceptor::new(Identity::from_pkcs8(&certificate, &key).unwrap()).unwrap();
    let deliver = |script, offers: bool, ca: &str| {
        let (port, lines) = server(script, offers.then(|| acceptor.clone()));
        let settings = json!({
            "tls": "required", "ca_file": certificates.file(ca), "user": "shop", "password": "s3cr3t"
        });
        let result = open(port, &settings).deliver(&samples::delivery(vec![samples::drop_fires()]));
        (result, lines.try_iter().collect::<Vec<String>>())
    };
    let (result, lines) = deliver(&[], true, "ca.pem");
    result.unwrap();
    assert_eq!(lines[..3], ["EHLO [127.0.0.1]", "STARTTLS", "EHLO [127.0.0.1]"]);
    assert_eq!(lines[3], "AUTH PLAIN AHNob3AAczNjcjN0");
    // another authority; no TLS at all
    for (offers, ca) in [(true, "other-ca.pem"), (false, "ca.pem")] {
        let (result, lines) = deliver(&[], offers, ca);
        assert!(matches!(result, Err(DeliveryError::Unavailable { .. })), "{result:?}");
        assert!(!lines.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{lines:?}");
    }
    let (result, _) = deliver(&[("AUTH PLAIN AHNob3AAczNjcjN0", "535 not s3cr3t")], true, "ca.pem");
    let Err(DeliveryError::Refused { reason }) = result else { panic!("{result:?}") };
    assert!(reason.ends_with("permanent error (535): not (hidden)"), "{reason}");
}

#[test]
fn wrong_settings_are_told() {
    let faults = check(&json!({
        "host": "smtp://mail", "from": "nobody", "to": ["a@b.example", "é@b.example"], "tls": "none", "timeout": "0ms",
        "user": "u", "password": "p", "password_file": "f", "ca_file": "c",
    }));
    let told: Vec<_> = faults.iter().map(|(pointer, message, _)| format!("{pointer}: {message}")).collect();
    insta::assert_snapshot!(told.join("\n"));
}
