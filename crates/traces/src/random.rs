//! Random numbers that depend on the seed, the trace and the place they are drawn for, and on nothing else: a trace
//! that is added or changed leaves all others as they were.

/// A range to draw from: its lower and its upper end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// The smallest value.
    pub low: f64,
    /// The largest value.
    pub high: f64,
}

impl Spread {
    /// Nothing at all.
    pub const NONE: Self = Self { low: 0.0, high: 0.0 };
}

impl From<(f64, f64)> for Spread {
    fn from((low, high): (f64, f64)) -> Self {
        Self { low, high }
    }
}

/// A source of random numbers.
#[derive(Clone, Debug)]
pub struct Random(fastrand::Rng);

impl Random {
    /// The source for one purpose within one trace under one seed.
    #[must_use]
    pub fn of(seed: u64, trace: &str, purpose: &str) -> Self {
        // FNV-1a, so that the numbers do not depend on the standard library's hasher, which may change.
        let bytes = seed.to_le_bytes().into_iter().chain(trace.bytes()).chain([0]).chain(purpose.bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(fastrand::Rng::with_seed(mixed(hash)))
    }

    /// Another source, whose numbers do not depend on how many are drawn from this one later.
    #[must_use]
    pub fn forked(&mut self) -> Self {
        Self(self.0.fork())
    }

    /// From 0 to 1, without 1.
    pub fn share(&mut self) -> f64 {
        self.0.f64()
    }

    /// Whether something of this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// A whole number from 0 to below `end`; 0 if there is none.
    pub fn below(&mut self, end: i64) -> i64 {
        if end > 0 { self.0.i64(0..end) } else { 0 }
    }

    /// A value of the range, of which small ones are more frequent than large ones, as loads are.
    pub fn within(&mut self, spread: Spread) -> f64 {
        let share = self.share();
        spread.low + (spread.high - spread.low) * share * share
    }

    /// How many events happen where `mean` are expected and none knows of another (a Poisson distribution).
    pub fn events(&mut self, mean: f64) -> u32 {
        // Larger means than this are sums of smaller ones: the exponential below would vanish.
        const MOST: f64 = 30.0;
        if mean > MOST {
            return self.events(MOST) + self.events(mean - MOST);
        }
        let limit = (-mean).exp();
        let mut product = self.share();
        let mut count = 0;
        while product > limit {
            product *= self.share();
            count += 1;
        }
        count
    }

    /// A length with this mean, of something that may end at any moment (an exponential distribution), at least 1.
    pub fn length(&mut self, mean: f64) -> i64 {
        let length = -mean * (1.0 - self.share()).ln();
        #[expect(clippy::cast_possible_truncation, reason = "some minutes or hours")]
        let minutes = length.round() as i64;
        minutes.max(1)
    }
}

/// Seeds that differ in one bit start sequences that have nothing in common (the last step of `SplitMix64`).
fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
