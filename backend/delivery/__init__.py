"""Predictions on their way into Label Studio: who may write which, and the one writer."""
