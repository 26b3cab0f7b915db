//! One session with one neighbour (RFC 5880 §6.8).

use std::num::NonZeroU8;
use std::time::Duration;

use crate::timers::{Timers, jittered};
use crate::{
    Change, ControlPacket, ControlView, Diagnostic, Discard, Discards, Discriminator, Remote,
    Sequence, Settings, State, Status, Step, TTL,
};

/// A neighbour of whom nothing came for so long was away.
const SILENCE: Duration = Duration::from_millis(250);

/// What a packet of each state does to a session (§6.8.6), and its absence (§6.8.4):
///
/// | state | receives AdminDown | Down | Init | Up   | nothing for the Detection Time |
/// | ----- | ------------------ | ---- | ---- | ---- | ------------------------------ |
/// | Down  | –                  | Init | Up   | –    | –                              |
/// | Init  | Down               | –    | Up   | Up   | Down                           |
/// | Up    | Down               | Down | –    | –    | Down                           |
///
/// AdminDown is left by [`Session::enable`] alone.
#[derive(Debug)]
pub struct Session {
    discriminator: Discriminator,
    state: State,
    diagnostic: Diagnostic,
    timers: Timers,
    remote: RemoteVariables,
    /// When the last packet came in from which the Detection Time counts; none if it has run out.
    last_received: Option<Duration>,
    /// When anything at all came from the neighbour.
    last_heard: Option<Duration>,
    /// When the last packet went out that was no answer to a Poll.
    last_sent: Option<Duration>,
    /// Drawn for the wait after that one; kept, so that a new interval needs no new draw.
    jitter: u32,
    /// What the last packet of any kind said.
    said: Option<ControlPacket>,
    /// A Poll waits for its Final.
    answer_due: bool,
    since: Duration,
    counts: Counts,
    discards: Discards,
}

/// What the neighbour's last packet said (§6.8.1).
#[derive(Debug)]
struct RemoteVariables {
    discriminator: Option<Discriminator>,
    state: State,
    diagnostic: Diagnostic,
    demand: bool,
    required_min_rx_micros: u32,
    desired_min_tx_micros: u32,
    detect_mult: NonZeroU8,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    sent: u64,
    received: u64,
    downs: u64,
}

impl Session {
    /// Down, with a first packet that is due at once. `discriminator` is unique among this system's
    /// sessions and hard to guess (§6.8.1: it should be random).
    pub fn new(discriminator: Discriminator, settings: Settings, now: Duration) -> Self {
        Session {
            discriminator,
            state: State::Down,
            diagnostic: Diagnostic::NONE,
            timers: Timers::new(settings),
            remote: RemoteVariables {
                discriminator: None,
                state: State::Down,
                diagnostic: Diagnostic::NONE,
                demand: false,
                required_min_rx_micros: 1, // §6.8.1
                desired_min_tx_micros: 0,
                detect_mult: NonZeroU8::MIN,
            },
            last_received: None,
            last_heard: None,
            last_sent: None,
            jitter: 0,
            said: None,
            answer_due: false,
            since: now,
            counts: Counts::default(),
            discards: Discards::default(),
        }
    }

    /// Takes in a datagram's payload that arrived, with this TTL, where the neighbour's packets do.
    ///
    /// # Errors
    /// Why it was discarded; that is counted, and nothing else of the session has changed.
    pub fn receive(
        &mut self,
        payload: &[u8],
        ttl: u8,
        now: Duration,
    ) -> Result<Option<Change>, Discard> {
        match self.accept(payload, ttl) {
            Ok(packet) => Ok(self.take_in(&packet, now)),
            Err(reason) => {
                self.discards.count(reason);
                Err(reason)
            }
        }
    }

    /// Something else came from the neighbour that it alone can have sent just now. It puts the end
    /// of the Detection Time off as a control packet does: where many packets compete for one
    /// queue, those of BFD may be the ones that are dropped, and the way is alive nevertheless. What
    /// a neighbour does not hear of us it still says itself, by its own packets.
    ///
    /// Of a session that is Down it says, after a silence, that the neighbour is back: the next
    /// packet is due at once instead of up to a second later. The second is there "to ensure that the
    /// bandwidth consumed … is negligible" (§6.8.3), which four packets a second are.
    pub fn heard(&mut self, now: Duration) {
        let silence = self.last_heard.map(|at| now.saturating_sub(at));
        self.last_heard = Some(now);
        match self.state {
            State::Up if self.last_received.is_some() => self.last_received = Some(now),
            State::Down if silence.is_none_or(|silence| silence >= SILENCE) => {
                self.last_sent = None;
            }
            _ => {}
        }
    }

    /// When [`Session::handle_timeout`] is due: zero if at once, none if only a packet can change
    /// anything.
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.answer_due || self.has_news() {
            return Some(Duration::ZERO);
        }
        match (self.next_periodic(), self.expiry()) {
            (Some(packet), Some(expiry)) => Some(packet.min(expiry)),
            (one, other) => one.or(other),
        }
    }

    /// Does what is due by now, at most one packet a call. `random`: any 32 bits, for jitter.
    pub fn handle_timeout(&mut self, now: Duration, random: u32) -> Step {
        let change = match self.expiry() {
            Some(expiry) if expiry <= now => self.handle_silence(now),
            _ => None,
        };
        Step {
            packet: self.transmit(now, random),
            change,
        }
    }

    /// Takes effect as §6.8.3 has it: some changes only when the neighbour has confirmed them.
    pub fn configure(&mut self, settings: Settings) {
        let (up, heard) = (self.is_up(), self.remote.discriminator.is_some());
        self.timers.configure(settings, up, heard);
    }

    /// AdminDown (§6.8.16), which the neighbour is told at once and reminded of from then on. Keep
    /// the session for its [`Status::detection`] at least before it is dropped.
    pub fn disable(&mut self, diagnostic: Diagnostic, now: Duration) -> Option<Change> {
        self.become_state(State::AdminDown, diagnostic, now)
    }

    /// Ends AdminDown; otherwise nothing.
    pub fn enable(&mut self, now: Duration) -> Option<Change> {
        if self.state != State::AdminDown {
            return None;
        }
        self.become_state(State::Down, self.diagnostic, now)
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn discards(&self) -> &Discards {
        &self.discards
    }

    pub fn status(&self) -> Status {
        Status {
            discriminator: self.discriminator,
            state: self.state,
            diagnostic: self.diagnostic,
            since: self.since,
            remote: self.remote(),
            remote_discriminator: self.remote.discriminator,
            remote_detect_mult: self.remote.detect_mult,
            transmit_micros: self.transmit_micros(),
            detection: self.detection_time(),
            polling: self.timers.is_polling(),
            sent: self.counts.sent,
            received: self.counts.received,
            downs: self.counts.downs,
        }
    }

    /// The rules of §6.8.6 by which a packet is discarded; those that need no session are
    /// [`ControlView::decode`]'s.
    fn accept<'a>(&self, payload: &'a [u8], ttl: u8) -> Result<ControlView<'a>, Discard> {
        // RFC 5881 §5: "… MUST be discarded if the received TTL … is not equal to 255."
        if ttl != TTL {
            return Err(Discard::TimeToLive);
        }
        let packet = ControlView::decode(payload)?;
        // "If the Your Discriminator field is nonzero, it MUST be used to select the session …";
        // one of zero selects by where the packet arrived, which the caller has done.
        if packet
            .your_discriminator()
            .is_some_and(|yours| yours != self.discriminator)
        {
            return Err(Discard::UnknownSession);
        }
        // "If the A bit is set and no authentication is in use …"
        if packet.is_authenticated() {
            return Err(Discard::Authentication);
        }
        Ok(packet)
    }

    /// §6.8.6 from "Set bfd.RemoteDiscr" on, in its order.
    fn take_in(&mut self, packet: &ControlView<'_>, now: Duration) -> Option<Change> {
        self.counts.received += 1;
        self.remote = RemoteVariables {
            discriminator: Some(packet.my_discriminator()),
            state: packet.state(),
            diagnostic: packet.diagnostic(),
            demand: packet.demand(),
            required_min_rx_micros: packet.required_min_rx_micros(),
            desired_min_tx_micros: packet.desired_min_tx_micros(),
            detect_mult: packet.detect_mult(),
        };
        // Both intervals that follow from this are computed when they are asked for, so they are
        // "honoured immediately" (§6.8.3).
        self.timers
            .handle_packet(packet.r#final(), self.is_up(), now);
        // AdminDown: §6.8.6 discards the packet here. Its Poll is answered even so, since §6.8.7
        // wants that "without respect to the session state", and it tells that the neighbour is
        // there, which matters to bfd.RemoteDiscr alone.
        let change = self.next_state(packet.state()).and_then(|state| {
            let diagnostic = match state {
                // "Neighbor signaled session down."
                State::Down => Diagnostic::NEIGHBOR_SIGNALED_DOWN,
                State::Up => Diagnostic::NONE,
                // Why it went down can be read until it is Up.
                State::Init | State::AdminDown => self.diagnostic,
            };
            self.become_state(state, diagnostic, now)
        });
        // "If the Poll (P) bit is set, send a BFD Control packet … with … Final (F) …" Polls that
        // come before there is time to answer share an answer.
        self.answer_due |= packet.poll();
        self.last_received = Some(now);
        self.last_heard = Some(now);
        change
    }

    /// None to stay.
    fn next_state(&self, received: State) -> Option<State> {
        match (self.state, received) {
            (State::AdminDown, _) => None,
            (State::Down, State::Down) => Some(State::Init),
            (State::Down, State::Init) => Some(State::Up),
            (State::Down, State::AdminDown | State::Up) => None,
            (State::Init, State::AdminDown) => Some(State::Down),
            (State::Init, State::Down) => None,
            (State::Init, State::Init | State::Up) => Some(State::Up),
            (State::Up, State::AdminDown | State::Down) => Some(State::Down),
            (State::Up, State::Init | State::Up) => None,
        }
    }

    /// A Detection Time has passed without a packet.
    fn handle_silence(&mut self, now: Duration) -> Option<Change> {
        self.last_received = None;
        // §6.8.1: "If a period of a Detection Time passes without the receipt of a valid …
        // packet …, this variable MUST be set to zero."
        self.remote.discriminator = None;
        self.timers.handle_lost();
        match self.state {
            // §6.8.4.
            State::Init | State::Up => {
                self.become_state(State::Down, Diagnostic::DETECTION_TIME_EXPIRED, now)
            }
            State::Down | State::AdminDown => None,
        }
    }

    fn become_state(&mut self, to: State, diagnostic: Diagnostic, now: Duration) -> Option<Change> {
        let from = self.state;
        self.diagnostic = diagnostic;
        if from == to {
            return None;
        }
        self.state = to;
        self.since = now;
        if from == State::Up {
            self.counts.downs += 1;
        }
        if from == State::Up || to == State::Up {
            let heard = self.remote.discriminator.is_some();
            self.timers.handle_state(self.is_up(), heard);
        }
        Some(Change {
            from,
            to,
            diagnostic,
            remote: self.remote(),
        })
    }

    fn transmit(&mut self, now: Duration, random: u32) -> Option<ControlPacket> {
        let packet = self.contents();
        let sequence = if self.answer_due {
            // "… without respect to the transmission timer or any other transmission limitations"
            // (§6.8.7): the periodic packets go on as they would have.
            self.answer_due = false;
            Sequence::Final
        } else if self.has_news() || self.next_periodic().is_some_and(|at| at <= now) {
            self.last_sent = Some(now);
            self.jitter = random;
            // §6.5: on packets that are sent anyway. News are, when a change begins the sequence.
            if self.timers.is_polling() {
                self.timers.handle_poll(now);
                Sequence::Poll
            } else {
                Sequence::None
            }
        } else {
            return None;
        };
        self.said = Some(packet);
        self.counts.sent += 1;
        Some(ControlPacket { sequence, ..packet })
    }

    /// Of a packet that is neither Poll nor Final (§6.8.7).
    fn contents(&self) -> ControlPacket {
        let announced = self.timers.announced();
        ControlPacket {
            diagnostic: self.diagnostic,
            state: self.state,
            sequence: Sequence::None,
            detect_mult: self.timers.detect_mult(),
            my_discriminator: self.discriminator,
            your_discriminator: self.remote.discriminator,
            desired_min_tx_micros: announced.tx_micros,
            required_min_rx_micros: announced.rx_micros,
        }
    }

    /// §6.8.7: a packet "SHOULD be transmitted during the interval between periodic" ones when it
    /// would differ from the last other than by Poll and Final.
    fn has_news(&self) -> bool {
        self.said != Some(self.contents())
    }

    /// When the next periodic packet is due. From the last one on, by the interval as it now is: if
    /// the neighbour asks for more, nothing waits longer than that since the last (§6.8.3).
    fn next_periodic(&self) -> Option<Duration> {
        let interval = self.transmit_micros()?;
        let wait = jittered(interval, self.timers.detect_mult(), self.jitter);
        Some(self.last_sent.map_or(Duration::ZERO, |sent| sent + wait))
    }

    /// §6.8.7: "the greater of" what we want to send and what the neighbour wants to receive.
    fn transmit_micros(&self) -> Option<u32> {
        // "… MUST NOT periodically transmit … if bfd.RemoteMinRxInterval is zero."
        if self.remote.required_min_rx_micros == 0 {
            return None;
        }
        // "… MUST NOT periodically transmit … if Demand mode is active on the remote system
        // (bfd.RemoteDemandMode is 1, bfd.SessionState is Up, and bfd.RemoteSessionState is Up) and
        // a Poll Sequence is not being transmitted."
        let demanded = self.remote.demand && self.is_up() && self.remote.state == State::Up;
        if demanded && !self.timers.is_polling() {
            return None;
        }
        let own = self.timers.effective().tx_micros;
        Some(own.max(self.remote.required_min_rx_micros))
    }

    fn expiry(&self) -> Option<Duration> {
        Some(self.last_received? + self.detection_time())
    }

    /// §6.8.4, asynchronous mode: the neighbour's multiplier times "the greater of
    /// bfd.RequiredMinRxInterval and the last received Desired Min TX Interval".
    fn detection_time(&self) -> Duration {
        let own = self.timers.effective().rx_micros;
        let interval = own.max(self.remote.desired_min_tx_micros);
        Duration::from_micros(u64::from(self.remote.detect_mult.get()) * u64::from(interval))
    }

    fn remote(&self) -> Remote {
        Remote {
            state: self.remote.state,
            diagnostic: self.remote.diagnostic,
        }
    }

    fn is_up(&self) -> bool {
        self.state == State::Up
    }
}
