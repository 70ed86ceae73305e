//! The C library's mathematics under names of our own: what the interpreter's `math` calls, to the bit.
//!
//! Under its own name a function of the C library is known to LLVM, which takes `pow(x, 2.0)` for `x * x` and `pow(2.0, x)` for
//! `exp2(x)`, with other last bits; under these names a call stays a call. The addresses are those that the dynamic
//! linker gives this process, and so the interpreter's: one library, with the variants that it picked for this processor.

use std::ffi::c_double;

unsafe extern "C" {
    safe fn acos(x: c_double) -> c_double;
    safe fn acosh(x: c_double) -> c_double;
    safe fn asin(x: c_double) -> c_double;
    safe fn asinh(x: c_double) -> c_double;
    safe fn atan(x: c_double) -> c_double;
    safe fn atanh(x: c_double) -> c_double;
    safe fn cbrt(x: c_double) -> c_double;
    safe fn cos(x: c_double) -> c_double;
    safe fn cosh(x: c_double) -> c_double;
    safe fn erf(x: c_double) -> c_double;
    safe fn erfc(x: c_double) -> c_double;
    safe fn exp(x: c_double) -> c_double;
    safe fn exp2(x: c_double) -> c_double;
    safe fn expm1(x: c_double) -> c_double;
    safe fn log(x: c_double) -> c_double;
    safe fn log10(x: c_double) -> c_double;
    safe fn log1p(x: c_double) -> c_double;
    safe fn log2(x: c_double) -> c_double;
    safe fn sin(x: c_double) -> c_double;
    safe fn sinh(x: c_double) -> c_double;
    safe fn tan(x: c_double) -> c_double;
    safe fn tanh(x: c_double) -> c_double;
    safe fn atan2(x: c_double, y: c_double) -> c_double;
    safe fn fmod(x: c_double, y: c_double) -> c_double;
    safe fn pow(x: c_double, y: c_double) -> c_double;
    safe fn remainder(x: c_double, y: c_double) -> c_double;
}

/// Name and address of each function; the name is the C library's behind `ungil_rt_libm_`.
pub(crate) fn symbols() -> Vec<(&'static str, usize)> {
    vec![
        ("ungil_rt_libm_acos", acos as *const () as usize),
        ("ungil_rt_libm_acosh", acosh as *const () as usize),
        ("ungil_rt_libm_asin", asin as *const () as usize),
        ("ungil_rt_libm_asinh", asinh as *const () as usize),
        ("ungil_rt_libm_atan", atan as *const () as usize),
        ("ungil_rt_libm_atanh", atanh as *const () as usize),
        ("ungil_rt_libm_cbrt", cbrt as *const () as usize),
        ("ungil_rt_libm_cos", cos as *const () as usize),
        ("ungil_rt_libm_cosh", cosh as *const () as usize),
        ("ungil_rt_libm_erf", erf as *const () as usize),
        ("ungil_rt_libm_erfc", erfc as *const () as usize),
        ("ungil_rt_libm_exp", exp as *const () as usize),
        ("ungil_rt_libm_exp2", exp2 as *const () as usize),
        ("ungil_rt_libm_expm1", expm1 as *const () as usize),
        ("ungil_rt_libm_log", log as *const () as usize),
        ("ungil_rt_libm_log10", log10 as *const () as usize),
        ("ungil_rt_libm_log1p", log1p as *const () as usize),
        ("ungil_rt_libm_log2", log2 as *const () as usize),
        ("ungil_rt_libm_sin", sin as *const () as usize),
        ("ungil_rt_libm_sinh", sinh as *const () as usize),
        ("ungil_rt_libm_tan", tan as *const () as usize),
        ("ungil_rt_libm_tanh", tanh as *const () as usize),
        ("ungil_rt_libm_atan2", atan2 as *const () as usize),
        ("ungil_rt_libm_fmod", fmod as *const () as usize),
        ("ungil_rt_libm_pow", pow as *const () as usize),
        ("ungil_rt_libm_remainder", remainder as *const () as usize),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_of_the_function_that_it_says() {
        let at =
            |name: &str| symbols().into_iter().find(|(known, _)| *known == name).map(|(_, address)| address);
        assert_eq!(at("ungil_rt_libm_cos"), Some(cos as *const () as usize));
        assert_eq!(at("ungil_rt_libm_pow"), Some(pow as *const () as usize));
        assert_eq!((cos(0.0), pow(2.0, 10.0), fmod(7.0, 4.0), remainder(7.0, 4.0)), (1.0, 1024.0, 3.0, -1.0));
    }
}
