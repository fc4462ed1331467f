//! A disk that is full, for real: a file system in memory of a few hundred KiB, in a namespace of the test's own.

use std::process::{Command, Stdio};

use super::{
    restart::{finished, outputs},
    sandbox::Sandbox,
};

/// A first run on a disk of $1 KiB, and its exit code; then room, a second run, and its exit code; then what they wrote.
const STORY: &str = r#"
mount -t tmpfs -o size="$1"k none full
"$2" run t.yaml --workers 2; echo "first $?"
mount -o remount,size=64m full
"$2" state verify t.yaml >/dev/null; echo "verified $?"
"$2" run t.yaml --workers 3; echo "second $?"
cp -r full/. after/
"#;

/// How a namespace is made here: any user may where user namespaces are allowed, root anyhow.
fn namespace() -> &'static [&'static str] {
    let ways: [&[&str]; 2] = [&["--user", "--map-root-user", "--mount"], &["--mount"]];
    let works = |way: &&&[&str]| Command::new("unshare").args(**way).arg("true").status().unwrap().success();
    ways.iter().find(works).expect("no namespace of one's own can be made here")
}

#[test]
fn a_full_disk_ends_a_run_cleanly_and_the_next_one_goes_on() {
    let sandbox = Sandbox::generated(3_000);
    finished(&sandbox.run(&["checkpoint=1ms"]));
    let expected = outputs(&sandbox);
    let written: usize = expected.values().map(Vec::len).sum();

    let topology = sandbox.text("t.yaml").replace("out/", "full/out/");
    sandbox.write("t.yaml", format!("{topology}state: file:full/state/shop\ncheckpoint: 1ms\n"));
    std::fs::create_dir(sandbox.path("full")).unwrap();
    // full while the state is made, in the middle of the outputs, and near the end
    for (n, kib) in [16, written / 1024 / 3, written / 1024].into_iter().enumerate() {
        let after = sandbox.path("after");
        std::fs::create_dir(&after).unwrap();
        let told = Command::new("unshare")
            .args(namespace())
            .args(["sh", "-c", STORY, "sh"])
            .args([&kib.to_string(), env!("CARGO_BIN_EXE_dirigent")])
            .current_dir(sandbox.path(""))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
        assert!(told.status.success(), "no file system in a namespace of one's own: {err}");
        assert!(out.contains("first 1\n") && err.contains("No space left"), "{kib} KiB: {out}{err}");
        assert!(err.contains("full/") && !err.contains("panicked"), "{err}");
        // where there was no room for the beginning of a log there is nothing to verify
        assert!(n == 0 || out.contains("verified 0\n"), "{kib} KiB: {out}{err}");
        assert!(out.contains("second 0\n"), "{kib} KiB: {out}{err}");
        for (name, content) in &expected {
            let found = sandbox.read(&format!("after/{name}"));
            assert!(found == *content, "{kib} KiB: {name} differs");
        }
        std::fs::remove_dir_all(&after).unwrap();
    }
}
