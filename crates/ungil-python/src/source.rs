//! Source text of the user's functions, from wherever Python would show it in a traceback.
//!
//! Files are read and decoded as Python decodes them (PEP 263); what is no file (a notebook's cell, a doctest, a
//! module in an archive) comes from the standard library's `linecache`. Each file is kept, once, for as long as it does
//! not change, so that diagnostics of several functions share it.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use ungil_ir::SourceFile;

/// The file of that name; `globals` are those of a function in it, whose `__loader__` may know it.
///
/// The error says in a sentence why there is none.
pub(crate) fn file(
    py: Python<'_>,
    name: &str,
    globals: &Bound<'_, PyAny>,
) -> PyResult<Result<Arc<SourceFile>, String>> {
    if let Ok(stamp) = stamp(name) {
        let known = with_files(|files| {
            files.get(name).filter(|(known, _)| *known == stamp).map(|(_, file)| Arc::clone(file))
        });
        if let Some(file) = known {
            return Ok(Ok(file));
        }
        if let Ok(bytes) = fs::read(name) {
            let file = Arc::new(SourceFile::new(name, decode(py, &bytes)?));
            with_files(|files| files.insert(name.into(), (stamp, Arc::clone(&file))));
            return Ok(Ok(file));
        }
    }
    let text = lines(py, name, globals)?;
    if text.is_empty() {
        return Ok(Err(format!(
            "the source of `{name}` cannot be found; put the function into a file (or a notebook's cell), for it is \
             compiled from its source"
        )));
    }
    Ok(Ok(Arc::new(SourceFile::new(name, text))))
}

/// What changes when a file does.
type Stamp = (Option<SystemTime>, u64);

fn stamp(name: &str) -> std::io::Result<Stamp> {
    let metadata = fs::metadata(name)?;
    Ok((metadata.modified().ok(), metadata.len()))
}

type Files = HashMap<String, (Stamp, Arc<SourceFile>)>;

fn with_files<R>(work: impl FnOnce(&mut Files) -> R) -> R {
    static FILES: LazyLock<Mutex<Files>> = LazyLock::new(Mutex::default);
    // The map is whole after a panic: each use of it is one operation.
    work(&mut FILES.lock().unwrap_or_else(PoisonError::into_inner))
}

fn decode(py: Python<'_>, bytes: &[u8]) -> PyResult<String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let encoding = declared_encoding(bytes).unwrap_or_else(|| "utf-8".into());
    if matches!(&*encoding.to_ascii_lowercase().replace('_', "-"), "utf-8" | "utf8" | "ascii")
        && let Ok(text) = str::from_utf8(bytes)
    {
        return Ok(text.to_owned());
    }
    PyBytes::new(py, bytes).call_method1("decode", (encoding,))?.extract()
}

/// The encoding that a comment in one of the first two lines declares.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    for line in bytes.split(|byte| *byte == b'\n').take(2) {
        let line = line.trim_ascii_start();
        let comment = line.strip_prefix(b"#");
        if comment.is_none() && !line.is_empty() {
            return None;
        }
        let comment = String::from_utf8_lossy(comment.unwrap_or_default()).into_owned();
        if let Some((_, rest)) = comment.split_once("coding")
            && let Some(rest) = rest.strip_prefix([':', '='])
        {
            let name = rest.trim_start();
            let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
            return Some(name[..end.unwrap_or(name.len())].to_owned()).filter(|name| !name.is_empty());
        }
    }
    None
}

fn lines(py: Python<'_>, name: &str, globals: &Bound<'_, PyAny>) -> PyResult<String> {
    let globals = globals.cast::<PyDict>().ok();
    let lines = py.import("linecache")?.call_method1("getlines", (name, globals))?;
    let empty = PyString::new(py, "");
    empty.call_method1("join", (lines,))?.extract()
}
