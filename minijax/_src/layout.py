"""How arrays lie in memory."""

from minijax._src._homes import names_of
from minijax.experimental.layout import Layout

AutoLayout = Layout.AUTO

__getattr__ = names_of(__name__, "minijax.experimental.layout")
