//! Which variables remain.

use crate::support::text;

/// The lines of `f` that set or read a variable, or carry it.
fn variables(source: &str) -> Vec<String> {
    text(source).lines().filter(|line| line.contains('$')).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn a_name_private_to_a_turn_has_no_variable() {
    let source =
        "def f(n):\n    t = 1.5\n    print(t)\n    for i in range(n):\n        t = i\n        print(t)\n";
    assert_eq!(variables(source), [""; 0]);
}

#[test]
fn a_name_that_every_way_leaves_alone_has_no_variable() {
    let source = "def f(n, c):\n    t = 1.5\n    while n > 0:\n        if c:\n            t = t\n        for i in range(n):\n            t = t\n    return t\n";
    assert_eq!(variables(source), [""; 0]);
}

#[test]
fn a_flag_that_is_always_true_is_dropped() {
    let source = "def f(c):\n    while True:\n        if c:\n            x = 1\n            break\n        x = 2\n        break\n    return x\n";
    let lines = variables(source);
    assert!(lines.iter().all(|line| !line.contains("has_")), "{lines:#?}");
    assert!(!text(source).contains("check"));
}

#[test]
fn what_a_loop_really_carries_stays_in_step() {
    let source =
        "def f(n):\n    s = 0\n    for i in range(n):\n        t = i\n        s += t\n    return s\n";
    let lines = variables(source);
    assert_eq!(lines.len(), 5, "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("carrying $0 s")));
}
