//! Long work that increases a counter, which is shown while the work goes on.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Time between two looks at the counter.
const PAUSE: Duration = Duration::from_millis(5);

/// Runs `work` on another thread and calls `show` with the counter as it changes. Returns the result of the work.
pub(super) fn watched<R: Send>(work: impl FnOnce() -> R + Send, count: &AtomicUsize, show: &mut dyn FnMut(usize)) -> R {
    // A thread of the pool must not wait for work that needs the pool, so there the work runs without being shown.
    if rayon::current_thread_index().is_some() {
        return work();
    }
    thread::scope(|scope| {
        let worker = scope.spawn(work);
        let mut shown = 0;
        while !worker.is_finished() {
            thread::sleep(PAUSE);
            let done = count.load(Ordering::Relaxed);
            if done != shown {
                show(done);
                shown = done;
            }
        }
        worker.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_shown_while_the_work_goes_on() {
        let count = AtomicUsize::new(0);
        let mut seen = Vec::new();
        let work = || {
            for _ in 0..3 {
                count.fetch_add(1, Ordering::Relaxed);
                thread::sleep(20 * PAUSE);
            }
            "done"
        };
        assert_eq!(watched(work, &count, &mut |done| seen.push(done)), "done");
        assert_eq!(seen, [1, 2, 3]);
    }
}
