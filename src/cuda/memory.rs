//! Memory layout: the parameters one after another, and the working arrays of a batch in one allocation.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::cuda::{Address, Eigenproblem};
use crate::nn::Architecture;
use crate::nn::ElementType;

/// Arrays start at multiples of this many bytes.
const ALIGNMENT: usize = 256;

/// Positions of the parameters, in the order of their names.
pub(super) struct Layout {
    places: BTreeMap<String, Range<usize>>,
    precision: ElementType,
}

impl Layout {
    /// The layout of parameters with these names and element counts.
    pub fn new<'a>(counts: impl Iterator<Item = (&'a String, usize)>, precision: ElementType) -> Self {
        let mut from = 0;
        let place = |(name, count): (&String, usize)| {
            from += count;
            (name.clone(), from - count..from)
        };
        Self { places: counts.map(place).collect(), precision }
    }

    /// Total number of elements.
    pub fn count(&self) -> usize {
        self.places.values().map(|place| place.end).max().unwrap_or(0)
    }

    /// Address of a parameter inside an array of all parameters that starts at `all`.
    pub fn of(&self, all: Address, name: &str) -> Address {
        all.plus(self.places[name].start * self.precision.bytes())
    }

    /// Splits an array of all parameters into named ones.
    pub fn cut(&self, all: &[f64]) -> BTreeMap<String, Vec<f64>> {
        self.places.iter().map(|(name, place)| (name.clone(), all[place.clone()].to_vec())).collect()
    }

    /// Joins named parameters into one array; the inverse of [`cut`](Self::cut).
    pub fn join(&self, parts: &BTreeMap<String, Vec<f64>>) -> Vec<f64> {
        self.places.keys().flat_map(|name| parts[name].iter().copied()).collect()
    }
}

/// The sizes of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Number of samples.
    pub batch: usize,
    /// Number of assets n of each sample.
    pub n_assets: usize,
    /// Number of days T of each window.
    pub n_days: usize,
}

impl Sizes {
    /// Largest possible rank of a correlation matrix.
    pub fn rank(self) -> usize {
        self.n_assets.min(self.n_days - 1)
    }

    /// Number of rows (assets) of all samples together.
    pub fn rows(self) -> usize {
        self.batch * self.n_assets
    }
}

/// Allocates consecutive parts of one piece of memory.
struct Pieces {
    next: Address,
    precision: ElementType,
}

impl Pieces {
    fn bytes(&mut self, bytes: usize) -> Address {
        let at = self.next;
        self.next = at.plus(bytes.next_multiple_of(ALIGNMENT));
        at
    }

    fn reals(&mut self, count: usize) -> Address {
        self.bytes(count * self.precision.bytes())
    }
}

/// Number of rows of the batch whose gradients one block sums.
pub(super) const ROWS_OF_A_CHUNK: usize = 64;

/// The working arrays of one recurrent layer.
pub(super) struct RecurrentArrays {
    pub projected: Address,
    pub kept: Address,
    pub before: Address,
    pub out: Address,
    pub d_out: Address,
    pub da: Address,
    pub dc: Address,
}

/// The working arrays of one hidden layer of the marginal-volatility network.
pub(super) struct HiddenArrays {
    pub x: Address,
    pub dx: Address,
}

/// The working arrays of a batch.
pub(super) struct Arrays {
    pub days: Address,
    pub assets: Address,
    pub fill: Address,
    pub alpha: Address,
    pub beta: Address,
    pub z: Address,
    pub s: Address,
    /// C, if kernels decompose it.
    pub c: Address,
    /// The eigenvectors as rows, which replace C if it is not in `c`.
    pub v: Address,
    pub lambda: Address,
    pub info: Address,
    /// Working memory of the decomposition by kernels.
    pub eigen: Address,
    pub first: Address,
    pub end: Address,
    pub tokens: Address,
    pub recurrent: Vec<RecurrentArrays>,
    pub head: Address,
    pub mu: Address,
    pub hidden: Vec<HiddenArrays>,
    pub volatility: Address,
    pub d: Address,
    pub ones: Address,
    /// Vectors of n elements per sample, named as in the equations.
    pub diagonal: Address,
    pub root: Address,
    pub a: Address,
    pub y: Address,
    pub sa: Address,
    pub weights: Address,
    pub losses: Address,
    pub g: Address,
    pub q: Address,
    pub t: Address,
    pub sq: Address,
    pub dd: Address,
    pub d_diagonal: Address,
    pub pa: Address,
    pub pq: Address,
    pub dmu: Address,
    pub d_head: Address,
    pub d_volatility: Address,
    pub d_lambda: Address,
    pub ds: Address,
    pub mean: Address,
    pub along: Address,
    /// Matrices, mostly n x n per sample.
    pub weighted: Address,
    pub h: Address,
    pub x: Address,
    pub m: Address,
    pub dz: Address,
    pub partial: Address,
    pub curves: Address,
    /// Gradients of all parameters, for every sample.
    pub gradients: Address,
}

impl Arrays {
    /// Places the arrays one after another from `start` on. Returns them and the address where they end. Without
    /// `backward` only those of the forward pass take space. `by_kernels` says how matrices are decomposed.
    pub fn new(
        a: &Architecture,
        layout: &Layout,
        sizes: Sizes,
        backward: bool,
        by_kernels: bool,
        start: Address,
    ) -> (Self, Address) {
        let precision = layout.precision;
        let Sizes { batch, n_assets: n, n_days: t } = sizes;
        let (rows, directions) = (sizes.rows(), a.direction.count());
        let mut pieces = Pieces { next: start, precision };
        let p = &mut pieces;
        let if_backward = |count: usize| if backward { count } else { 0 };
        let recurrent = a.hidden.iter().map(|units| {
            let width = directions * rows * a.cell.gates() * units;
            RecurrentArrays {
                projected: p.reals(width),
                kept: p.reals(directions * rows * a.cell.kept() * units),
                before: p.reals(directions * rows * units),
                out: p.reals(rows * directions * units),
                d_out: p.reals(if_backward(rows * directions * units)),
                da: p.reals(if_backward(width)),
                dc: p.reals(if_backward(width)),
            }
        });
        let recurrent = recurrent.collect();
        let hidden = a.volatility.iter();
        let hidden = hidden
            .map(|units| HiddenArrays { x: p.reals(rows * units), dx: p.reals(if_backward(rows * units)) })
            .collect();
        let arrays = Self {
            days: p.bytes(4 * batch),
            assets: p.bytes(4 * rows),
            fill: p.reals(batch * t),
            alpha: p.reals(t),
            beta: p.reals(t),
            z: p.reals(rows * t),
            s: p.reals(rows),
            c: p.reals(if by_kernels { rows * n } else { 0 }),
            v: p.reals(rows * n),
            lambda: p.reals(rows),
            info: p.bytes(4 * batch),
            eigen: p.bytes(if by_kernels { Eigenproblem::bytes(n, batch, precision) } else { 0 }),
            first: p.bytes(4 * rows),
            end: p.bytes(4 * rows),
            tokens: p.reals(rows * (1 + a.features.len())),
            recurrent,
            head: p.reals(rows),
            mu: p.reals(rows),
            hidden,
            volatility: p.reals(rows),
            d: p.reals(rows),
            ones: p.reals(n),
            diagonal: p.reals(rows),
            root: p.reals(rows),
            a: p.reals(rows),
            y: p.reals(rows),
            sa: p.reals(rows),
            weights: p.reals(rows),
            losses: p.bytes(8 * batch),
            g: p.reals(rows),
            weighted: p.reals(rows * n),
            h: p.reals(rows * n),
            q: p.reals(if_backward(rows)),
            t: p.reals(if_backward(rows)),
            sq: p.reals(if_backward(rows)),
            dd: p.reals(if_backward(rows)),
            d_diagonal: p.reals(if_backward(rows)),
            pa: p.reals(if_backward(rows)),
            pq: p.reals(if_backward(rows)),
            dmu: p.reals(if_backward(rows)),
            d_head: p.reals(if_backward(rows)),
            d_volatility: p.reals(if_backward(rows)),
            d_lambda: p.reals(if_backward(rows)),
            ds: p.reals(if_backward(rows)),
            mean: p.reals(if_backward(rows)),
            along: p.reals(if_backward(rows)),
            x: p.reals(if_backward(rows * n)),
            m: p.reals(if_backward(rows * n)),
            dz: p.reals(if_backward(rows * t)),
            partial: p.reals(if_backward(rows.div_ceil(ROWS_OF_A_CHUNK) * 2 * t)),
            curves: p.bytes(if_backward(8 * 2 * t)),
            gradients: p.reals(if_backward(batch * layout.count())),
        };
        (arrays, pieces.next)
    }
}
