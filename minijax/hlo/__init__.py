"""Programs in the notation of XLA's HLO, to be read and compared; nothing runs them."""
