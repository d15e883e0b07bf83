//! The sequencer: numbers what was committed, extends the hash chain, assigns pass sequence numbers.
