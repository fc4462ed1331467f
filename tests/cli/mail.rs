//! The receiver `email` against a real mail server, GreenMail: in plain, over TLS, with a login, and what it says where none of that
//! is right. Without Java or the jar (`make mail-jar`) the test passes and says that it was skipped; with `CI=true` it fails.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use dirigent::{
    connect::receivers::{
        Delivery, DeliveryError, Event, Notification, email::EMAIL, registry::ReceiverContext,
    },
    engine::disk::{Disk, LocalDisk},
};
use serde_json::{Value, json};

/// Something that takes longer than this hangs.
const HANG: Duration = Duration::from_secs(180);
/// A mail server that runs until its input ends: whatever ends the test ends it.
const UNTIL_INPUT_ENDS: &str = r#"java "$@" & cat >/dev/null; kill $!; wait"#;

struct MailServer {
    shell: Child,
    folder: tempfile::TempDir,
    /// SMTP, SMTP over TLS, POP3.
    ports: [u16; 3],
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

fn jar() -> Result<PathBuf, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let jar =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(target).join("mail/jars/greenmail-standalone-2.1.3.jar");
    for tool in ["java", "openssl"] {
        let version = if tool == "java" { "-version" } else { "version" };
        let found = Command::new(tool).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            return Err(format!("there is no {tool}"));
        }
    }
    if jar.exists() {
        Ok(jar)
    } else {
        Err(format!("{} is missing: `make mail-jar` fetches it", jar.display()))
    }
}

/// Two authorities, and what the server shows, signed by the first one.
fn make_certificates(folder: &Path) {
    let run = |line: &str| {
        let output = Command::new("openssl").args(line.split(' ')).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    };
    for ca in ["ca", "other-ca"] {
        run(&format!(
            "req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN={ca} -addext basicConstraints=critical,CA:TRUE -keyout {ca}.key -out {ca}.pem"
        ));
    }
    fs::write(folder.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1").unwrap();
    run("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr");
    run(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile names -out server.pem",
    );
    run("pkcs12 -export -in server.pem -inkey server.key -passout pass:changeit -out server.p12");
}

impl MailServer {
    fn start() -> Option<Self> {
        let jar = match jar() {
            Ok(jar) => jar,
            Err(missing) => {
                assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
                eprintln!("skipped: {missing}");
                return None;
            }
        };
        // a port that is free now may be taken before the server has it
        for _ in 0..3 {
            let listeners: Vec<_> = (0..4).map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect();
            let ports: Vec<u16> = listeners.iter().map(|free| free.local_addr().unwrap().port()).collect();
            drop(listeners);
            let folder = tempfile::tempdir().unwrap();
            make_certificates(folder.path());
            let log = fs::File::create(folder.path().join("log")).unwrap();
            let mut command = Command::new("sh");
            command.args(["-c", UNTIL_INPUT_ENDS, "sh", "-XX:TieredStopAtLevel=1", "-Xmx128m"]);
            command.args([
                format!("-Dgreenmail.smtp.port={}", ports[0]),
                format!("-Dgreenmail.smtps.port={}", ports[1]),
                format!("-Dgreenmail.pop3.port={}", ports[2]),
                format!("-Dgreenmail.api.port={}", ports[3]),
                format!("-Dgreenmail.tls.keystore.file={}", folder.path().join("server.p12").display()),
            ]);
            command.args(["-Dgreenmail.tls.keystore.password=changeit", "-Dgreenmail.hostname=127.0.0.1"]);
            command
                .args(["-Dgreenmail.users=ann:right@shop.example,bob:left@shop.example", "-jar"])
                .arg(&jar);
            command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
            let shell = command.spawn().unwrap();
            let server = Self { shell, folder, ports: [ports[0], ports[1], ports[2]] };
            let started = Instant::now();
            let log = || fs::read_to_string(server.folder.path().join("log")).unwrap();
            while !log().contains("Starting GreenMail API server") && !log().contains("BindException") {
                assert!(started.elapsed() < HANG, "{}", log());
                thread::sleep(Duration::from_millis(50));
            }
            if !log().contains("BindException") {
                return Some(server);
            }
        }
        panic!("three times somebody took the ports");
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn deliver(&self, more: &Value, delivery: &Delivery) -> Result<(), DeliveryError> {
        let is_plain = more["tls"] == "none";
        let mut settings = json!({
            "host": "127.0.0.1", "port": self.ports[usize::from(!is_plain)], "timeout": "120s",
            "from": "Dirigent <alerts@shop.example>", "to": ["ann@shop.example", "Bob <bob@shop.example>"],
        });
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!((EMAIL.check)(&settings), []);
        let disk: Arc<dyn Disk> = Arc::new(LocalDisk);
        let context = ReceiverContext { id: "service", topology: "shop", disk: &disk };
        (EMAIL.open)(&settings, &context).unwrap().deliver(delivery)
    }

    /// The mails that somebody has got, by POP3, without the fields that the server adds and the date.
    fn mails(&self, user: &str, password: &str) -> Vec<String> {
        let stream = TcpStream::connect(("127.0.0.1", self.ports[2])).unwrap();
        stream.set_read_timeout(Some(HANG)).unwrap();
        let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
        let mut ask = |command: &str| {
            (&stream).write_all(command.as_bytes()).unwrap();
            let said = lines.next().unwrap();
            assert!(said.starts_with("+OK"), "{command}: {said}");
            let is_long = command.starts_with("RETR");
            let rest = lines.by_ref().take_while(|line| is_long && line != ".");
            let rest: Vec<String> = if is_long { rest.collect() } else { Vec::new() };
            (said, rest)
        };
        ask("");
        ask(&format!("USER {user}\r\n"));
        ask(&format!("PASS {password}\r\n"));
        let (said, _) = ask("STAT\r\n");
        let count: u32 = said.split(' ').nth(1).unwrap().parse().unwrap();
        let is_of_the_way = |line: &String| {
            ["Date: ", "Received: ", "Return-Path: ", "\tby", "\tfor", "          "]
                .iter()
                .any(|begin| line.starts_with(begin))
        };
        (1..=count)
            .map(|n| ask(&format!("RETR {n}\r\n")).1)
            .map(|mail| mail.into_iter().filter(|line| !is_of_the_way(line)).collect::<Vec<_>>().join("\n"))
            .collect()
    }
}

fn notification(review: &str, state: &str) -> Notification {
    let case_id = format!("severe_review:{review}:1767225600000");
    let case = json!({
        "case_id": case_id, "kind": "severe_review", "severity": "critical", "product_id": "B00ABC",
        "review_id": review, "state": state, "opened": 1_767_225_600_000_u64, "updated": 1_767_225_661_234_u64,
        "evidence": {
            "method": "sentiment", "before": null, "after": null, "since": null, "z": null, "surprise": null,
            "ewma": null, "cusum": null, "sentiment": 0.031, "rating": 1, "sections": ["injury"],
            "reviews": [review], "model": {}, "by": null, "fired": null, "deliveries": {}, "resolved": null,
        },
        "step": 1, "note": "Wärme\r\n.\r\nQUIT",
    });
    let event = if state == "firing" { Event::Firing } else { Event::Resolved };
    Notification {
        key: format!("{case_id}/{state}"),
        event,
        step: 1,
        case: serde_json::from_value(case).unwrap(),
    }
}

fn delivery(key: &str, notifications: Vec<Notification>) -> Delivery {
    Delivery { key: key.into(), topology: "shop".into(), receiver: "service".into(), notifications }
}

#[test]
fn mails_arrive_at_a_real_server() {
    let Some(server) = MailServer::start() else { return };
    let one = delivery("one", vec![notification("r-1\r\nBcc: eve@shop.example", "firing")]);
    server.deliver(&json!({"tls": "none"}), &one).unwrap();
    let login = |password: &str, ca: &str| json!({"tls": "implicit", "ca_file": server.file(ca), "user": "ann", "password": password});
    let both = delivery("both", vec![notification("r-1", "firing"), notification("r-2", "resolved")]);
    server.deliver(&login("right", "ca.pem"), &both).unwrap();
    // a wrong password, another authority, TLS that is not offered
    let refused = server.deliver(&login("wr0ng-pass", "ca.pem"), &both).unwrap_err();
    assert!(matches!(&refused, DeliveryError::Refused { reason } if reason.contains("535")), "{refused:?}");
    assert!(!refused.to_string().contains("wr0ng-pass"), "{refused}");
    let untrusted = server.deliver(&login("right", "other-ca.pem"), &both).unwrap_err();
    let told = |error: &DeliveryError| error.to_string().contains("`ca_file`");
    assert!(matches!(&untrusted, DeliveryError::Unavailable { .. }) && told(&untrusted), "{untrusted:?}");
    let required = json!({"tls": "required", "port": server.ports[0]});
    let bare = server.deliver(&required, &both).unwrap_err();
    assert!(matches!(&bare, DeliveryError::Unavailable { .. }), "{bare:?}");
    let mails = server.mails("ann", "right");
    insta::assert_snapshot!("mail", mails.join("\n=====\n"));
    assert_eq!(server.mails("bob", "left"), mails);
}
