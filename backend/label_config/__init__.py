"""A project's label config: from its XML to the control tags, labels and thresholds in it."""
