//! The cache on disk: what is found, what is not, and what becomes of files that are not what they should be.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;

use tempfile::TempDir;
use ungil_front::host::JitOptions;
use ungil_front::program::Program;
use ungil_ir::Type;
use ungil_jit::{Cache, CacheOutcome, Compiled, OptLevel, Value, generate, lower};

const SOURCE: &str = "K = 3\n\ndef g(x):\n    return x + 1\n\n\ndef f(x):\n    return g(x) * K\n";

fn compile(source: &str, level: OptLevel, cache: &Cache) -> Compiled {
    let program = Program::new("test.py", source).expect("the source is Python");
    let function = program.function("f").expect("the source defines `f`");
    let lowered =
        lower(&program, function, &[Type::INT64], &JitOptions::default()).expect("the types fit together");
    generate(lowered, level, Some(cache)).expect("it compiles, whatever the cache does")
}

fn compiled(source: &str, cache: &Cache) -> Compiled {
    compile(source, OptLevel::O3, cache)
}

fn call(compiled: &Compiled, x: i128) -> Value {
    compiled.call(&[Value::Int(x)]).expect("returns")
}

fn is_found(compiled: &Compiled) -> bool {
    matches!(compiled.cache_outcome(), Some(CacheOutcome::Found(_)))
}

fn new() -> (TempDir, Cache) {
    let folder = TempDir::new().expect("a folder for temporary files");
    let cache = Cache::new(folder.path().join("made/when/needed"));
    (folder, cache)
}

fn files(cache: &Cache) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache.folder()).expect("the folder is there");
    entries.map(|entry| entry.expect("it can be read").path()).collect()
}

#[test]
fn what_was_compiled_is_found_and_not_compiled_again() {
    let (_folder, cache) = new();
    let first = compiled(SOURCE, &cache);
    assert!(matches!(first.cache_outcome(), Some(CacheOutcome::Stored(_))), "{:?}", first.cache_outcome());
    let second = compiled(SOURCE, &cache);
    assert!(is_found(&second));
    let (_, timings) = second.timings();
    assert!(timings.optimise.is_zero() && timings.emit.is_zero(), "{timings:?}");
    assert_eq!(call(&first, 4), Value::Int(15));
    assert_eq!(call(&second, 4), Value::Int(15));
    assert_eq!(files(&cache).len(), 1);
}

#[test]
fn what_is_found_says_as_before_whether_it_may_run_long() {
    let (_folder, cache) = new();
    for (n_turns, is_long) in [("x", true), ("3", false)] {
        let source =
            format!("def f(x):\n    for i in range({n_turns}):\n        x = x * x + i\n    return x\n");
        for is_cached in [false, true] {
            let compiled = compiled(&source, &cache);
            assert_eq!((is_found(&compiled), compiled.is_long()), (is_cached, is_long), "{source}");
        }
    }
}

#[test]
fn whatever_changes_the_code_is_another_function() {
    let (_folder, cache) = new();
    compiled(SOURCE, &cache);
    for (change, to, result) in [("K = 3", "K = 4", 20), ("x + 1", "x + 2", 18), ("g(x) * K", "g(x) - K", 2)]
    {
        let changed = compiled(&SOURCE.replace(change, to), &cache);
        assert!(!is_found(&changed), "{to}");
        assert_eq!(call(&changed, 4), Value::Int(result));
    }
    assert!(!is_found(&compile(SOURCE, OptLevel::O1, &cache)));
    let renamed = SOURCE.replace("def f", "\n\n# elsewhere\ndef f");
    assert!(is_found(&compiled(&renamed, &cache)), "a comment changes nothing");
}

#[test]
fn a_file_that_is_not_what_was_written_is_replaced() {
    let (_folder, cache) = new();
    compiled(SOURCE, &cache);
    let [path] = &files(&cache)[..] else { panic!("one file") };
    let whole = fs::read(path).expect("it can be read");
    let mut flipped = whole.clone();
    *flipped.last_mut().expect("it is not empty") ^= 1;
    let cut = &whole[..whole.len() / 2];
    let foreign = [&whole[..8], &[0; 32], b"no object"].concat();
    for bytes in [&b""[..], b"ungil", cut, &flipped, &foreign] {
        fs::write(path, bytes).expect("it can be written");
        let again = compiled(SOURCE, &cache);
        assert!(!is_found(&again));
        assert_eq!(call(&again, 4), Value::Int(15));
        assert_eq!(fs::read(path).expect("it is there"), whole);
    }
    assert!(is_found(&compiled(SOURCE, &cache)));
}

#[test]
fn the_file_of_another_function_is_not_taken() {
    let (_folder, cache) = new();
    compiled(SOURCE, &cache);
    let [path] = &files(&cache)[..] else { panic!("one file") };
    let path = path.clone();
    let other_source = SOURCE.replace("K = 3", "K = 5");
    compiled(&other_source, &cache);
    let other = files(&cache).into_iter().find(|file| *file != path).expect("another file");
    fs::copy(&path, &other).expect("it can be copied");
    let again = compiled(&other_source, &cache);
    assert!(!is_found(&again));
    assert_eq!(call(&again, 4), Value::Int(25));
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_replaced_or_left() {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;

    let (_folder, cache) = new();
    compiled(SOURCE, &cache);
    let [path] = &files(&cache)[..] else { panic!("one file") };
    fs::remove_file(path).expect("it can be removed");
    let name = CString::new(path.as_os_str().as_bytes()).expect("no NUL in a path");
    // SAFETY: the name is a C string.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    assert!(matches!(compiled(SOURCE, &cache).cache_outcome(), Some(CacheOutcome::Stored(_))));
    assert!(is_found(&compiled(SOURCE, &cache)));

    fs::remove_file(path).expect("it can be removed");
    fs::create_dir_all(path.join("not empty")).expect("a folder can be made");
    let left = compiled(SOURCE, &cache);
    assert!(matches!(left.cache_outcome(), Some(CacheOutcome::NotStored(..))), "{:?}", left.cache_outcome());
    assert_eq!(call(&left, 4), Value::Int(15));
}

#[test]
fn a_folder_that_cannot_be_made_costs_nothing_else() {
    let folder = TempDir::new().expect("a folder for temporary files");
    let file = folder.path().join("file");
    File::create(&file).expect("a file can be made");
    let cache = Cache::new(file.join("cache"));
    let compiled = compiled(SOURCE, &cache);
    let Some(CacheOutcome::NotStored(path, _)) = compiled.cache_outcome() else {
        panic!("{:?}", compiled.cache_outcome())
    };
    assert!(path.starts_with(Path::new(&file)));
    assert_eq!(call(&compiled, 4), Value::Int(15));
}

#[test]
fn many_threads_agree() {
    let (_folder, cache) = new();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(call(&compiled(SOURCE, &cache), 4), Value::Int(15)));
        }
    });
    assert_eq!(files(&cache).len(), 1, "no temporary file is left");
    assert!(is_found(&compiled(SOURCE, &cache)));
}
