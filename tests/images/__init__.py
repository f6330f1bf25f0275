"""The container images as they are shipped, beside a real Redis and a real Label Studio (`make image-test`)."""
