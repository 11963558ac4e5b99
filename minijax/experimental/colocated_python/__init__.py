"""Python functions that run beside the devices of their arrays.

The one device is this process's own CPU, so a function runs where it is called; what may
go in and out is checked as for one that travels.
"""

from minijax.experimental.colocated_python.api import (
    colocated_cpu_devices as colocated_cpu_devices,
)
from minijax.experimental.colocated_python.api import (
    colocated_python as colocated_python,
)
from minijax.experimental.colocated_python.api import (
    colocated_python_class as colocated_python_class,
)
