"""`jax.experimental.rnn`: long short-term memory over batches of sequences.

The weights are one vector, in cuDNN's order. Each direction of a layer is a *pseudo-layer*
(forward, then backward) with a matrix for the inputs, one for the state before, and a bias
for each; its four gates (input, forget, cell, output) are joined along the first axis. All
matrices come first, then all biases. Arithmetic runs as what `lax` makes of it.
"""

import math
from typing import Any

import minijax.numpy as jnp
from minijax import lax, nn, random
from minijax.control.scan import scan

sigmoid, tanh = nn.sigmoid, jnp.tanh
PRNGKeyArray = Any  # for annotations, as JAX has it

_GATES = 4


def _directions(bidirectional):
    return 2 if bidirectional else 1


def _shapes(input_size, hidden_size, num_layers, bidirectional):
    """(shape of W_ih, of W_hh, of b_ih, of b_hh) for each pseudo-layer."""
    directions, rows = _directions(bidirectional), _GATES * hidden_size
    sizes = [input_size, *[hidden_size * directions] * (num_layers - 1)][:num_layers]
    layer = [((rows, n), (rows, hidden_size), (rows,), (rows,)) for n in sizes]
    return [shapes for shapes in layer for _ in range(directions)]


def _get_params_shapes_in_lstm(input_size, hidden_size, num_layers, bidirectional):
    """The shapes of the weights, in the order in which they lie in the vector."""
    shapes = _shapes(input_size, hidden_size, num_layers, bidirectional)
    matrices = [shape for parts in shapes for shape in parts[:2]]
    return matrices + [shape for parts in shapes for shape in parts[2:]]


def get_num_params_in_lstm(input_size, hidden_size, num_layers, bidirectional):
    """How many numbers the weights are."""
    shapes = _get_params_shapes_in_lstm(
        input_size, hidden_size, num_layers, bidirectional
    )
    return sum(math.prod(shape) for shape in shapes)


def init_lstm_weight(rng, input_size, hidden_size, num_layers, bidirectional):
    """Weights drawn uniformly between -k and k, k = sqrt(1 / hidden_size)."""
    count = get_num_params_in_lstm(input_size, hidden_size, num_layers, bidirectional)
    k = math.sqrt(1.0 / hidden_size)
    return random.uniform(rng, (count,), jnp.float32, minval=-k, maxval=k)


def unpack_lstm_weights(weights, input_size, hidden_size, num_layers, bidirectional):
    """(W_ih, W_hh, b_ih, b_hh): each a dict of what it is for each pseudo-layer."""
    sizes = input_size, hidden_size, num_layers, bidirectional
    shapes = _get_params_shapes_in_lstm(*sizes)
    parts, start = [], 0
    for shape in shapes:
        end = start + math.prod(shape)
        parts.append(jnp.reshape(weights[start:end], shape))
        start = end
    matrices, biases = parts[: len(parts) // 2], parts[len(parts) // 2 :]
    kinds = matrices[::2], matrices[1::2], biases[::2], biases[1::2]
    return tuple([dict(enumerate(kind)) for kind in kinds])


def swap_lstm_gates(weights, input_size, hidden_size, num_layers, bidirectional):
    """The weights, with those of the gates for the cell and for the output swapped."""
    sizes = input_size, hidden_size, num_layers, bidirectional
    flat, start = [], 0
    for shape in _get_params_shapes_in_lstm(*sizes):
        end = start + math.prod(shape)
        gates = jnp.split(jnp.reshape(weights[start:end], shape), _GATES, axis=0)
        first, forget, cell, output = gates
        flat.append(jnp.concatenate([first, forget, output, cell], axis=0).ravel())
        start = end
    return jnp.concatenate(flat)


def _flip_sequence(sequences, seq_lengths):
    """[batch, time, ...] with the first `seq_lengths` steps of each turned around."""
    steps = jnp.arange(sequences.shape[1])[None]
    lengths = seq_lengths[:, None]
    places = jnp.where(steps < lengths, lengths - 1 - steps, steps)
    return jnp.take_along_axis(sequences, places[:, :, None], axis=1)


def _one_direction(x, h, c, weights, seq_lengths):
    """(outputs [batch, time, hidden], last h, last c) of one pseudo-layer; after its end a
    sequence's state stays, and its outputs are 0.
    """
    w_ih, w_hh, b_ih, b_hh = weights

    def step(carry, at):
        h, c = carry
        t, inputs = at
        gates = inputs @ w_ih.T + b_ih + h @ w_hh.T + b_hh
        first, forget, cell, output = jnp.split(gates, _GATES, axis=-1)
        new_c = sigmoid(forget) * c + sigmoid(first) * tanh(cell)
        new_h = sigmoid(output) * tanh(new_c)
        runs = (t < seq_lengths)[:, None]
        carry = jnp.where(runs, new_h, h), jnp.where(runs, new_c, c)
        return carry, jnp.where(runs, new_h, 0)

    times = jnp.arange(x.shape[1])
    (h, c), y = scan(step, (h, c), (times, jnp.swapaxes(x, 0, 1)))
    return jnp.swapaxes(y, 0, 1), h, c


def lstm_ref(x, h_0, c_0, W_ih, W_hh, b_ih, b_hh, seq_lengths, input_size, hidden_size,
             num_layers, dropout, bidirectional):  # fmt: skip
    """As `lstm`, of unpacked weights."""
    if seq_lengths.dtype != jnp.dtype("int32"):
        raise NotImplementedError("`seq_lengths` can only be int32.")
    if dropout != 0.0:
        raise NotImplementedError(
            "Dropout is not supported in LSTM: `dropout` must be 0."
        )
    last_h, last_c = [], []
    for layer in range(num_layers):
        outputs = []
        for direction in range(_directions(bidirectional)):
            k = layer * _directions(bidirectional) + direction
            weights = W_ih[k], W_hh[k], b_ih[k], b_hh[k]
            inputs = _flip_sequence(x, seq_lengths) if direction else x
            y, h, c = _one_direction(inputs, h_0[k], c_0[k], weights, seq_lengths)
            outputs.append(_flip_sequence(y, seq_lengths) if direction else y)
            last_h.append(h)
            last_c.append(c)
        x = jnp.concatenate(outputs, axis=-1)
    return x, jnp.stack(last_h), jnp.stack(last_c)


def lstm(x, h_0, c_0, weights, seq_lengths, input_size, hidden_size, num_layers, dropout,
         bidirectional, precision: lax.PrecisionLike = None):  # fmt: skip
    """A stack of LSTM layers over sequences.

    Args:
        x: inputs, [batch, time, input_size].
        h_0: first outputs, [pseudo-layers, batch, hidden_size].
        c_0: first states of the cells, of the same shape.
        weights: a vector; see the module.
        seq_lengths: how many steps each sequence has, a vector of int32.
        input_size: of each step.
        hidden_size: of each direction's output.
        num_layers: static.
        dropout: must be 0.
        bidirectional: whether each layer has a second direction.
        precision: accepted; products run in float32.

    Returns:
        (outputs [batch, time, directions * hidden_size], last outputs and last states of
        the cells, as `h_0`).
    """
    w_ih, w_hh, b_ih, b_hh = unpack_lstm_weights(
        weights, input_size, hidden_size, num_layers, bidirectional
    )
    return lstm_ref(x, h_0, c_0, w_ih, w_hh, b_ih, b_hh, seq_lengths, input_size,
                    hidden_size, num_layers, dropout, bidirectional)  # fmt: skip
