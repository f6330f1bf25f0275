"""The learned head that a control tag names, put into a label config or taken out. Pure."""

from __future__ import annotations

from collections.abc import Collection

from backend.label_config.label_tags import control_start_tags, with_attribute

__all__ = ["HEAD_ATTRIBUTE", "with_head", "without_heads"]

HEAD_ATTRIBUTE = "model_head"


def with_head(xml: str, controls: Collection[str], fingerprint: str) -> str:
    """The label config in which these control tags name that head, and no other tag names one.

    Nothing else of the text changes. Raises `LabelConfigError` for XML that cannot be read.

    >>> with_head('<View><Labels name="b" toName="i"><Label value="Car"/></Labels></View>', ["b"], "0" * 32)
    '<View><Labels name="b" model_head="00000000000000000000000000000000" toName="i"><Label value="Car"/></Labels></View>'
    """
    text = xml.encode()
    for tag in reversed(control_start_tags(xml)):
        named = fingerprint if tag.control in controls else None
        if tag.attributes.get(HEAD_ATTRIBUTE) != named:
            text = with_attribute(text, tag, HEAD_ATTRIBUTE, named)
    return text.decode()


def without_heads(xml: str) -> str:
    """The label config in which no control tag names a head; itself where none does. Raises as `with_head`.

    >>> without_heads('<View><Labels name="b" model_head="0" toName="i"><Label value="Car"/></Labels></View>')
    '<View><Labels name="b" toName="i"><Label value="Car"/></Labels></View>'
    """
    return with_head(xml, (), "")
