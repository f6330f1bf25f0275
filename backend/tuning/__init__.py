"""Thresholds and calibrations of labels from what people made of predictions."""
