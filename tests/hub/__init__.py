"""The model hub on loopback: a stand-in with the pinned repositories' own small files, and what goes wrong."""
