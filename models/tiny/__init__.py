"""The bundled pair of small checkpoints, the scenes they were trained on, and their evaluation."""
