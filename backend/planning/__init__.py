"""Control tags -> what to ask of the models, and what to make of the answers' labels and thresholds."""
