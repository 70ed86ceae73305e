//! The reduction of huge angles: what is left of a `float64` after whole quarter turns, as if pi were known exactly.
//!
//! The prelude's sine, cosine and tangent come here for arguments beyond 2**23, which are rare: compiled with each of them,
//! the same lines made a first call a fifth slower. They are also in the prelude (`math_reduction.py`), which says where the
//! method is from; a test compares the two bit by bit.

/// 31 zeros and the first 1185 bits of 2/pi.
const TWO_OVER_PI: [u64; 19] = [
    0x0000_0001_45F3_06DC,
    0x9C88_2A53_F84E_AFA3,
    0xEA69_BB81_B6C5_2B32,
    0x7887_2083_FCA2_C757,
    0xBD77_8AC3_6E48_DC74,
    0x849B_A5C0_0C92_5DD4,
    0x13A3_2439_FC3B_D639,
    0x6253_4E7D_D104_6BEA,
    0x5D76_8909_D338_E04D,
    0x68BE_FC82_7323_AC73,
    0x06A6_73E9_3908_BF17,
    0x7BF2_5076_3FF1_2FFF,
    0xBC0B_301F_DE5E_2316,
    0xB414_DA3E_DA6C_FD9E,
    0x4F96_136E_9E8C_7ECD,
    0x3CBF_D45A_EA4F_758F,
    0xD7CB_E2F6_7A0E_73EF,
    0x14A5_25D4_D7F6_BF62,
    0x3F1A_BA10_AC06_608D,
];
/// With this taken from the biased exponent, the angle 2**23 begins at the first of those bits.
const FIRST_EXPONENT: u64 = 1046;
/// pi/2 in parts of 53 bits.
const QUARTER_TURN: [f64; 2] = [std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17];

const SINE: [f64; 6] = [
    1.589_543_287_270_933_6e-10,
    -2.505_073_438_492_103_2e-8,
    2.755_731_353_849_970_3e-6,
    -0.000_198_412_698_293_585_12,
    0.008_333_333_333_321_84,
    -0.166_666_666_666_666_3,
];
const COSINE: [f64; 6] = [
    -1.135_874_902_899_346_2e-11,
    2.087_570_539_305_563e-9,
    -2.755_731_421_702_521e-7,
    2.480_158_728_900_206e-5,
    -0.001_388_888_888_887_334_2,
    0.041_666_666_666_666_595,
];

/// Quarter turns to the nearest, modulo 4, of an angle of at least 2**23.
pub(crate) extern "C" fn ungil_rt_quarter_turns(x: f64) -> f64 {
    without_quarter_turns(x).0
}

/// What [`ungil_rt_quarter_turns`] leaves, to the nearest; NaN for an infinity and for NaN.
pub(crate) extern "C" fn ungil_rt_quarter_rest(x: f64) -> f64 {
    without_quarter_turns(x).1
}

/// What [`ungil_rt_quarter_rest`] rounds away.
pub(crate) extern "C" fn ungil_rt_quarter_rest_low(x: f64) -> f64 {
    without_quarter_turns(x).2
}

/// The sine of an angle of at least 2**23 in magnitude.
pub(crate) extern "C" fn ungil_rt_sin(x: f64) -> f64 {
    let (turns, r, low) = without_quarter_turns(x.abs());
    of_quarter(turns, r, low) * 1.0_f64.copysign(x)
}

/// The cosine of an angle of at least 2**23 in magnitude.
pub(crate) extern "C" fn ungil_rt_cos(x: f64) -> f64 {
    let (turns, r, low) = without_quarter_turns(x.abs());
    of_quarter(turns + 1.0, r, low)
}

/// The sine of `turns` quarter turns and a rest; the polynomials are those of `math_sine.py`.
fn of_quarter(turns: f64, r: f64, low: f64) -> f64 {
    let z = r * r;
    let polynomial = |coefficients: &[f64]| coefficients.iter().fold(0.0_f64, |p, &next| p.mul_add(z, next));
    let turns = turns as u64;
    let value = if turns & 1 == 0 {
        let p = polynomial(&SINE);
        r + (z * r).mul_add(p, low * z.mul_add(-0.5, 1.0))
    } else {
        let head = z.mul_add(-0.5, 1.0);
        let lost = z.mul_add(-0.5, 1.0 - head);
        head + (z * z).mul_add(polynomial(&COSINE), (-r).mul_add(low, lost))
    };
    if turns & 2 == 0 { value } else { -value }
}

fn without_quarter_turns(x: f64) -> (f64, f64, f64) {
    if !x.is_finite() {
        return (0.0, f64::NAN, f64::NAN);
    }
    let start = (x.to_bits() >> 52).saturating_sub(FIRST_EXPONENT);
    let m = (x.to_bits() & ((1 << 52) - 1)) | 1 << 52;
    // Three words from the bit `start`; the turns before it are multiples of 4.
    let (word, by) = ((start / 64) as usize, start % 64);
    let shifted = |at: usize| {
        let both = u128::from(TWO_OVER_PI[at]) << 64 | u128::from(TWO_OVER_PI[at + 1]);
        (both >> (64 - by)) as u64
    };
    let [high, middle, low] = [0, 1, 2].map(|at| u128::from(shifted(word + at)));

    // The product's two higher words: two bits of turns, then the fraction, from -1/2 to 1/2.
    let m = u128::from(m);
    let product = ((m * high) << 64).wrapping_add(m * middle).wrapping_add((m * low) >> 64);
    let turns = (product.wrapping_add(1 << 125) >> 126) as f64;
    let fraction = (product << 2) as i128;

    // Its magnitude, from the highest bit on; one unit of the 128 does not count.
    let is_negative = fraction < 0;
    let magnitude = (if is_negative { !fraction } else { fraction }) as u128;
    let zeros = magnitude.leading_zeros();
    let word = (magnitude << zeros.min(127) >> 64) as u64;
    let unit = f64::from_bits(959_u64.saturating_sub(u64::from(zeros)) << 52);
    let unit = if is_negative { -unit } else { unit };
    let head = (word >> 11) as f64 * (2048.0 * unit);
    let rest = (word & 2047) as f64 * unit;

    let [quarter, quarter_low] = QUARTER_TURN;
    let product = head * quarter;
    let lost = head.mul_add(quarter, -product) + head.mul_add(quarter_low, rest * quarter);
    let r = product + lost;
    (turns, r, (product - r) + lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hardest_angle_is_reduced_to_the_last_bit() {
        // The float64 nearest to a multiple of pi/2 (Muller, "Elementary Functions", section 11.3).
        let x = 6_381_956_970_095_103.0 * 2.0_f64.powi(797);
        let (_, r, low) = without_quarter_turns(x);
        assert_eq!(r.abs(), 4.687_165_924_254_628e-19);
        assert!(low.abs() <= r.abs() * f64::EPSILON);
    }

    #[test]
    fn small_and_great_angles_are_whole_turns_and_a_rest() {
        for x in [2.0_f64.powi(23), 1e9, 1e22, 1e300, f64::MAX] {
            let (turns, r, _) = without_quarter_turns(x);
            assert!((0.0..4.0).contains(&turns) && turns.fract() == 0.0, "{x}: {turns}");
            assert!(r.abs() <= std::f64::consts::FRAC_PI_4, "{x}: {r}");
        }
        let x = 2.0_f64.powi(23);
        let turns = (x / std::f64::consts::FRAC_PI_2).round();
        assert_eq!(without_quarter_turns(x).0, turns % 4.0);
        assert!(without_quarter_turns(f64::INFINITY).1.is_nan());
    }
}
