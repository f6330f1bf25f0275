"""How a checkpoint is decoded, judged and believed: rules with a name, kept with each model.

What is not named here is as the checkpoint's own `generation_config.json` says, which is how transformers,
the reference, decodes it. A rule that departs from that was measured on the very checkpoint that names it.
Imports nothing: every process reads these rules, most of them without a model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["MAX_NEW_TOKENS", "Answering", "Gate", "GateRules", "Neutral", "Overrides"]

#: Which boxes CLIP judges: every one of an asked phrase, doubtful and contested ones, none.
Gate: TypeAlias = Literal["every", "doubtful", "off"]

#: The most tokens of one answer: a Florence-2 has places for so many.
MAX_NEW_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class GateRules:
    """What is doubtful, contested, and dropped; see `models.gate`."""

    #: Every box, since the model boxes what is not there too, unless it was measured to stop at absent
    #: phrases by itself.
    judged: Gate = "every"
    #: A box surer than this is not doubtful, unless it covers nearly the whole image.
    sure_score: float = 0.8
    #: Share of the image over which a box is doubtful whatever its score.
    large_share: float = 0.82
    #: A doubtful box is dropped when CLIP gives its phrase less than this.
    least_agreement: float = 0.03
    #: Boxes of two phrases that overlap more than this (IoU) are in the same place.
    same_place_iou: float = 0.5


@dataclass(frozen=True, slots=True)
class Answering:
    """The rules of one checkpoint; the defaults are the reference's, and hold for any local folder."""

    #: Beams of the search; `None`: as the checkpoint's generation config says.
    num_beams: int | None = None
    #: Most tokens of one answer; what needs more is cut short.
    max_new_tokens: int = MAX_NEW_TOKENS
    #: In answers with places, no run of so many tokens is written twice (0: any may be); `None`: as the
    #: generation config says. Texts always follow the generation config.
    no_repeat_ngram_of_places: int | None = None
    #: Stop where stopping is likelier than all else together, not merely than any one token. Greedy
    #: decoding only.
    stop_by_majority: bool = False
    #: What CLIP has a say in.
    gate: GateRules = field(default_factory=GateRules)
    #: Least score of a region where neither the label config nor a setting names one, 0..1.
    score_threshold: float = 0.3


@dataclass(frozen=True, slots=True)
class Neutral:
    """Texts that say nothing in particular, which a classifier sets candidates against.

    As they stand by default they are put into the candidates' own templates and are one class, so that
    both sides are means over the same sentences.
    """

    texts: tuple[str, ...] = ("thing", "object", "item", "scene", "view")
    #: Put into the templates and made one class; else each is a class, as it stands.
    templated: bool = True
    #: How much likelier than these, in logits, a box's phrase must be to keep its whole score. It holds for
    #: one checkpoint, whose logits have a scale of their own; 0 where nothing was measured.
    margin: float = 0.0
    #: None of the candidates fits where the best of them is less likely than this beside these texts, 0..1.
    #: It holds for one checkpoint; 0 where nothing was measured: then one always fits.
    least_fit: float = 0.0


@dataclass(frozen=True, slots=True)
class Overrides:
    """What an operator asks otherwise than the checkpoints say; `None`: as they say."""

    num_beams: int | None = None
    max_new_tokens: int | None = None
    gate: Gate | None = None
