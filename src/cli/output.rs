//! Where a command's text goes: standard output, or a file.

use std::{
    io::{ErrorKind, Write, stdout},
    path::Path,
    process::ExitCode,
};

/// Writes a text to a file, or to standard output; says what went wrong.
pub(super) fn write(out: Option<&Path>, text: &str) -> ExitCode {
    let (name, written) = match out {
        Some(path) => (path.display().to_string(), std::fs::write(path, text)),
        None => ("standard output".to_owned(), stdout().lock().write_all(text.as_bytes())),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that has seen enough, such as `head`, is no failure.
        Err(error) if out.is_none() && error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write {name}: {error}");
            ExitCode::FAILURE
        }
    }
}
