//! Several nodes, and what they share.

mod control;
