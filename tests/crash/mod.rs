//! What survives when processes die: the real binary under load, killed at random.

mod kill;
