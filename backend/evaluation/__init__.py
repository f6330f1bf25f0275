"""How good the models are on images that people have labelled: `firstpass evaluate`.

coco, yolo, voc, project, export -> LabelledSet     what is there, by people
items                             -> Item            one image, what to ask of it, what is there
asking, run                       -> answers         kept in a ledger, so that a stopped run goes on
box_figures, tag_figures          -> Evaluation      what the answers are worth
report_*, worst, thresholds       -> people, files, the label config
"""
