//! Vectors of numbers in registers, for loops that must not depend on what a compiler makes of arrays.
//!
//! [`Portable`] is the definition; the others do the same by the instructions of a processor, to the same bits.

use crate::linalg::Real;

/// A vector of numbers.
pub(crate) trait Lanes<F>: Copy {
    /// Numbers in it.
    const COUNT: usize;

    /// The same number everywhere.
    fn all(x: F) -> Self;
    /// The numbers at an address.
    ///
    /// # Safety
    /// `COUNT` numbers must lie there.
    unsafe fn load(from: *const F) -> Self;
    /// Stores the numbers at an address.
    ///
    /// # Safety
    /// There must be room for `COUNT` numbers.
    unsafe fn store(self, to: *mut F);
    /// `self * factor + term`, rounded once.
    fn fma(self, factor: Self, term: Self) -> Self;
    /// `self * factor`
    fn times(self, factor: Self) -> Self;
    /// Exchanges the entries of `self` whose numbers have the bit H with those of `other` that have not.
    #[inline(always)]
    fn exchange<const H: usize>(self, other: Self) -> (Self, Self)
    where
        F: Real,
    {
        const MOST: usize = 16;
        const { assert!(Self::COUNT <= MOST) };
        let (mut a, mut b) = ([F::of(0.0); MOST], [F::of(0.0); MOST]);
        // SAFETY: there is room for sixteen.
        unsafe {
            self.store(a.as_mut_ptr());
            other.store(b.as_mut_ptr());
        }
        for l in 0..Self::COUNT {
            if l & H != 0 {
                std::mem::swap(&mut a[l], &mut b[l ^ H]);
            }
        }
        // SAFETY: there are sixteen.
        unsafe { (Self::load(a.as_ptr()), Self::load(b.as_ptr())) }
    }
}

/// Numbers in an array.
#[derive(Clone, Copy)]
pub(crate) struct Portable<F, const L: usize>([F; L]);

impl<F: Real, const L: usize> Lanes<F> for Portable<F, L> {
    const COUNT: usize = L;

    #[inline(always)]
    fn all(x: F) -> Self {
        Self([x; L])
    }
    #[inline(always)]
    unsafe fn load(from: *const F) -> Self {
        // SAFETY: as the caller promises.
        Self(unsafe { from.cast::<[F; L]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut F) {
        // SAFETY: as the caller promises.
        unsafe { to.cast::<[F; L]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    fn fma(mut self, factor: Self, term: Self) -> Self {
        for l in 0..L {
            self.0[l] = self.0[l].fma(factor.0[l], term.0[l]);
        }
        self
    }
    #[inline(always)]
    fn times(mut self, factor: Self) -> Self {
        for l in 0..L {
            self.0[l] *= factor.0[l];
        }
        self
    }
}

/// P vectors side by side.
#[derive(Clone, Copy)]
pub(crate) struct Wide<V, const P: usize>([V; P]);

impl<F: Real, V: Lanes<F>, const P: usize> Lanes<F> for Wide<V, P> {
    const COUNT: usize = P * V::COUNT;

    #[inline(always)]
    fn all(x: F) -> Self {
        Self([V::all(x); P])
    }
    #[inline(always)]
    unsafe fn load(from: *const F) -> Self {
        let mut all = [V::all(F::of(0.0)); P];
        for p in 0..P {
            // SAFETY: as the caller promises.
            all[p] = unsafe { V::load(from.add(p * V::COUNT)) };
        }
        Self(all)
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut F) {
        for p in 0..P {
            // SAFETY: as the caller promises.
            unsafe { self.0[p].store(to.add(p * V::COUNT)) }
        }
    }
    #[inline(always)]
    fn fma(mut self, factor: Self, term: Self) -> Self {
        for p in 0..P {
            self.0[p] = self.0[p].fma(factor.0[p], term.0[p]);
        }
        self
    }
    #[inline(always)]
    fn times(mut self, factor: Self) -> Self {
        for p in 0..P {
            self.0[p] = self.0[p].times(factor.0[p]);
        }
        self
    }
}

/// Calls the version of a function for the vectors of this processor, inside `vectorised!`: with a vector of sixteen
/// numbers and as many columns as such vectors fit the registers.
macro_rules! sixteen {
    ($function:ident::<$real:ident $(, $parameter:tt)*>($($argument:expr),* $(,)?)) => {
        match (BITS, size_of::<$real>()) {
            #[cfg(target_arch = "x86_64")]
            (512, 4) => $function::<$real, $crate::linalg::lanes::x86::Singles512, 8 $(, $parameter)*>($($argument),*),
            #[cfg(target_arch = "x86_64")]
            (512, _) => $function::<$real, $crate::linalg::lanes::Wide<$crate::linalg::lanes::x86::Doubles512, 2>, 8 $(, $parameter)*>($($argument),*),
            #[cfg(target_arch = "x86_64")]
            (256, 4) => $function::<$real, $crate::linalg::lanes::Wide<$crate::linalg::lanes::x86::Singles256, 2>, 4 $(, $parameter)*>($($argument),*),
            #[cfg(target_arch = "x86_64")]
            (256, _) => $function::<$real, $crate::linalg::lanes::Wide<$crate::linalg::lanes::x86::Doubles256, 4>, 2 $(, $parameter)*>($($argument),*),
            _ => $function::<$real, $crate::linalg::lanes::Portable<$real, 16>, 4 $(, $parameter)*>($($argument),*),
        }
    };
}
pub(crate) use sixteen;

/// Vectors of x86 processors. They may be used where the processor has the instructions and F the size of their numbers.
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86 {
    use std::arch::x86_64::*;

    use super::Lanes;
    use crate::linalg::Real;

    macro_rules! lanes {
        ($name:ident, $vector:ty, $number:ty, $count:expr, $load:ident, $store:ident, $all:ident, $fma:ident, $times:ident $(, $select:ident by $index:ty)?) => {
            #[derive(Clone, Copy)]
            pub(crate) struct $name($vector);

            // SAFETY: the instructions exist where this type is used.
            impl<F: Real> Lanes<F> for $name {
                const COUNT: usize = $count;

                #[inline(always)]
                fn all(x: F) -> Self {
                    Self(unsafe { $all(x.value() as $number) })
                }
                #[inline(always)]
                unsafe fn load(from: *const F) -> Self {
                    Self(unsafe { $load(from.cast()) })
                }
                #[inline(always)]
                unsafe fn store(self, to: *mut F) {
                    unsafe { $store(to.cast(), self.0) }
                }
                #[inline(always)]
                fn fma(self, factor: Self, term: Self) -> Self {
                    Self(unsafe { $fma(self.0, factor.0, term.0) })
                }
                #[inline(always)]
                fn times(self, factor: Self) -> Self {
                    Self(unsafe { $times(self.0, factor.0) })
                }
                $(
                    #[inline(always)]
                    fn exchange<const H: usize>(self, other: Self) -> (Self, Self) {
                        const fn places<const H: usize>(of_second: bool) -> [$index; $count] {
                            let mut places = [0; $count];
                            let mut l = 0;
                            while l < $count {
                                let place = if of_second == (l & H != 0) { l } else { l ^ H };
                                places[l] = (if l & H != 0 { $count + place } else { place }) as $index;
                                l += 1;
                            }
                            places
                        }
                        unsafe {
                            let [first, second] = const { [places::<H>(false), places::<H>(true)] };
                            let (first, second) = (_mm512_loadu_si512(first.as_ptr().cast()), _mm512_loadu_si512(second.as_ptr().cast()));
                            (Self($select(self.0, first, other.0)), Self($select(self.0, second, other.0)))
                        }
                    }
                )?
            }
        };
    }

    lanes!(
        Singles512,
        __m512,
        f32,
        16,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_set1_ps,
        _mm512_fmadd_ps,
        _mm512_mul_ps,
        _mm512_permutex2var_ps by i32
    );
    lanes!(
        Doubles512,
        __m512d,
        f64,
        8,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_set1_pd,
        _mm512_fmadd_pd,
        _mm512_mul_pd,
        _mm512_permutex2var_pd by i64
    );
    lanes!(
        Singles256,
        __m256,
        f32,
        8,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_set1_ps,
        _mm256_fmadd_ps,
        _mm256_mul_ps
    );
    lanes!(
        Doubles256,
        __m256d,
        f64,
        4,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_set1_pd,
        _mm256_fmadd_pd,
        _mm256_mul_pd
    );
}
