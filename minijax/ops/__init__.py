"""First-order primitives: each op and all its rules in one block."""
