"""Everything that knows Label Studio's formats: label config, request bodies, regions, versions."""
