"""The documents of `_src.pretty_printer` are laid out and colored as JAX's are."""

import random

import pytest
from sides import Side

SIDES = Side("jax")("_src.pretty_printer"), Side("minijax")("_src.pretty_printer")
WORDS = "a", "bcd", "<&>", "", "longer text", 'q"'


def _document(rng, depth, notes=True):
    """A random document, as a function of the module that makes it."""
    kind = rng.choice(
        ["text", "brk", "concat", "group", "nest", "color", "source", "join"]
    )
    if depth == 0 or kind in ("text", "brk"):
        word, note = (
            rng.choice(WORDS),
            rng.choice([None, None, None, "note" if notes else None]),
        )
        if kind == "brk":
            return lambda pp: pp.brk(word or " ")
        anchor, href = rng.choice([(None, None), ("to", None), (None, "#to")])
        return lambda pp: pp.text(word, note, anchor, href)
    parts = [_document(rng, depth - 1, notes) for _ in range(rng.randrange(1, 4))]
    n, source = rng.randrange(4), rng.randrange(3)
    colors = [rng.choice([None, "RED", "BLUE"]) for _ in range(2)]
    strength = rng.choice([None, "DIM", "BRIGHT", "NORMAL"])

    def make(pp):
        docs = [part(pp) for part in parts]
        whole = pp.concat(docs)
        if kind == "color":
            found = [None if c is None else pp.Color[c] for c in colors]
            return pp.color(whole, *found, strength and pp.Intensity[strength])
        made = {
            "concat": lambda: docs[0] + whole, "group": lambda: pp.group(whole),
            "nest": lambda: pp.nest(n, whole), "source": lambda: pp.source_map(whole, source),
            "join": lambda: pp.join(pp.text(",") + pp.brk(), docs),
        }  # fmt: skip
        return made[kind]()

    return make


@pytest.mark.parametrize("notes", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_random_documents(seed, notes):
    """Of colors that go on over lines with notes, JAX loses the end."""
    make = _document(random.Random(seed), 4, notes)

    def told(pp):
        doc, found = make(pp), [repr(make(pp))]
        for style in pp.OutputFormat:
            for width in (6, 20, 80):
                options = {
                    "width": width,
                    "output_format": style,
                    "annotation_prefix": " //",
                }
                for use_color in (False, True):
                    regions = []
                    for more in (
                        {"separable_lines": True},
                        {"source_map": regions},
                        {},
                    ):
                        if not (notes and use_color) or more:
                            text = doc.format(use_color=use_color, **options, **more)
                            found.append((text, list(regions)))
        return found

    theirs, ours = map(told, SIDES)
    assert ours == theirs


def test_helpers():
    def told(pp):
        docs = [
            pp.nil(), pp.join(pp.text(","), []), pp.keyword(pp.text("let")),
            pp.type_annotation(pp.text("f32")), pp.brk("-"), pp.text("a", annotation="n"),
        ]  # fmt: skip
        return [(repr(d), str(d), d.format(use_color=True)) for d in docs], [
            (kind.name, kind.value) for kind in (*pp.Color, *pp.Intensity)
        ]

    theirs, ours = map(told, SIDES)
    assert ours == theirs


def test_jaxprs_as_documents():
    """Names go on from one jaxpr to the next of a context."""

    def told(side):
        core = side("_src.core")
        jaxpr = side.make_jaxpr(lambda x, y: side.jit(lambda x: x * y)(x) + 1)(
            1.0, 2.0
        ).jaxpr
        settings, context = core.JaxprPpSettings(), core.JaxprPpContext()
        bare = core.JaxprPpSettings(print_shapes=False)
        docs = [core.pp_jaxpr(jaxpr, context, settings)]
        docs += [core.pp_eqn(eqn, context, bare) for eqn in jaxpr.eqns]
        docs.append(core.pp_jaxpr(jaxpr, core.JaxprPpContext(), bare))
        return [doc.format(use_color=False) for doc in docs]

    theirs, ours = map(told, (Side("jax"), Side("minijax")))
    assert ours == theirs
