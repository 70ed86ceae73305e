//! [`State`]: how far a future is.

/// How far a future is, by the names of `concurrent.futures`. It goes forward only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Nobody has begun the work.
    Pending,
    /// Somebody does it.
    Running,
    /// It will not be done; the worker does not know yet.
    Cancelled,
    /// It will not be done, and those who wait for several futures have been told.
    CancelledAndNotified,
    /// It has come to a result or has failed.
    Finished,
}

impl State {
    /// Whether the future has come to its end, so that nobody need wait for it.
    pub fn is_done(self) -> bool {
        self.is_cancelled() || self == Self::Finished
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(self) -> bool {
        matches!(self, Self::Cancelled | Self::CancelledAndNotified)
    }

    /// The name that `concurrent.futures` has for it.
    ///
    /// ```
    /// use ungil_exec::State;
    ///
    /// assert_eq!(State::CancelledAndNotified.name(), "CANCELLED_AND_NOTIFIED");
    /// assert_eq!(State::named("RUNNING"), Some(State::Running));
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Cancelled => "CANCELLED",
            Self::CancelledAndNotified => "CANCELLED_AND_NOTIFIED",
            Self::Finished => "FINISHED",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|state| state.name() == name)
    }

    pub(crate) fn from_number(number: u8) -> Self {
        ALL[usize::from(number)]
    }
}

const ALL: [State; 5] =
    [State::Pending, State::Running, State::Cancelled, State::CancelledAndNotified, State::Finished];
