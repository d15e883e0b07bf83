//! The pure core: commands, working set, decide. No HTTP, no SQL, no wallet, no await.
