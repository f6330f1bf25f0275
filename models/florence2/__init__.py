"""Florence-2: encode an image once, ask it many prompts, read boxes and scores from the tokens."""
