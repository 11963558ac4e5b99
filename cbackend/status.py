"""The backend's errors."""


class ProgramError(Exception):
    """The lowering built something the runtime refuses: a defect in minijax itself."""
