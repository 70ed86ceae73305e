//! The machine that code is made for: this one.

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
/// LLVM 19 uses vectors of 256 bits on Skylake-X and its successors although they have registers of 512, because the
/// first of them lowered their clock when a few wide instructions stood among ordinary code. Loops that we vectorise are
/// not few instructions: measured there on the sum of cosines, 1.1 ms for 10**6 terms, against 1.4 to 2.0 with 256 bits.
pub(crate) fn function_attributes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let host = &*HOST;
    let wide = host.features.split(',').any(|feature| feature == "+avx512f");
    [("target-cpu", &*host.cpu), ("target-features", &*host.features)]
        .into_iter()
        .chain(wide.then_some(("prefer-vector-width", "512")))
}

/// Makes LLVM ready for the host.
pub(crate) fn initialise() {
    LazyLock::force(&HOST);
}

/// A target machine of the host; one for each compilation, since LLVM's are not shared between threads.
pub(crate) fn machine(level: OptimizationLevel) -> Result<TargetMachine, Error> {
    let host = &*HOST;
    let triple = TargetTriple::create(&host.triple);
    let target = Target::from_triple(&triple).map_err(|message| Error::llvm("find the target", message))?;
    target
        .create_target_machine(
            &triple,
            &host.cpu,
            &host.features,
            level,
            // Position-independent: the loader puts code and the functions it calls more than 2 GiB apart.
            RelocMode::PIC,
            CodeModel::Default,
        )
        .ok_or_else(|| Error::llvm("describe the target", &host.triple))
}

/// Sets the options that LLVM offers on its command line alone; they hold for the process, whose copy of LLVM is ours.
///
/// - `force-ordered-reductions` lets a strict sum of floats be vectorised: its terms side by side, its additions one
///   after the other as written. LLVM 19 can do that for every target and does it for one only. Measured on the sum of
///   cosines without fast maths: 1.7 ms for 10**6 terms, against 7.1 ms for the scalar loop, with the same bits.
/// - `disable-machine-licm` leaves constants in memory, where instructions take them as operands. Hoisted out of a vector
///   loop they want more registers than there are, and finding that out was 40 % of the time of writing code; the code
///   is as fast, or a little faster. Loop invariants have been hoisted by then, in LLVM's IR.
/// - `disable-lsr` skips a search for cheaper ways to count in loops, a tenth of the time of writing code; without arrays
///   there is nothing to find, and the same kernels run as fast.
fn set_options() {
    let args = [c"ungil", c"-force-ordered-reductions", c"-disable-machine-licm", c"-disable-lsr"]
        .map(std::ffi::CStr::as_ptr);
    // SAFETY: C strings that live for ever, and no overview to print; runs once, before LLVM does anything else.
    unsafe { LLVMParseCommandLineOptions(args.len() as i32, args.as_ptr(), std::ptr::null()) };
}

/// What is asked of LLVM about the host, once.
struct Host {
    triple: String,
    cpu: String,
    features: String,
}

static HOST: LazyLock<Host> = LazyLock::new(|| {
    let config =
        InitializationConfig { asm_parser: false, disassembler: false, ..InitializationConfig::default() };
    Target::initialize_native(&config).expect("the features of this crate include the native target");
    set_options();
    let text = |string: &std::ffi::CStr| string.to_string_lossy().into_owned();
    Host {
        triple: text(TargetMachine::get_default_triple().as_str()),
        cpu: text(&TargetMachine::get_host_cpu_name()),
        features: text(&TargetMachine::get_host_cpu_features()),
    }
});
