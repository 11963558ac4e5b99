"""The backend's errors."""


class ProgramError(Exception):
    """The lowering built something the runtime refuses: a defect in minijax itself."""


class RuntimeFailure(RuntimeError):
    """The C runtime reported a failure; the message is its own."""
