//! Many sines or cosines at once, with the bits of the GNU C library's.
//!
//! Its authors bound the error of its `sin` and `cos` by 0.55 ULP (version 2.28, `sysdeps/ieee754/dbl-64/s_sin.c`); none greater than 0.52 is
//! known (Gladman, Innocente, Mather, Zimmermann: *Accuracy of Mathematical Functions in Single, Double, Double Extended, and Quadruple
//! Precision*). So where the exact result is within 0.449 ULP of a `float64`, the library's answer is that one, for every other is more than 0.55 away. Here
//! the result is computed to 0.0131 ULP, as a sum of two numbers, of which the lower is compared with 0.436 ULP: seven of eight pass. For the
//! others the library is asked, and for arguments beyond 2\*\*20, for sines of less than 2\*\*-20, and where the nearest number is a power of two, below
//! which ULPs are smaller.
//!
//! # The computation
//!
//! With `x = n * pi/2 + r`, `|r| <= pi/4`, and `u = r * r`, the result is `r * (1 + u * (-1/6 + u * q))` or `1 + u * (-1/2 + u * q)`, where `q` is the
//! rest of the Taylor series, up to `r**19` and `r**18`; what is left out is below 2\*\*-67. All numbers but `q` are sums of two (Dekker: *A
//! Floating-Point Technique for Extending the Available Precision*, 1971). The rounding of `q`, with that of
//! the step before and with what the lower part of `u` would add to it, is the error: some 2\*\*-58, times `u * u`.
//!
//! `n * pi/2` is subtracted in two parts. The first difference is exact: it is below 1, and both its sides are multiples of 2\*\*-53 unless `n` is 0.

use std::arch::asm;
use std::arch::x86_64::{
    __m256d, __m256i, _CMP_EQ_OQ, _CMP_GE_OQ, _CMP_LE_OQ, _mm256_add_epi64, _mm256_add_pd, _mm256_and_pd,
    _mm256_and_si256, _mm256_andnot_pd, _mm256_blendv_pd, _mm256_castpd_si256, _mm256_castsi256_pd,
    _mm256_cmp_pd, _mm256_cmpeq_epi64, _mm256_fmadd_pd, _mm256_fmsub_pd, _mm256_fnmadd_pd, _mm256_loadu_pd,
    _mm256_movemask_pd, _mm256_mul_pd, _mm256_or_si256, _mm256_set1_epi64x, _mm256_set1_pd,
    _mm256_setzero_pd, _mm256_setzero_si256, _mm256_slli_epi64, _mm256_storeu_pd, _mm256_sub_pd,
    _mm256_testc_si256, _mm256_testz_si256, _mm256_xor_pd,
};
use std::ffi::CStr;
use std::slice;
use std::sync::atomic::{AtomicU8, Ordering};

use super::{FormOfMany, Function, ONE, PREFIX, function, one_at};

/// How many numbers are computed before the library is asked for those that it may see otherwise. Whether to ask is known at the end of a
/// long chain of operations; asked at once, a processor that guessed wrong would wait for that, and do nothing else meanwhile.
const BLOCK: usize = 64;
/// How many numbers a vector has.
const LANES: usize = 4;
const N_VECTORS: usize = BLOCK / LANES;

/// Where the library's functions are kept.
const COS: usize = place(c"cos");
const SIN: usize = place(c"sin");

/// Where that function of the library is in the list.
const fn place(name: &CStr) -> usize {
    let mut place = 0;
    while !are_same(ONE[place].1.to_bytes(), name.to_bytes()) {
        place += 1;
    }
    place
}

const fn are_same(a: &[u8], b: &[u8]) -> bool {
    let mut n_same = 0;
    while n_same < a.len() && n_same < b.len() && a[n_same] == b[n_same] {
        n_same += 1;
    }
    n_same == a.len() && n_same == b.len()
}

/// A block that is filled up to be computed costs as much as so many calls of the library.
const WORTH_FILLING: usize = BLOCK / 2;
const FILLING: f64 = 0.75;

/// Below the one for the first term of the result, and beyond the other for the number, the library is asked.
const LEAST: f64 = 1.0 / (1_u64 << 20) as f64;
const GREATEST: f64 = (1_u64 << 20) as f64;
/// Half an ULP over how far from a number the exact result may be.
const WIDEN: f64 = 0.5 / 0.436;

/// `pi/2` in two parts, the second of which is the nearest number to what the first leaves.
const PARTS: [f64; 2] = [std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17];
/// Added to a number, it leaves the nearest integer in the lowest bits.
const SHIFT: f64 = 1.5 * (1_u64 << 52) as f64;

/// Of sines and of cosines: -1/6 and -1/2, and what these numbers leave of them.
const SECOND: [[f64; 2]; 2] = [[-1.0 / 6.0, -0.5], [-9.251_858_538_542_97e-18, 0.0]];
/// What the nearest numbers to 1/120 and 1/24 leave of them.
const THIRD_LOW: [f64; 2] = [1.156_482_317_317_871_4e-19, 2.312_964_634_635_742_7e-18];
/// The coefficients of `q`, those of the highest power first.
const SERIES: [[f64; 2]; 8] = [
    [-1.0 / 121_645_100_408_832_000.0, -1.0 / 6_402_373_705_728_000.0],
    [1.0 / 355_687_428_096_000.0, 1.0 / 20_922_789_888_000.0],
    [-1.0 / 1_307_674_368_000.0, -1.0 / 87_178_291_200.0],
    [1.0 / 6_227_020_800.0, 1.0 / 479_001_600.0],
    [-1.0 / 39_916_800.0, -1.0 / 3_628_800.0],
    [1.0 / 362_880.0, 1.0 / 40_320.0],
    [-1.0 / 5_040.0, -1.0 / 720.0],
    [1.0 / 120.0, 1.0 / 24.0],
];

/// The functions that there are.
pub(super) const FORMS: [FormOfMany; 2] = [
    ("ungil_rt_libm_cos", "ungil_rt_libm_cos_many", ungil_rt_libm_cos_many),
    ("ungil_rt_libm_sin", "ungil_rt_libm_sin_many", ungil_rt_libm_sin_many),
];

/// Whether the functions may be called here, and give the library's bits.
///
/// That they do is known of this library from version 2.28 on. Whether the process has another one instead, or before it, shows on a few
/// arguments: of another's last bits one of ten differs, or more.
pub(super) fn are_right() -> bool {
    const UNKNOWN: u8 = 0;
    const NO: u8 = 1;
    const YES: u8 = 2;
    // Not a `OnceLock`: a fork while one is filled would leave it locked in the child. Relaxed: the answer is all there is.
    static KNOWN: AtomicU8 = AtomicU8::new(UNKNOWN);
    match KNOWN.load(Ordering::Relaxed) {
        UNKNOWN => {
            let can = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let are_right =
                can && version().is_some_and(|version| version >= (2, 28)) && FORMS.iter().all(agrees);
            KNOWN.store(if are_right { YES } else { NO }, Ordering::Relaxed);
            are_right
        }
        known => known == YES,
    }
}

/// The version of the C library.
fn version() -> Option<(u32, u32)> {
    // SAFETY: the call has no requirement.
    let version = unsafe { libc::gnu_get_libc_version() };
    // SAFETY: a C string that lives for ever.
    let version = unsafe { CStr::from_ptr(version) };
    let (major, minor) = version.to_str().ok()?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

/// Whether a function, which the processor can run, gives the bits of the one of one number for 1,024 arguments up to 16.
fn agrees((one, _, many): &FormOfMany) -> bool {
    let Some(Function::One(one)) = one.strip_prefix(PREFIX).and_then(function) else { return false };
    let asked: [f64; 1024] = std::array::from_fn(|at| {
        // The golden ratio's multiples are spread evenly.
        let number = (at as f64 * 0.618_033_988_749_894_9).fract();
        if at.is_multiple_of(2) { number } else { 16.0 * number }
    });
    let mut given = asked;
    // SAFETY: the processor can; the numbers are ours.
    unsafe { many(given.as_mut_ptr(), given.len()) };
    asked.iter().zip(given).all(|(asked, given)| one(*asked).to_bits() == given.to_bits())
}

/// Replaces numbers by their cosines.
///
/// # Safety
///
/// The processor has AVX2 and FMA; at `numbers` are so many, which are for nobody else meanwhile.
unsafe extern "C" fn ungil_rt_libm_cos_many(numbers: *mut f64, n: usize) {
    // SAFETY: as the caller promises.
    let numbers = unsafe { slice::from_raw_parts_mut(numbers, n) };
    // SAFETY: as the caller promises of the processor.
    unsafe { replace::<1>(numbers, COS) }
}

/// Replaces numbers by their sines.
///
/// # Safety
///
/// As [`ungil_rt_libm_cos_many`].
unsafe extern "C" fn ungil_rt_libm_sin_many(numbers: *mut f64, n: usize) {
    // SAFETY: as the caller promises.
    let numbers = unsafe { slice::from_raw_parts_mut(numbers, n) };
    // SAFETY: as the caller promises of the processor.
    unsafe { replace::<0>(numbers, SIN) }
}

/// The sine of each number and `TURNS` quarters of a turn, which is what the library's function at that place gives.
#[target_feature(enable = "avx2,fma")]
fn replace<const TURNS: i64>(numbers: &mut [f64], place: usize) {
    let ask = one_at(place).expect("functions of many are called where they agree with those of one");
    let mut stages = Stages::new();
    let n_near = if rounds_to_nearest() { numbers.len() } else { 0 };
    let (near, others) = numbers.split_at_mut(n_near);
    let mut blocks = near.chunks_exact_mut(BLOCK);
    for block in &mut blocks {
        let block = block.as_mut_array().expect("chunks of that length");
        let asked = *block;
        let mut unknown = replace_block::<TURNS>(block, &mut stages);
        while unknown != 0 {
            let lane = unknown.trailing_zeros() as usize;
            block[lane] = ask(asked[lane]);
            unknown &= unknown - 1;
        }
    }
    let rest = blocks.into_remainder();
    if rest.len() >= WORTH_FILLING {
        // Of numbers that are common, and known.
        let mut block = [FILLING; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        let unknown = replace_block::<TURNS>(&mut block, &mut stages);
        for (lane, number) in rest.iter_mut().enumerate() {
            *number = if unknown >> lane & 1 == 0 { block[lane] } else { ask(*number) };
        }
    } else {
        for number in rest {
            *number = ask(*number);
        }
    }
    for number in others {
        *number = ask(*number);
    }
}

/// Whether this thread rounds to the nearest number, as everybody does who has not asked for something else: the library does for itself, and what
/// follows depends on it.
fn rounds_to_nearest() -> bool {
    const ROUNDING: u32 = 3 << 13;
    let mut control = 0_u32;
    // SAFETY: stores four bytes at an address that is ours, and every processor of this family can.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut control, options(nostack, preserves_flags)) };
    control & ROUNDING == 0
}

/// What the stages hand on, for each vector: how many quarters of a turn have been taken off and what they leave, its square `u`, and `u * q`.
struct Stages {
    quarters: [__m256i; N_VECTORS],
    rests: [Two; N_VECTORS],
    squares: [Two; N_VECTORS],
    thirds: [Two; N_VECTORS],
}

impl Stages {
    #[target_feature(enable = "avx2,fma")]
    fn new() -> Self {
        let none = [Two { high: _mm256_setzero_pd(), low: _mm256_setzero_pd() }; N_VECTORS];
        Self { quarters: [_mm256_setzero_si256(); N_VECTORS], rests: none, squares: none, thirds: none }
    }
}

/// Replaces numbers by those nearest to the results; a bit is set for each that the library may see otherwise.
///
/// A vector's operations are one long chain, of which a processor sees too little ahead to begin with the next vector's. So each stage of it is done for
/// all vectors before the next.
#[target_feature(enable = "avx2,fma")]
fn replace_block<const TURNS: i64>(block: &mut [f64; BLOCK], stages: &mut Stages) -> u64 {
    let (mut any, mut all_of) = (_mm256_setzero_si256(), _mm256_set1_epi64x(-1));
    for at in 0..N_VECTORS {
        let x = load(block, at);
        let shifted = _mm256_fmadd_pd(x, all(std::f64::consts::FRAC_2_PI), all(SHIFT));
        let quarter = _mm256_add_epi64(_mm256_castpd_si256(shifted), _mm256_set1_epi64x(TURNS));
        (any, all_of) = (_mm256_or_si256(any, quarter), _mm256_and_si256(all_of, quarter));
        stages.quarters[at] = quarter;
        stages.rests[at] = rest(x, _mm256_sub_pd(shifted, all(SHIFT)));
    }
    let lowest = _mm256_set1_epi64x(1);
    if _mm256_testz_si256(any, lowest) == 1 {
        finish::<SINES>(block, stages)
    } else if _mm256_testc_si256(all_of, lowest) == 1 {
        finish::<COSINES>(block, stages)
    } else {
        finish::<BOTH>(block, stages)
    }
}

/// The series that the quarters of a block ask for.
type Kind = u8;
const SINES: Kind = 0;
const COSINES: Kind = 1;
const BOTH: Kind = 2;

#[target_feature(enable = "avx2,fma")]
fn finish<const KIND: Kind>(block: &mut [f64; BLOCK], stages: &mut Stages) -> u64 {
    let Stages { quarters, rests, squares, thirds } = stages;
    for at in 0..N_VECTORS {
        (squares[at], thirds[at]) = series::<KIND>(quarters[at], rests[at]);
    }
    let mut unknown = 0;
    for at in 0..N_VECTORS {
        let (result, first) = result::<KIND>(quarters[at], rests[at], squares[at], thirds[at]);
        unknown |= u64::from(unknown_of(load(block, at), first, result)) << (LANES * at);
        let sign = _mm256_and_pd(_mm256_castsi256_pd(_mm256_slli_epi64::<62>(quarters[at])), all(-0.0));
        let signed = _mm256_xor_pd(result.high, sign);
        let numbers = &mut block[LANES * at..][..LANES];
        // SAFETY: four numbers.
        unsafe { _mm256_storeu_pd(numbers.as_mut_ptr(), signed) };
    }
    unknown
}

/// Of sines and of cosines, what the quarters ask for by their lowest bits.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn chosen<const KIND: Kind>(quarter: __m256i, sine: __m256d, cosine: __m256d) -> __m256d {
    match KIND {
        SINES => sine,
        COSINES => cosine,
        // By a sign bit.
        _ => _mm256_blendv_pd(sine, cosine, _mm256_castsi256_pd(_mm256_slli_epi64::<63>(quarter))),
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn either<const KIND: Kind>(quarter: __m256i, [sine, cosine]: [f64; 2]) -> __m256d {
    chosen::<KIND>(quarter, all(sine), all(cosine))
}

/// The square `u` of what is left, and `u * q`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn series<const KIND: Kind>(quarter: __m256i, r: Two) -> (Two, Two) {
    let u = r.squared();
    let mut q = either::<KIND>(quarter, SERIES[0]);
    for term in &SERIES[1..] {
        q = _mm256_fmadd_pd(q, u.high, either::<KIND>(quarter, *term));
    }
    let third = u.by(q);
    let low = _mm256_fmadd_pd(u.high, either::<KIND>(quarter, THIRD_LOW), third.low);
    (u, Two { low, ..third })
}

/// The result but for its sign, and the first of its terms.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn result<const KIND: Kind>(quarter: __m256i, r: Two, u: Two, third: Two) -> (Two, __m256d) {
    let (second, low) = (either::<KIND>(quarter, SECOND[0]), either::<KIND>(quarter, SECOND[1]));
    let mut correction = u.times(Two::sum(second, third.high).and(_mm256_add_pd(third.low, low)));
    let high = chosen::<KIND>(quarter, r.high, all(1.0));
    let low = chosen::<KIND>(quarter, r.low, _mm256_setzero_pd());
    if KIND != COSINES {
        correction = Two { high, low }.times(correction);
    }
    let result = Two::sum(high, correction.high).and(_mm256_add_pd(low, correction.low));
    (Two::sum(result.high, result.low), high)
}

/// A bit for each number for which the library may see another result than the nearest number.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn unknown_of(x: __m256d, first: __m256d, result: Two) -> u32 {
    let is_common = _mm256_and_pd(
        _mm256_cmp_pd::<_CMP_GE_OQ>(_mm256_andnot_pd(all(-0.0), first), all(LEAST)),
        _mm256_cmp_pd::<_CMP_LE_OQ>(_mm256_andnot_pd(all(-0.0), x), all(GREATEST)),
    );
    let widened = _mm256_fmadd_pd(result.low, all(WIDEN), result.high);
    let is_near = _mm256_cmp_pd::<_CMP_EQ_OQ>(widened, result.high);
    let mantissa = _mm256_slli_epi64::<12>(_mm256_castpd_si256(result.high));
    let is_power = _mm256_castsi256_pd(_mm256_cmpeq_epi64(mantissa, _mm256_setzero_si256()));
    let is_known = _mm256_movemask_pd(_mm256_andnot_pd(is_power, _mm256_and_pd(is_common, is_near)));
    !is_known as u32 & ((1 << LANES) - 1)
}

/// What `n` times `pi/2` leaves of `x`.
///
/// What is left out is below 2\*\*-89, and what the second part takes away is below 2\*\*-33. So if 2\*\*-20 is left, or more, the first two differences
/// are exact.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn rest(x: __m256d, n: __m256d) -> Two {
    let first = _mm256_fnmadd_pd(n, all(PARTS[0]), x);
    let high = _mm256_fnmadd_pd(n, all(PARTS[1]), first);
    Two { high, low: _mm256_fnmadd_pd(n, all(PARTS[1]), _mm256_sub_pd(first, high)) }
}

/// Sums of two numbers each, of which the lower is so small that it is as good as the rounding error of the sum.
#[derive(Clone, Copy)]
struct Two {
    high: __m256d,
    low: __m256d,
}

impl Two {
    /// The exact sum of two numbers, of which the first is the larger, or zero.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn sum(larger: __m256d, smaller: __m256d) -> Self {
        let high = _mm256_add_pd(larger, smaller);
        Self { high, low: _mm256_sub_pd(smaller, _mm256_sub_pd(high, larger)) }
    }

    /// With a small number added to the lower.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn and(self, small: __m256d) -> Self {
        Self { low: _mm256_add_pd(self.low, small), ..self }
    }

    /// The product with a number.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn by(self, number: __m256d) -> Self {
        let high = _mm256_mul_pd(self.high, number);
        Self { high, low: _mm256_fmadd_pd(self.low, number, _mm256_fmsub_pd(self.high, number, high)) }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn times(self, other: Self) -> Self {
        let product = self.by(other.high);
        Self { low: _mm256_fmadd_pd(self.high, other.low, product.low), ..product }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn squared(self) -> Self {
        let high = _mm256_mul_pd(self.high, self.high);
        let low = _mm256_fmsub_pd(self.high, self.high, high);
        let doubled = _mm256_add_pd(self.low, self.low);
        Self { high, low: _mm256_fmadd_pd(self.high, doubled, low) }
    }
}

/// The vector at that place of a block.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn load(block: &[f64; BLOCK], at: usize) -> __m256d {
    let numbers = &block[LANES * at..][..LANES];
    // SAFETY: four numbers.
    unsafe { _mm256_loadu_pd(numbers.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn all(value: f64) -> __m256d {
    _mm256_set1_pd(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many results are compared, or none on a machine that cannot run them.
    fn compared(args: impl Iterator<Item = f64>) -> Option<u32> {
        if !are_right() {
            return None;
        }
        let args: Vec<f64> = args.collect();
        let mut n_compared = 0;
        for (one, _, many) in &FORMS {
            let Some(Function::One(one)) = one.strip_prefix(PREFIX).and_then(function) else {
                panic!("{one} is there")
            };
            let mut given = args.clone();
            // SAFETY: the functions are right, so the processor can; the numbers are ours.
            unsafe { many(given.as_mut_ptr(), given.len()) };
            for (x, given) in args.iter().zip(given) {
                let expected = one(*x);
                let is_same = given.to_bits() == expected.to_bits() || given.is_nan() && expected.is_nan();
                assert!(is_same, "{x:e}: {given:e}, not {expected:e}");
                n_compared += 1;
            }
        }
        Some(n_compared)
    }

    /// A linear congruential generator: numbers in 0..1.
    fn random(n: u32) -> impl Iterator<Item = f64> {
        let mut state = 20_261_126_u64;
        (0..n).map(move |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        })
    }

    #[test]
    fn random_numbers_of_all_sizes_give_the_librarys_bits() {
        let n = 1 << 21;
        assert!(compared(random(n)).is_none_or(|n_compared| n_compared == 2 * n));
        compared(random(n).map(|x| 200.0 * x - 100.0));
        compared(random(n).map(|x| (x - 0.5) * 4.0 * GREATEST));
        compared(random(n).zip(random(n).skip(7)).map(|(x, y)| (x - 0.5) * (100.0 * (y - 0.5)).exp2()));
    }

    #[test]
    fn numbers_next_to_quarter_turns_give_the_librarys_bits() {
        let quarters = (-(1 << 17)..1 << 17).map(|n| f64::from(n) * 5.0 * PARTS[0]);
        compared(quarters.flat_map(|x| {
            (-4..4_i64).map(move |ulps| f64::from_bits(x.to_bits().wrapping_add_signed(ulps)))
        }));
        let eighths = (0..1 << 18).map(|n| f64::from(2 * n + 1) * (PARTS[0] / 2.0));
        compared(eighths.flat_map(|x| [x, x.next_down(), x.next_up(), -x]));
    }

    #[test]
    fn special_numbers_give_what_the_library_gives() {
        let specials =
            [0.0, f64::INFINITY, f64::NAN, f64::MIN_POSITIVE, 5e-324, f64::MAX, LEAST, GREATEST, 1.0];
        let near = specials.into_iter().flat_map(|x| [x, x.next_down(), x.next_up(), -x]);
        compared(near);
    }

    #[test]
    fn any_number_of_numbers_is_replaced() {
        for n in (0..10).chain([BLOCK as u32 - 1, BLOCK as u32, BLOCK as u32 + 1, 1000]) {
            assert!(compared(random(n)).is_none_or(|n_compared| n_compared == 2 * n));
        }
    }
}
