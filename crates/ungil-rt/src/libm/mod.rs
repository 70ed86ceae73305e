//! The C library's mathematics under names of our own: what the interpreter's `math` calls, to the bit.
//!
//! Under its own name a function of the C library is known to LLVM, which takes `pow(x, 2.0)` for `x * x` and `pow(2.0, x)` for
//! `exp2(x)`, with other last bits; under these names a call stays a call. The addresses are asked of the dynamic linker,
//! and so are the interpreter's: one library, with the variants that it picked for this processor. The static linker
//! would give some of Rust's own, which have other last bits.
//!
//! Where the library is GNU's and the processor can, there are functions of many numbers at once, too ([`many`]).

#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
mod many;

use std::ffi::CStr;
use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A function of one or two `double`s.
#[derive(Clone, Copy, Debug)]
pub enum Function {
    /// `double name(double x)`.
    One(extern "C" fn(f64) -> f64),
    /// `double name(double x, double y)`.
    Two(extern "C" fn(f64, f64) -> f64),
}

/// What our names begin with.
const PREFIX: &str = "ungil_rt_libm_";

/// The functions of one argument: the C library's names behind ours.
const ONE: &[(&str, &CStr)] = &[
    ("ungil_rt_libm_acos", c"acos"),
    ("ungil_rt_libm_acosh", c"acosh"),
    ("ungil_rt_libm_asin", c"asin"),
    ("ungil_rt_libm_asinh", c"asinh"),
    ("ungil_rt_libm_atan", c"atan"),
    ("ungil_rt_libm_atanh", c"atanh"),
    ("ungil_rt_libm_cbrt", c"cbrt"),
    ("ungil_rt_libm_cos", c"cos"),
    ("ungil_rt_libm_cosh", c"cosh"),
    ("ungil_rt_libm_erf", c"erf"),
    ("ungil_rt_libm_erfc", c"erfc"),
    ("ungil_rt_libm_exp", c"exp"),
    ("ungil_rt_libm_exp2", c"exp2"),
    ("ungil_rt_libm_expm1", c"expm1"),
    ("ungil_rt_libm_log", c"log"),
    ("ungil_rt_libm_log10", c"log10"),
    ("ungil_rt_libm_log1p", c"log1p"),
    ("ungil_rt_libm_log2", c"log2"),
    ("ungil_rt_libm_sin", c"sin"),
    ("ungil_rt_libm_sinh", c"sinh"),
    ("ungil_rt_libm_tan", c"tan"),
    ("ungil_rt_libm_tanh", c"tanh"),
];

/// Those of two.
const TWO: &[(&str, &CStr)] = &[
    ("ungil_rt_libm_atan2", c"atan2"),
    ("ungil_rt_libm_fmod", c"fmod"),
    ("ungil_rt_libm_pow", c"pow"),
    ("ungil_rt_libm_remainder", c"remainder"),
];

/// Where the functions are, those of one argument first; 0 = not asked yet, or not there.
///
/// Not a `LazyLock`: a fork while one is filled would leave it locked in the child. Relaxed: an address is all there is, and whoever asks is told the
/// same.
static ADDRESSES: [AtomicUsize; ONE.len() + TWO.len()] =
    [const { AtomicUsize::new(0) }; ONE.len() + TWO.len()];

/// The function that the C library knows by that name.
pub fn function(name: &str) -> Option<Function> {
    let (index, address) = names().zip(found()).enumerate().find_map(|(index, ((known, _), address))| {
        (known.strip_prefix(PREFIX) == Some(name)).then_some((index, address))
    })?;
    let address = address? as *const ();
    Some(if index < ONE.len() {
        // SAFETY: the C library's function of that name takes a `double` and gives one, and is never unloaded.
        Function::One(unsafe { std::mem::transmute::<*const (), extern "C" fn(f64) -> f64>(address) })
    } else {
        // SAFETY: as above, of two.
        Function::Two(unsafe { std::mem::transmute::<*const (), extern "C" fn(f64, f64) -> f64>(address) })
    })
}

/// The symbol of the function that replaces many numbers, from an address on, by what the function of symbol `name` gives for them; none if
/// there is no such function, or if it does not give the same bits here.
///
/// ```
/// let many = ungil_rt::libm::many("ungil_rt_libm_cos");
/// assert!(many.is_none() || many == Some("ungil_rt_libm_cos_many"));
/// assert_eq!(ungil_rt::libm::many("ungil_rt_libm_pow"), None);
/// ```
pub fn many(name: &str) -> Option<&'static str> {
    let (_, many, _) = forms_of_many().iter().find(|(one, ..)| *one == name)?;
    are_manys_right().then_some(*many)
}

/// Name and address of each function that there is.
pub(crate) fn symbols() -> impl Iterator<Item = (&'static str, usize)> {
    let ones = names().zip(found()).filter_map(|((name, _), address)| Some((name, address?)));
    ones.chain(forms_of_many().iter().map(|(_, many, function)| (*many, *function as *const () as usize)))
}

/// The symbol of a function of one number, that of the function of many, and this: of the address and of how many they are.
type FormOfMany = (&'static str, &'static str, unsafe extern "C" fn(*mut f64, usize));

#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
fn forms_of_many() -> &'static [FormOfMany] {
    &many::FORMS
}

#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
fn are_manys_right() -> bool {
    many::are_right()
}

#[cfg(not(all(target_arch = "x86_64", target_env = "gnu")))]
fn forms_of_many() -> &'static [FormOfMany] {
    &[]
}

#[cfg(not(all(target_arch = "x86_64", target_env = "gnu")))]
fn are_manys_right() -> bool {
    false
}

/// Our names and the C library's.
fn names() -> impl Iterator<Item = (&'static str, &'static CStr)> {
    ONE.iter().chain(TWO).copied()
}

/// The addresses, in the order of the names.
fn found() -> impl Iterator<Item = Option<usize>> {
    iter::zip(&ADDRESSES, names()).map(|(kept, (_, theirs))| match kept.load(Ordering::Relaxed) {
        0 => {
            let found = address(theirs)?;
            kept.store(found, Ordering::Relaxed);
            Some(found)
        }
        known => Some(known),
    })
}

/// The function of one argument that is kept at this place, if it has been looked for and is there.
#[inline]
fn one_at(place: usize) -> Option<extern "C" fn(f64) -> f64> {
    let address = ADDRESSES[place].load(Ordering::Relaxed) as *const ();
    // SAFETY: null or a function of a `double` that gives one, which is never unloaded; null is none.
    unsafe { std::mem::transmute::<*const (), Option<extern "C" fn(f64) -> f64>>(address) }
}

/// Where the process, or else the library by its own name, has a function.
fn address(name: &CStr) -> Option<usize> {
    // SAFETY: the name is a C string; the pseudo-handle means "as the program itself would find it".
    let mut found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if found.is_null() && cfg!(target_os = "linux") {
        // SAFETY: a C string; a library of functions alone has nothing to run when it is loaded, and stays loaded.
        let library = unsafe { libc::dlopen(c"libm.so.6".as_ptr(), libc::RTLD_LAZY) };
        if !library.is_null() {
            // SAFETY: the library is loaded, and the name is a C string.
            found = unsafe { libc::dlsym(library, name.as_ptr()) };
        }
    }
    (!found.is_null()).then_some(found as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_of_the_function_that_it_says() {
        assert_eq!(symbols().count(), ONE.len() + TWO.len() + forms_of_many().len());
        let one = |name: &str, x: f64| match function(name) {
            Some(Function::One(function)) => function(x),
            other => panic!("{other:?}"),
        };
        let two = |name: &str, x: f64, y: f64| match function(name) {
            Some(Function::Two(function)) => function(x, y),
            other => panic!("{other:?}"),
        };
        assert_eq!((one("cos", 0.0), one("cbrt", 1.0), two("pow", 2.0, 10.0)), (1.0, 1.0, 1024.0));
        assert_eq!((two("fmod", 7.0, 4.0), two("remainder", 7.0, 4.0)), (3.0, -1.0));
        assert!(function("hypot").is_none());
    }
}
