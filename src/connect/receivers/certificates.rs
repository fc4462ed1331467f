//! Certificates for the tests of receivers, made by the command line of OpenSSL.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// Two authorities, and a certificate for `localhost` and 127.0.0.1 that the first one has signed.
pub(super) struct Certificates(TempDir);

impl Certificates {
    /// Makes them; nothing where there is no `openssl`, which is said aloud and fails with `CI=true`.
    pub(super) fn make() -> Option<Self> {
        let there = Command::new("openssl").arg("version").stdout(Stdio::null()).status();
        if !there.is_ok_and(|status| status.success()) {
            assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "there is no openssl");
            eprintln!("skipped: there is no openssl");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let run = |line: &str| {
            let output =
                Command::new("openssl").args(line.split(' ')).current_dir(folder.path()).output().unwrap();
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        };
        let new = "-newkey rsa:2048 -nodes";
        for ca in ["ca", "other-ca"] {
            let extension = "-addext basicConstraints=critical,CA:TRUE";
            run(&format!(
                "req -x509 {new} -days 3650 -subj /CN={ca} {extension} -keyout {ca}.key -out {ca}.pem"
            ));
        }
        fs::write(folder.path().join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1").unwrap();
        run(&format!("req {new} -subj /CN=localhost -keyout server.key -out server.csr"));
        run(
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile names -out server.pem",
        );
        Some(Self(folder))
    }

    /// A file of them: `ca.pem`, `other-ca.pem`, `server.pem`, `server.key`.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        let path: &Path = self.0.path();
        path.join(name)
    }
}
