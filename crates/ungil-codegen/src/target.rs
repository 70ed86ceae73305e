//! The machine that code is made for: this one.

use std::ffi::CStr;
use std::iter;
use std::sync::LazyLock;

use inkwell::OptimizationLevel;
use inkwell::llvm_sys::support::LLVMParseCommandLineOptions;
use inkwell::targets::{CodeModel, InitializationConfig, RelocMode, Target, TargetMachine, TargetTriple};

use crate::{Error, fork};

/// The host's processor, as LLVM names it (`"skylake-avx512"`).
pub fn host_cpu_name() -> &'static str {
    fork::inside(|| &HOST.cpu)
}

/// The host's features, as LLVM lists them (`"+sse2,-avx512f,…"`).
pub fn host_cpu_features() -> &'static str {
    fork::inside(|| &HOST.features)
}

/// The version of LLVM that is linked (`"19.1.7"`).
pub fn llvm_version() -> String {
    let (major, minor, patch) = inkwell::support::get_llvm_version();
    format!("{major}.{minor}.{patch}")
}

/// What each function says of the processor that it is for, as LLVM's attributes.
///
/// On x86 that is the family, the features that this processor has beyond it, and whose timings to reckon with: LLVM takes
/// three times as long over the full list, with what a named processor has and what this one lacks.
///
/// LLVM 19 uses vectors of 256 bits on Skylake-X and its successors although they have registers of 512, because the
/// first of them lowered their clock when a few wide instructions stood among ordinary code. Loops that we vectorise are
/// not few instructions: measured there on the sum of cosines, 1.1 ms for 10**6 terms, against 1.4 to 2.0 with 256 bits.
pub(crate) fn function_attributes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let host = &*HOST;
    let wide = has_masks();
    [("target-cpu", &*host.base), ("tune-cpu", &*host.cpu), ("target-features", &*host.beyond_base)]
        .into_iter()
        .chain(wide.then_some(("prefer-vector-width", "512")))
}

/// How many values of 64 bits a vector holds, where instructions for whole vectors do all that is done with such values.
///
/// There the widest vector is the best one; elsewhere (multiplying integers, or turning them into floats, without
/// AVX-512DQ) LLVM has to compare. It takes a twentieth of the time of the passes to compare the widths of a loop.
pub(crate) fn lanes_of_words() -> Option<u32> {
    HOST.has("+avx512dq").then_some(8)
}

/// Whether the machine turns vectors of `int64` into floats, as those of ARM do.
pub(crate) fn converts_words() -> bool {
    cfg!(not(target_arch = "x86_64")) || HOST.has("+avx512dq")
}

/// Whether there are 16 registers for vectors, not 32.
pub(crate) fn has_few_registers() -> bool {
    cfg!(target_arch = "x86_64") && !HOST.has("+avx512f")
}

/// Whether truth values of a vector have registers of their own, one bit a lane.
pub(crate) fn has_masks() -> bool {
    HOST.has("+avx512f")
}

/// Whether the roots of a vector of `float64` take so long that others had better be multiplied out meanwhile.
///
/// Where vectors have 512 bits that has not been measured.
pub(crate) fn has_slow_roots() -> bool {
    cfg!(target_arch = "x86_64") && HOST.has("+avx2") && HOST.has("+fma") && !HOST.has("+avx512f")
}

/// A target machine of the host's family; one for each compilation, since LLVM's are not shared between threads.
///
/// The processor itself is named by [`function_attributes`], and only there: LLVM reads the list of features once for each
/// place that names it, and that takes as long as vectorising a loop.
pub(crate) fn machine(level: OptimizationLevel) -> Result<TargetMachine, Error> {
    let host = &*HOST;
    let triple = TargetTriple::create(&host.triple);
    let target = Target::from_triple(&triple).map_err(|message| Error::llvm("find the target", message))?;
    target
        .create_target_machine(
            &triple,
            "",
            "",
            level,
            // Position-independent: the loader puts code and the functions it calls more than 2 GiB apart.
            RelocMode::PIC,
            CodeModel::Default,
        )
        .ok_or_else(|| Error::llvm("describe the target", &host.triple))
}

/// The options that LLVM offers on its command line alone; they hold for the process, whose copy of LLVM is ours.
///
/// - `force-ordered-reductions` lets a strict sum of floats be vectorised: its terms side by side, its additions one
///   after the other as written. LLVM 19 can do that for every target and does it for one only. Measured on the sum of
///   cosines without fast maths: 1.7 ms for 10**6 terms, against 7.1 ms for the scalar loop, with the same bits.
/// - `disable-machine-licm` leaves constants in memory, where instructions take them as operands. Hoisted out of a vector
///   loop they want more registers than there are, and finding that out was 40 % of the time of writing code; the code
///   is as fast, or a little faster. Loop invariants have been hoisted by then, in LLVM's IR.
/// - `disable-lsr` skips a search for cheaper ways to count in loops, a tenth of the time of writing code; without arrays
///   there is nothing to find, and the same kernels run as fast.
/// - `enable-misched=false` and `disable-machine-cse` skip the reordering of instructions, which processors do themselves,
///   and a search for repetitions among them, of which LLVM's IR has none left: an eighth of the time of writing code.
///   Measured on sums of the functions of `math`, a Mandelbrot set, Collatz sequences, an orbit and `fib`: as fast.
/// - `disable-machine-dce` and `disable-constant-hoisting` skip tidying that found nothing in any of those.
/// - `hints-allow-reordering=false` keeps the order of a sum when we name the width of a loop's vectors; LLVM would take
///   that for a licence.
const OPTIONS: [&CStr; 8] = [
    c"-force-ordered-reductions",
    c"-disable-machine-licm",
    c"-disable-lsr",
    c"-enable-misched=false",
    c"-disable-machine-cse",
    c"-disable-machine-dce",
    c"-disable-constant-hoisting",
    c"-hints-allow-reordering=false",
];

/// Those options, as text.
pub(crate) fn options() -> String {
    OPTIONS.map(CStr::to_string_lossy).join(" ")
}

fn set_options() {
    let args: Vec<_> = iter::once(c"ungil").chain(OPTIONS).map(CStr::as_ptr).collect();
    // SAFETY: C strings that live for ever, and no overview to print; runs once, before LLVM does anything else.
    unsafe { LLVMParseCommandLineOptions(args.len() as i32, args.as_ptr(), std::ptr::null()) };
}

/// What is asked of LLVM about the host, once.
struct Host {
    triple: String,
    cpu: String,
    features: String,
    /// The processor whose features every function starts from.
    base: String,
    /// The features to add to those, or to take from them.
    beyond_base: String,
}

impl Host {
    fn has(&self, feature: &str) -> bool {
        self.features.split(',').any(|present| present == feature)
    }
}

static HOST: LazyLock<Host> = LazyLock::new(|| {
    let config =
        InitializationConfig { asm_parser: false, disassembler: false, ..InitializationConfig::default() };
    Target::initialize_native(&config).expect("the features of this crate include the native target");
    set_options();
    let text = |string: &CStr| string.to_string_lossy().into_owned();
    let (cpu, features) =
        (text(&TargetMachine::get_host_cpu_name()), text(&TargetMachine::get_host_cpu_features()));
    let (base, beyond_base) = if cfg!(target_arch = "x86_64") {
        let present: Vec<&str> = features.split(',').filter(|feature| feature.starts_with('+')).collect();
        ("x86-64".to_owned(), present.join(","))
    } else {
        (cpu.clone(), features.clone())
    };
    Host { triple: text(TargetMachine::get_default_triple().as_str()), cpu, features, base, beyond_base }
});
