//! The one data thread: waits for frames and for the time that the next one is due.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::PoisonError;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};

use crate::control::Links;
use crate::link::Link;
use crate::shape::Nanos;

/// Frames read from one device before the others have their turn.
const BATCH: usize = 64;
/// The largest frame that a TAP can give: an MTU of 65,521 and the Ethernet header.
const FRAME_BYTES: usize = 65_535;
const NANOS_PER_SECOND: u64 = 1_000_000_000;
const TIMER: u64 = u64::MAX;

pub fn run(links: &Links) -> Result<(), Errno> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    let timer = timerfd_create(
        TimerfdClockId::Monotonic,
        TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
    )?;
    epoll::add(&poll, &timer, EventData::new_u64(TIMER), EventFlags::IN)?;
    for (i, link) in lock(links).iter().enumerate() {
        for (side, direction) in link.directions.iter().enumerate() {
            let tag = EventData::new_u64((i * 2 + side) as u64);
            epoll::add(&poll, &direction.from, tag, EventFlags::IN)?;
        }
    }
    let mut events = Vec::with_capacity(64);
    let mut frame = vec![0_u8; FRAME_BYTES];
    loop {
        events.clear();
        match epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        let mut links = lock(links);
        for event in &events {
            match event.data.u64() {
                TIMER => clear(&timer),
                tag => read_end(&poll, &mut links, tag as usize, &mut frame),
            }
        }
        release_due(&mut links);
        set_timer(&timer, &links)?;
    }
}

fn lock(links: &Links) -> std::sync::MutexGuard<'_, Vec<Link>> {
    links.lock().unwrap_or_else(PoisonError::into_inner)
}

fn clear(timer: &OwnedFd) {
    let mut expirations = [0_u8; 8];
    // Another wake-up may have read it already: there is nothing to do about that.
    let _ = rustix::io::read(timer, &mut expirations);
}

fn read_end(poll: &OwnedFd, links: &mut [Link], tag: usize, frame: &mut [u8]) {
    let [up, down] = &mut links[tag / 2].directions;
    let (this, other) = if tag.is_multiple_of(2) {
        (up, down)
    } else {
        (down, up)
    };
    for _ in 0..BATCH {
        match rustix::io::read(&this.from, &mut *frame) {
            Ok(length) => this.accept(&frame[..length], now(), &other.from),
            Err(Errno::AGAIN) => return,
            Err(Errno::INTR) => {}
            // The device is gone with its namespace: never ask it again, serve the others.
            Err(_) => {
                let _ = epoll::delete(poll, this.from.as_fd());
                return;
            }
        }
    }
}

fn release_due(links: &mut [Link]) {
    for link in links {
        let [up, down] = &mut link.directions;
        if up.next_due().is_some() {
            up.release(now(), &down.from);
        }
        if down.next_due().is_some() {
            down.release(now(), &up.from);
        }
    }
}

fn set_timer(timer: &OwnedFd, links: &[Link]) -> Result<(), Errno> {
    let next = links
        .iter()
        .flat_map(|l| &l.directions)
        .filter_map(|d| d.next_due())
        .min();
    // All zero disarms it.
    let due = next.unwrap_or(0);
    let value = Itimerspec {
        it_interval: Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
        it_value: Timespec {
            tv_sec: (due / NANOS_PER_SECOND) as i64,
            tv_nsec: (due % NANOS_PER_SECOND) as _,
        },
    };
    timerfd_settime(timer, TimerfdTimerFlags::ABSTIME, &value).map(|_| ())
}

fn now() -> Nanos {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * NANOS_PER_SECOND + time.tv_nsec as u64
}
