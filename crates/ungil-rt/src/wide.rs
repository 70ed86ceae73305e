//! Division of 128 bits, which no processor has in an instruction: LLVM calls it, where it counts the turns of a loop whose
//! bounds it knows to 64 bits.

unsafe extern "C" {
    fn __divti3(a: i128, b: i128) -> i128;
    fn __modti3(a: i128, b: i128) -> i128;
    fn __udivti3(a: u128, b: u128) -> u128;
    fn __umodti3(a: u128, b: u128) -> u128;
}

/// Name and address of each.
pub(crate) fn symbols() -> [(&'static str, usize); 4] {
    [
        ("__divti3", __divti3 as *const () as usize),
        ("__modti3", __modti3 as *const () as usize),
        ("__udivti3", __udivti3 as *const () as usize),
        ("__umodti3", __umodti3 as *const () as usize),
    ]
}
