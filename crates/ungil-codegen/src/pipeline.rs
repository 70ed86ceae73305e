//! The passes that a module goes through.
//!
//! The highest level has a pipeline of its own: LLVM's `default<O3>` without the passes that find nothing in code of
//! ours (coroutines, OpenMP, C++'s virtual calls, profiles, calls to split), with three rounds of `instcombine`
//! instead of eight, and with a second `early-cse` in the place of `gvn`, whose strength is loads that many paths share:
//! code without arrays has none. Measured on the sum of cosines it takes three fifths of the time and makes the same code.
//! With `gvn` and a fourth `instcombine` the assembly of a Mandelbrot set, Collatz sequences, orbits, divisors, products of
//! matrices, a random walk and `fib` was the same to the letter. With arrays that has to be looked at again. The order is LLVM's, and so is the reason for it; `opt -passes='default<O3>' -print-pipeline-passes` shows the original.

use crate::OptLevel;

/// The pipeline of a level, as LLVM reads it.
pub(crate) fn passes(level: OptLevel) -> String {
    match level {
        OptLevel::O0 => "default<O0>".into(),
        OptLevel::O1 => "default<O1>".into(),
        OptLevel::O2 => "default<O2>".into(),
        OptLevel::O3 => [INLINE, SIMPLIFY, VECTORISE].concat(),
    }
}

/// Prelude functions disappear into their callers before anything else looks at them.
const INLINE: &str = concat!(
    "inferattrs,always-inline,",
    "function<eager-inv>(sroa<modify-cfg>,early-cse<>,simplifycfg),",
    "require<globals-aa>,require<profile-summary>,",
);

/// Callees before callers: inline, then simplify the function that it was inlined into.
const SIMPLIFY: &str = concat!(
    "cgscc(devirt<4>(inline,function-attrs<skip-non-recursive-function-attrs>,argpromotion,",
    "function<eager-inv;no-rerun>(",
    "sroa<modify-cfg>,early-cse<memssa>,jump-threading,",
    "simplifycfg<switch-range-to-icmp;keep-loops;speculate-blocks;simplify-cond-branch>,",
    "instcombine<max-iterations=1;no-use-loop-info;no-verify-fixpoint>,tailcallelim,reassociate,",
    "loop-mssa(loop-instsimplify,loop-simplifycfg,loop-rotate<header-duplication;no-prepare-for-lto>,",
    "licm<allowspeculation>,simple-loop-unswitch<nontrivial;trivial>),",
    "simplifycfg<switch-range-to-icmp;keep-loops;speculate-blocks;simplify-cond-branch>,",
    "loop(loop-idiom,indvars,loop-deletion,loop-unroll-full),",
    "sroa<modify-cfg>,early-cse<>,sccp,bdce,correlated-propagation,adce,dse,",
    "simplifycfg<switch-range-to-icmp;keep-loops;hoist-common-insts;sink-common-insts;speculate-blocks;",
    "simplify-cond-branch>,",
    "instcombine<max-iterations=1;no-use-loop-info;no-verify-fixpoint>",
    "),function-attrs)),globaldce,",
);

/// Once every function is as small as it gets: vectors, unrolling, and cleaning up behind them.
const VECTORISE: &str = concat!(
    "function<eager-inv>(loop(loop-rotate<header-duplication;no-prepare-for-lto>),inject-tli-mappings,",
    "loop-vectorize<no-interleave-forced-only;no-vectorize-forced-only;>,",
    "simplifycfg<switch-range-to-icmp;switch-to-lookup;no-keep-loops;hoist-common-insts;sink-common-insts;",
    "speculate-blocks;simplify-cond-branch>,slp-vectorizer,vector-combine,",
    "instcombine<max-iterations=1;no-use-loop-info;no-verify-fixpoint>,",
    "loop-unroll<O3>,loop-mssa(licm<allowspeculation>),instsimplify,div-rem-pairs,",
    "simplifycfg<switch-range-to-icmp;keep-loops;speculate-blocks;simplify-cond-branch;speculate-unpredictables>),",
    "globaldce",
);

#[cfg(test)]
mod tests {
    use inkwell::context::Context;
    use inkwell::passes::PassBuilderOptions;

    use super::*;

    #[test]
    fn llvm_knows_the_passes_of_every_level() {
        for level in [OptLevel::O0, OptLevel::O1, OptLevel::O2, OptLevel::O3] {
            let context = Context::create();
            let module = context.create_module("empty");
            let machine = crate::target::machine(inkwell::OptimizationLevel::Default).expect("a machine");
            let result = module.run_passes(&passes(level), &machine, PassBuilderOptions::create());
            assert!(result.is_ok(), "{level:?}: {result:?}");
        }
    }
}
