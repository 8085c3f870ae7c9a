"""The floor of the decision path: Django answering JSON without any middleware, under the same server."""
