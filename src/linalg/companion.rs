//! A second thread that stays beside a loop, for pieces of work too short to wake one up for.

use std::hint::spin_loop;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::thread::yield_now;

/// How often a waiting thread looks before it lets others run.
const LOOKS: usize = 10_000;

/// A piece of work that the companion does.
type Work<'a> = &'a mut (dyn FnMut() + Send);

/// What two threads say to each other.
#[derive(Default)]
struct Post {
    is_here: AtomicBool,
    is_dismissed: AtomicBool,
    has_failed: AtomicBool,
    /// A [`Work`] that waits or is being done.
    work: AtomicPtr<()>,
}

/// A thread of the pool that waits for work without going to sleep, if one was free.
pub struct Companion<'a>(Option<&'a Post>);

/// Sets a flag when it goes out of scope, after a panic too.
struct SetsOnDrop<'a>(&'a AtomicBool, bool);

impl Drop for SetsOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(self.1, Ordering::Release);
    }
}

/// Waits for the companion when it goes out of scope, as its work borrows from there.
struct Waits<'a>(&'a Post);

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

impl Companion<'_> {
    /// None: [`Companion::join`] does everything on this thread.
    pub fn none() -> Self {
        Self(None)
    }

    /// Does some work with a companion beside it. A thread of the pool that is free before the work ends becomes the companion.
    /// Neither the work nor what it hands to the companion may wait for the pool: the thread that waits could be given the
    /// companion's part, which ends only with the work.
    pub fn beside<R: Send>(work: impl FnOnce(&mut Companion<'_>) -> R + Send) -> R {
        let post = Post::default();
        let with_it = || {
            let _dismissal = SetsOnDrop(&post.is_dismissed, true);
            work(&mut Companion(Some(&post)))
        };
        rayon::join(with_it, || post.attend()).0
    }

    /// Does both, at the same time if there is a companion.
    pub fn join(&mut self, here: impl FnOnce(), there: impl FnOnce() + Send) {
        let Some(post) = self.0.filter(|post| post.is_here.load(Ordering::Acquire)) else {
            here();
            return there();
        };
        let mut there = Some(there);
        let mut once = || there.take().expect("work is done once")();
        let mut work: Work<'_> = &mut once;
        {
            let _wait = Waits(post);
            post.work.store((&raw mut work).cast(), Ordering::Release);
            here();
        }
        assert!(!post.has_failed.load(Ordering::Acquire), "the work of a companion has failed");
    }
}

impl Post {
    /// What the companion's thread does.
    fn attend(&self) {
        let _departure = SetsOnDrop(&self.is_here, false);
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(threads: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
    }

    /// Waits until a second thread has come.
    fn meet(companion: &Companion<'_>) {
        wait_until(|| companion.0.is_some_and(|post| post.is_here.load(Ordering::Acquire)));
    }

    #[test]
    fn both_pieces_are_done_with_and_without_a_companion() {
        for threads in [1, 2, 3] {
            let (sums, strangers) = pool(threads).install(|| {
                Companion::beside(|companion| {
                    let (mut sums, mut strangers) = ([0, 0], 0);
                    let this = std::thread::current().id();
                    if threads > 1 {
                        meet(companion);
                    }
                    for i in 0..1_000 {
                        let [first, second] = &mut sums;
                        let there = || {
                            *second += 2 * i;
                            strangers += usize::from(std::thread::current().id() != this);
                        };
                        companion.join(|| *first += i, there);
                    }
                    (sums, strangers)
                })
            });
            assert_eq!(sums, [499_500, 999_000], "{threads} threads");
            assert_eq!(strangers, if threads > 1 { 1_000 } else { 0 }, "{threads} threads");
        }
    }

    #[test]
    fn work_that_panics_ends_the_whole() {
        for fails_here in [true, false] {
            let whole = || {
                Companion::beside(|companion| {
                    meet(companion);
                    companion.join(|| assert!(!fails_here, "here"), || assert!(fails_here, "there"));
                })
            };
            assert!(std::panic::catch_unwind(|| pool(2).install(whole)).is_err());
        }
    }
}
