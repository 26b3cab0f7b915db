//! Waiting for many descriptors at once, with a way to be woken: epoll, eventfd and timerfd.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// Names a registered descriptor in what [`Poll::wait`] returns.
pub type Token = u64;

/// Handed out for the poll's own waker; never by [`crate::ids::next`], which starts above.
pub const WAKE: Token = 0;

/// One epoll instance with a waker of its own. Descriptors may be added and removed by any thread
/// while another one waits: that is what the kernel promises for epoll.
pub struct Poll {
    epoll: OwnedFd,
    waker: OwnedFd,
}

/// Room for the events of one wait.
pub struct Events(Vec<epoll::Event>);

impl Events {
    pub fn with_capacity(capacity: usize) -> Self {
        Events(Vec::with_capacity(capacity))
    }

    pub fn tokens(&self) -> impl Iterator<Item = Token> + '_ {
        self.0.iter().map(|event| event.data.u64())
    }
}

impl Poll {
    pub fn new() -> io::Result<Self> {
        let poll = Poll {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            waker: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        };
        poll.add(poll.waker.as_fd(), WAKE)?;
        Ok(poll)
    }

    /// Level-triggered: a descriptor that is not drained is told again.
    pub fn add(&self, fd: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        epoll::add(
            &self.epoll,
            fd,
            epoll::EventData::new_u64(token),
            epoll::EventFlags::IN,
        )?;
        Ok(())
    }

    /// Forgets a descriptor; one that is not there is fine, its device may have taken it along.
    pub fn remove(&self, fd: BorrowedFd<'_>) {
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Blocks until something can be read. An interrupted wait comes back without events.
    pub fn wait(&self, events: &mut Events) -> io::Result<()> {
        events.0.clear();
        let room = rustix::buffer::spare_capacity(&mut events.0);
        match epoll::wait(&self.epoll, room, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Makes the present or the next wait return with [`WAKE`].
    pub fn wake(&self) {
        // Fails only when the counter is full, and then the waker is readable anyway.
        let _ = rustix::io::write(&self.waker, &1u64.to_ne_bytes());
    }

    pub fn drain_waker(&self) {
        drain(self.waker.as_fd());
    }
}

/// A timer that becomes readable, again and again or once.
pub struct Timer(OwnedFd);

impl Timer {
    pub fn every(period: Duration) -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let spec = Timespec {
            tv_sec: period.as_secs() as _,
            tv_nsec: period.subsec_nanos() as _,
        };
        let spec = Itimerspec {
            it_interval: spec,
            it_value: spec,
        };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &spec)?;
        Ok(Timer(timer))
    }

    /// Not yet set.
    pub fn once() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Timer(timerfd_create(TimerfdClockId::Monotonic, flags)?))
    }

    /// Readable after so long, once; whatever it was set to before is forgotten.
    pub fn set(&self, after: Duration) {
        let spec = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: Timespec {
                tv_sec: after.as_secs() as _,
                tv_nsec: after.subsec_nanos().max(1) as _, // zero would disarm it
            },
        };
        // Nothing about these arguments can be wrong.
        let _ = timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &spec);
    }

    pub fn drain(&self) {
        drain(self.0.as_fd());
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn drain(fd: BorrowedFd<'_>) {
    let mut counter = [0u8; 8];
    // Non-blocking: an empty counter is an error that means nothing here.
    let _ = rustix::io::read(fd, &mut counter);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_before_the_wait_is_not_lost() {
        let poll = Poll::new().unwrap();
        let mut events = Events::with_capacity(4);
        poll.wake();
        poll.wait(&mut events).unwrap();
        assert_eq!(events.tokens().collect::<Vec<_>>(), [WAKE]);
        poll.drain_waker();
    }

    #[test]
    fn a_timer_that_is_set_comes_once() {
        let poll = Poll::new().unwrap();
        let timer = Timer::once().unwrap();
        poll.add(timer.as_fd(), 7).unwrap();
        let mut events = Events::with_capacity(4);
        timer.set(Duration::from_secs(100));
        for after in [Duration::ZERO, Duration::from_millis(2)] {
            timer.set(after);
            poll.wait(&mut events).unwrap();
            assert_eq!(events.tokens().collect::<Vec<_>>(), [7]);
            timer.drain();
        }
        poll.wake();
        poll.wait(&mut events).unwrap();
        assert_eq!(events.tokens().collect::<Vec<_>>(), [WAKE]);
    }

    #[test]
    fn a_timer_comes_again_and_again() {
        let poll = Poll::new().unwrap();
        let timer = Timer::every(Duration::from_millis(2)).unwrap();
        poll.add(timer.as_fd(), 7).unwrap();
        let mut events = Events::with_capacity(4);
        for _ in 0..3 {
            poll.wait(&mut events).unwrap();
            assert_eq!(events.tokens().collect::<Vec<_>>(), [7]);
            timer.drain();
        }
        poll.remove(timer.as_fd());
        poll.wake();
        poll.wait(&mut events).unwrap();
        assert_eq!(events.tokens().collect::<Vec<_>>(), [WAKE]);
    }
}
