//! What is owed to wallets: claims, retries, coalescing, dead letters.
