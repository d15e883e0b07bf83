//! The fast replay and rate gate. It may refuse or not know; it never says yes.
