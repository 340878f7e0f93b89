//! A second thread that stays beside a loop, for pieces of work too short to wake one up for.

use std::hint::spin_loop;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::thread::yield_now;

/// Looks at a flag before a thread lets others run.
const LOOKS: usize = 10_000;

/// A piece of work that the companion does.
type Work<'a> = &'a mut (dyn FnMut() + Send);

/// A thread of the pool that waits for work without going to sleep, if one was free.
#[derive(Default)]
pub struct Companion {
    is_here: AtomicBool,
    is_dismissed: AtomicBool,
    has_failed: AtomicBool,
    /// A [`Work`] that waits or is being done.
    work: AtomicPtr<()>,
}

/// Sets a flag when it goes out of scope, after a panic too.
struct Finally<'a>(&'a AtomicBool, bool);

impl Drop for Finally<'_> {
    fn drop(&mut self) {
        self.0.store(self.1, Ordering::Release);
    }
}

/// Waits for the companion when it goes out of scope, as its work borrows from there.
struct Waits<'a>(&'a Companion);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        wait_until(|| self.0.work.load(Ordering::Acquire).is_null());
    }
}

fn wait_until(done: impl Fn() -> bool) {
    let mut looks = 0;
    while !done() {
        looks += 1;
        if looks % LOOKS == 0 { yield_now() } else { spin_loop() }
    }
}

impl Companion {
    /// Does some work with a companion beside it. A thread of the pool that is free before the work ends becomes the
    /// companion; without one, [`Companion::join`] does everything on this thread.
    pub fn beside<R: Send>(work: impl FnOnce(&Companion) -> R + Send) -> R {
        let companion = Companion::default();
        let with_it = || {
            let _dismissal = Finally(&companion.is_dismissed, true);
            work(&companion)
        };
        rayon::join(with_it, || companion.attend()).0
    }

    /// What the companion's thread does.
    fn attend(&self) {
        let _departure = Finally(&self.is_here, false);
        self.is_here.store(true, Ordering::Release);
        while !self.is_dismissed.load(Ordering::Acquire) {
            let has_news = || !self.work.load(Ordering::Acquire).is_null() || self.is_dismissed.load(Ordering::Acquire);
            wait_until(has_news);
            let work = self.work.load(Ordering::Acquire).cast::<Work<'_>>();
            // SAFETY: the pointer is null or to a work that lives until this thread has cleared the pointer.
            if let Some(work) = unsafe { work.as_mut() } {
                let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
                self.has_failed.fetch_or(done.is_err(), Ordering::Release);
                self.work.store(null_mut(), Ordering::Release);
            }
        }
    }

    /// Does both, at the same time if there is a companion.
    pub fn join(&self, here: impl FnOnce(), there: impl FnOnce() + Send) {
        if !self.is_here.load(Ordering::Acquire) {
            here();
            return there();
        }
        let mut there = Some(there);
        let mut once = || there.take().expect("work is done once")();
        let mut work: Work<'_> = &mut once;
        {
            let _wait = Waits(self);
            self.work.store((&raw mut work).cast(), Ordering::Release);
            here();
        }
        assert!(!self.has_failed.load(Ordering::Acquire), "the work of a companion has failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(threads: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
    }

    #[test]
    fn both_pieces_are_done_with_and_without_a_companion() {
        for threads in [1, 2, 3] {
            let sums = pool(threads).install(|| {
                Companion::beside(|companion| {
                    let mut sums = [0, 0];
                    for i in 0..1_000 {
                        let [first, second] = &mut sums;
                        companion.join(|| *first += i, || *second += 2 * i);
                    }
                    sums
                })
            });
            assert_eq!(sums, [499_500, 999_000], "{threads} threads");
        }
    }

    #[test]
    fn work_that_panics_ends_the_whole() {
        for fails_here in [true, false] {
            let whole = || {
                Companion::beside(|companion| {
                    // Until there is a companion.
                    wait_until(|| companion.is_here.load(Ordering::Acquire));
                    companion.join(|| assert!(!fails_here, "here"), || assert!(fails_here, "there"));
                })
            };
            assert!(std::panic::catch_unwind(|| pool(2).install(whole)).is_err());
        }
    }
}
