"""Every kind of control that the tiny models serve, stored by the real Label Studio under its strict check."""

from __future__ import annotations

from collections import defaultdict

import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.images import demo_images
from backend.demo.run import predict_all
from backend.plain import Json
from tests.e2e.test_predictions import upload
from tests.real_label_studio import NewProject

SHAPES = (
    '<Label value="Round" predicted_values="circle,ring"/>'
    '<Label value="Pointed" predicted_values="star,triangle,square,heart,cross"/>'
)
CONTROLS = f"""
<View>
  <Image name="picture" value="$image"/>
  <RectangleLabels name="box" toName="picture">{SHAPES}</RectangleLabels>
  <EllipseLabels name="round" toName="picture">{SHAPES}</EllipseLabels>
  <KeyPoint name="point" toName="picture"/>
  <Labels name="spot" toName="picture">{SHAPES}</Labels>
  <Choices name="colour" toName="picture" perRegion="true" model_prompt="{{}} shape">
    <Choice value="red"/><Choice value="green"/><Choice value="blue"/><Choice value="yellow"/>
  </Choices>
  <Taxonomy name="kind" toName="picture" perRegion="true" visibleWhen="region-selected" whenTagName="box">
    <Choice value="shape" predicted_values="circle,square,triangle">
      <Choice value="curved" predicted_values="circle,ring,heart"/>
      <Choice value="straight" alias="s" predicted_values="square,triangle,star,cross"/>
    </Choice>
  </Taxonomy>
  <TextArea name="caption" toName="picture"/>
  <Number name="all" toName="picture"/>
  <Number name="rounds" toName="picture" model_count="Round"/>
  <Rating name="rating" toName="picture"/>
</View>
"""


@pytest.fixture
def rows(client: LabelStudioClient, new_project: NewProject) -> list[Json]:
    """The stored predictions of eight scenes."""
    project = new_project(CONTROLS)
    upload(client, project, 8)
    return list(predict_all(client, project, 8, deadline_s=600).values())


def test_every_control_is_filled_and_stored(rows: list[Json]):
    """Label Studio takes each row; regions, their siblings, texts and numbers are all there."""
    names = {region["from_name"] for row in rows for region in row["result"]}

    assert len(rows) == 8 == len(demo_images(8))
    assert names == {
        "all", "box", "caption", "colour", "kind", "point", "round", "rounds", "spot"
    }  # fmt: skip


def test_siblings_and_counts_agree_with_the_boxes(rows: list[Json]):
    """A colour under a box's id, a kind for boxes alone, and as many boxes as the number says."""
    for row in rows:
        by_tag = defaultdict(list)
        for region in row["result"]:
            by_tag[region["from_name"]].append(region)
        boxes = {region["id"] for region in by_tag["box"]}
        drawn = boxes | {r["id"] for name in ("round", "spot") for r in by_tag[name]}

        assert {region["id"] for region in by_tag["colour"]} <= drawn
        assert {region["id"] for region in by_tag["kind"]} <= boxes
        assert [region["value"]["number"] for region in by_tag["all"]] == [len(boxes)]
        rounds = [r for r in by_tag["box"] if r["value"]["rectanglelabels"] == ["Round"]]
        assert [region["value"]["number"] for region in by_tag["rounds"]] == [len(rounds)]
