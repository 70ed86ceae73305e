//! The table of what generated code may call: names and addresses, which the loader defines as absolute symbols.

use crate::{answers, chunk, context, host, libm, parallel, poll, reduction, threads, tick, wide};

/// Name and address of everything that generated code refers to in this runtime.
///
/// With `ctx` the address of the [`Context`](crate::Context) that the compiled function was given, in C:
///
/// ```c
/// uint32_t ungil_rt_tick;                             // read relaxed; call the poll when it is not ctx's last tick
/// int32_t ungil_rt_poll(Context *ctx);                // 0 = go on, 1 = return 1
/// void    ungil_rt_raise(Context *ctx, uint32_t raise_id);
/// void    ungil_rt_trace(Context *ctx, uint32_t site);
/// int32_t ungil_rt_print(Context *ctx, uint32_t print_id, const uint8_t *args);
/// int64_t ungil_rt_chunk_count(int64_t len);
/// int32_t ungil_rt_parallel_for(Context *ctx, Body *body, const uint8_t *captures, int64_t len,
///                               uint8_t *partials, int64_t partial_size);
/// int64_t ungil_rt_get_num_threads(void);
/// int32_t ungil_rt_set_num_threads(int64_t n_threads); // 0 = done, 1 = refused
/// double  ungil_rt_quarter_turns(double x);           // these for |x| >= 2**23
/// double  ungil_rt_quarter_rest(double x);
/// double  ungil_rt_quarter_rest_low(double x);
/// double  ungil_rt_sin(double x);
/// double  ungil_rt_cos(double x);
/// double  ungil_rt_libm_NAME(double, …);              // the C library's NAME, see `libm`
/// void    ungil_rt_libm_NAME_many(double *numbers, size_t n);
/// double *ungil_rt_answers(void);                     // see `answers`
/// // and __divti3, __modti3, __udivti3, __umodti3, as compilers know them
/// ```
///
/// where `Body` is [`crate::Body`].
pub fn symbols() -> Vec<(&'static str, usize)> {
    let mut symbols = vec![
        ("ungil_rt_tick", (&raw const tick::TICK).expose_provenance()),
        ("ungil_rt_poll", poll::ungil_rt_poll as *const () as usize),
        ("ungil_rt_raise", context::ungil_rt_raise as *const () as usize),
        ("ungil_rt_trace", context::ungil_rt_trace as *const () as usize),
        ("ungil_rt_print", host::ungil_rt_print as *const () as usize),
        ("ungil_rt_chunk_count", chunk::ungil_rt_chunk_count as *const () as usize),
        ("ungil_rt_parallel_for", parallel::ungil_rt_parallel_for as *const () as usize),
        ("ungil_rt_get_num_threads", threads::ungil_rt_get_num_threads as *const () as usize),
        ("ungil_rt_set_num_threads", threads::ungil_rt_set_num_threads as *const () as usize),
        ("ungil_rt_answers", answers::ungil_rt_answers as *const () as usize),
        ("ungil_rt_quarter_turns", reduction::ungil_rt_quarter_turns as *const () as usize),
        ("ungil_rt_quarter_rest", reduction::ungil_rt_quarter_rest as *const () as usize),
        ("ungil_rt_quarter_rest_low", reduction::ungil_rt_quarter_rest_low as *const () as usize),
        ("ungil_rt_sin", reduction::ungil_rt_sin as *const () as usize),
        ("ungil_rt_cos", reduction::ungil_rt_cos as *const () as usize),
    ];
    symbols.extend(libm::symbols());
    symbols.extend(wide::symbols());
    symbols
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_symbol_has_a_name_and_an_address_of_its_own() {
        let symbols = symbols();
        let names: HashSet<_> = symbols.iter().map(|(name, _)| name).collect();
        let addresses: HashSet<_> = symbols.iter().map(|(_, address)| address).collect();
        assert_eq!((names.len(), addresses.len()), (symbols.len(), symbols.len()));
        assert!(names.iter().all(|name| name.starts_with("ungil_rt_") || name.ends_with("ti3")));
        assert!(!addresses.contains(&0));
    }
}
