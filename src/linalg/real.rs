//! The two floating-point types of the network, and elementary functions that a compiler can vectorise.
//!
//! ```text
//! eˣ − 1 = 2ᵏ p(r) + (2ᵏ − 1),   k = round(x / ln 2),  r = x − k ln 2,  p(r) = r + r²/2! + r³/3! + …
//! tanh x = m / (m + 2),          m = e²ˣ − 1
//! ln x   = k ln 2 + 2 (s + s³/3 + s⁵/5 + …),   x = 2ᵏ m,  m in [√½, √2),  s = (m − 1)/(m + 1)
//! ```
//! The standard library's functions are calls, which keep a loop from being vectorised. These functions have no
//! branches and use only fused multiply-adds, so they give the same bits on every instruction set. |r| ≤ ln 2 / 2;
//! there 7 terms (f32) or 13 terms (f64) of the series leave an error below one unit in the last place.

use std::iter::Sum;
use std::sync::OnceLock;

use faer::traits::RealField;

use sealed::Sealed;

mod sealed {
    /// Kernels hold for f32 and f64 alone.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A floating-point type: single precision to train networks, double precision for everything else. There are no others.
///
/// ```
/// use minvar::linalg::Real;
///
/// fn hypotenuse<R: Real>(a: R, b: R) -> R {
///     a.fma(a, b * b).root()
/// }
/// assert_eq!(hypotenuse(3.0f32, 4.0), 5.0);
/// assert_eq!(hypotenuse(3.0f64, 4.0), 5.0);
/// ```
pub trait Real: Sealed + RealField + Copy + Default + Sum + Send + Sync + 'static {
    /// Distance from 1 to the next larger number.
    const UNIT: Self;

    /// The number of this type nearest to a double.
    fn of(x: f64) -> Self;
    /// The value as a double.
    fn value(self) -> f64;
    /// `self * factor + term`, rounded once.
    fn fma(self, factor: Self, term: Self) -> Self;
    /// The square root √x.
    fn root(self) -> Self;
    /// 1/x to two units in the last place, for 1e-37 < |x| < 1e37.
    fn reciprocal(self) -> Self;
    /// The absolute value |x|.
    fn magnitude(self) -> Self;
    /// The larger of `self` and `least`; `least` if `self` is NaN.
    fn at_least(self, least: Self) -> Self;
    /// The smaller of `self` and `most`; `most` if `self` is NaN.
    fn at_most(self, most: Self) -> Self;
    /// |self| with the sign of `other`.
    fn signed_as(self, other: Self) -> Self;
    /// eˣ − 1 and eˣ, to a few units in the last place; saturated where eˣ would leave the range.
    fn exponentials(self) -> (Self, Self);

    /// ln x of a positive normal number, to a few units in the last place; a finite number for zero and infinity.
    fn logarithm(self) -> Self;

    /// tanh x, accurate relative to x for small x.
    #[inline(always)]
    fn tanh(self) -> Self {
        let (m, _) = (self.magnitude() + self.magnitude()).at_most(Self::of(60.0)).exponentials();
        (m / (m + Self::of(2.0))).signed_as(self)
    }

    /// The logistic function 1 / (1 + e⁻ˣ).
    #[inline(always)]
    fn sigmoid(self) -> Self {
        let (_, e) = (Self::of(0.0) - self).exponentials();
        Self::of(1.0) / (Self::of(1.0) + e)
    }
}

/// The numbers 1/k! for k = 1, 2, …
macro_rules! inverse_factorials {
    ($real:ty, $terms:expr) => {{
        let mut all = [1.0 as $real; $terms];
        let mut factorial = 1.0f64;
        let mut k = 1;
        while k < $terms {
            factorial *= (k + 1) as f64;
            all[k] = (1.0 / factorial) as $real;
            k += 1;
        }
        all
    }};
}

macro_rules! real {
    ($real:ty, bits: $bits:ty, $signed:ty, terms: $terms:expr, mantissa: $mantissa:expr, ln2: $high:expr, $low:expr, range: $least:expr, $most:expr, reciprocal: $magic:expr, $steps:expr) => {
        impl Real for $real {
            const UNIT: Self = <$real>::EPSILON;

            #[inline(always)]
            fn of(x: f64) -> Self {
                x as Self
            }
            #[inline(always)]
            fn value(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn fma(self, factor: Self, term: Self) -> Self {
                <$real>::mul_add(self, factor, term)
            }
            #[inline(always)]
            fn root(self) -> Self {
                <$real>::sqrt(self)
            }
            #[inline(always)]
            fn reciprocal(self) -> Self {
                // The bits are nearly a logarithm: subtracting them from a constant gives 1/x to an eighth. Each step cubes the
                // error e = 1 − x r. A division takes three times as long.
                let mut r = <$real>::from_bits(<$bits>::wrapping_sub($magic, self.to_bits()));
                let mut step = 0;
                while step < $steps {
                    let e = <$real>::mul_add(-self, r, 1.0);
                    r = <$real>::mul_add(r, <$real>::mul_add(e, e, e), r);
                    step += 1;
                }
                r
            }
            #[inline(always)]
            fn magnitude(self) -> Self {
                <$real>::abs(self)
            }
            #[inline(always)]
            fn at_least(self, least: Self) -> Self {
                if self > least { self } else { least }
            }
            #[inline(always)]
            fn at_most(self, most: Self) -> Self {
                if self < most { self } else { most }
            }
            #[inline(always)]
            fn signed_as(self, other: Self) -> Self {
                <$real>::copysign(self, other)
            }
            #[inline(always)]
            fn exponentials(self) -> (Self, Self) {
                const SERIES: [$real; $terms] = inverse_factorials!($real, $terms);
                // Adding 1.5 · 2^mantissa rounds to an integer and leaves it in the low bits.
                const ROUND: $real = 1.5 * (1u64 << $mantissa) as $real;
                let x = self.at_least($least).at_most($most);
                let shifted = <$real>::mul_add(x, std::f64::consts::LOG2_E as $real, ROUND);
                let k = shifted - ROUND;
                let r = <$real>::mul_add(k, -$low, <$real>::mul_add(k, -$high, x));
                let mut p = SERIES[$terms - 1];
                let mut j = $terms - 1;
                while j > 0 {
                    j -= 1;
                    p = <$real>::mul_add(p, r, SERIES[j]);
                }
                p *= r;
                let scale = (shifted.to_bits() << $mantissa).wrapping_add((1.0 as $real).to_bits());
                let scale = <$real>::from_bits(scale);
                (<$real>::mul_add(scale, p, scale - 1.0), <$real>::mul_add(scale, p, scale))
            }
            #[inline(always)]
            fn logarithm(self) -> Self {
                const LEAST: $bits = (std::f64::consts::FRAC_1_SQRT_2 as $real).to_bits();
                const MANTISSA: $bits = (1 << $mantissa) - 1;
                let above = self.to_bits().wrapping_sub(LEAST);
                let k = ((above as $signed) >> $mantissa) as $real;
                let m = <$real>::from_bits((above & MANTISSA).wrapping_add(LEAST));
                let s = (m - 1.0) / (m + 1.0);
                let square = s * s;
                // |s| ≤ 0.172: each term adds one and a half digits.
                let mut p = 0.0;
                let mut j = $terms;
                while j > 1 {
                    j -= 1;
                    p = <$real>::mul_add(p, square, 1.0 / (2 * j + 1) as $real);
                }
                let series = <$real>::mul_add(s * square, p, s);
                <$real>::mul_add(k, $high, <$real>::mul_add(k, $low, series + series))
            }
        }
    };
}

real!(f32, bits: u32, i32, terms: 7, mantissa: 23, ln2: 0.693_359_4, -2.121_944_4e-4, range: -87.0, 88.0, reciprocal: 0x7ef3_11c7, 2);
real!(f64, bits: u64, i64, terms: 13, mantissa: 52, ln2: 0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10, range: -708.0, 709.0, reciprocal: 0x7fde_6238_22fc_16e6, 3);

/// Defines a function that is compiled three times: for vectors of 512 bits, of 256 bits, and for any processor. A
/// call uses the widest version that the processor supports. Fused multiply-adds round once everywhere, so all three
/// give the same bits.
macro_rules! vectorised {
    ($(#[$attribute:meta])* $vis:vis fn $name:ident<$real:ident: $bound:ident>($($argument:ident: $type:ty),* $(,)?) $(-> $out:ty)? $body:block) => {
        $(#[$attribute])*
        $vis fn $name<$real: $bound>($($argument: $type),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
                fn with_512_bits<$real: $bound>($($argument: $type),*) $(-> $out)? {
                    #[allow(dead_code)]
                    const BITS: usize = 512;
                    $body
                }
                #[target_feature(enable = "avx2,fma")]
                fn with_256_bits<$real: $bound>($($argument: $type),*) $(-> $out)? {
                    #[allow(dead_code)]
                    const BITS: usize = 256;
                    $body
                }
                match $crate::linalg::vector_bits() {
                    // SAFETY: the processor has every feature that the function is compiled for.
                    512 => return unsafe { with_512_bits($($argument),*) },
                    256 => return unsafe { with_256_bits($($argument),*) },
                    _ => {}
                }
            }
            fn with_any<$real: $bound>($($argument: $type),*) $(-> $out)? {
                #[allow(dead_code)]
                const BITS: usize = 128;
                $body
            }
            with_any($($argument),*)
        }
    };
}
pub(crate) use vectorised;

/// Width of the vectors in bits, fixed by its first use: what is packed for one width cannot be read with another.
static BITS: OnceLock<usize> = OnceLock::new();

/// Uses vectors of at most so many bits (512, 256 or 128); results do not depend on it. Returns whether that is so: it is
/// too late after the first computation.
pub fn limit_vectors(bits: usize) -> bool {
    let bits = widest().min(bits).max(128);
    *BITS.get_or_init(|| bits) == bits
}

/// Width of the vectors that `vectorised!` uses.
pub(crate) fn vector_bits() -> usize {
    #[cfg(test)]
    if let Some(bits) = BITS_OF_TEST.get() {
        return bits;
    }
    *BITS.get_or_init(widest)
}

#[cfg(test)]
thread_local! {
    static BITS_OF_TEST: std::cell::Cell<Option<usize>> = const { std::cell::Cell::new(None) };
}

/// The result of a function, which must be the same with vectors of every width that this processor has, and without.
#[cfg(test)]
pub(crate) fn same_on_all_vectors<R: PartialEq + Send>(what: &str, function: impl Fn() -> R + Sync) -> R {
    // In a pool of one thread, which has that width: work that threads share stays there.
    let on = |bits| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one more thread");
        pool.install(|| {
            BITS_OF_TEST.set(Some(bits));
            function()
        })
    };
    let portable = on(128);
    for bits in [256, 512].into_iter().filter(|bits| *bits <= widest()) {
        assert!(on(bits) == portable, "{what}: vectors of {bits} bits give other results");
    }
    portable
}

#[cfg(target_arch = "x86_64")]
fn widest() -> usize {
    if !(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")) {
        return 128;
    }
    let wide = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    if wide { 512 } else { 256 }
}

#[cfg(not(target_arch = "x86_64"))]
fn widest() -> usize {
    128
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<F: Real>(tolerance: f64) {
        let close = |ours: F, exact: f64, x: f64| {
            let error = (ours.value() - exact).abs();
            assert!(error <= tolerance * exact.abs(), "at {x}: {} against {exact}", ours.value());
        };
        for step in -4000..=4000 {
            let x = F::of(f64::from(step) * 0.004 + 1e-5);
            let (m, e) = x.exponentials();
            close(m, x.value().exp_m1(), x.value());
            close(e, x.value().exp(), x.value());
            close(Real::tanh(x), x.value().tanh(), x.value());
            close(x.reciprocal(), 1.0 / x.value(), x.value());
            close(x.sigmoid(), 1.0 / (1.0 + (-x.value()).exp()), x.value());
        }
        for step in -2000..=2000 {
            let x = F::of((f64::from(step) * 0.017).exp() * 1.003);
            close(x.reciprocal(), 1.0 / x.value(), x.value());
            let (ours, exact) = (x.logarithm().value(), x.value().ln());
            assert!(
                (ours - exact).abs() <= tolerance * exact.abs().max(0.1),
                "ln {}: {ours} against {exact}",
                x.value()
            );
        }
        assert!(F::of(0.0).logarithm().value().is_finite() && F::of(f64::INFINITY).logarithm().value().is_finite());
        assert_eq!(Real::tanh(F::of(1e30)).value(), 1.0);
        assert_eq!(Real::tanh(F::of(-1e30)).value(), -1.0);
        assert!(F::of(1e30).exponentials().1.value().is_finite());
    }

    #[test]
    fn elementary_functions_agree_with_the_standard_library() {
        check::<f32>(4e-7);
        check::<f64>(1e-15);
    }
}
