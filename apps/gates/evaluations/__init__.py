"""Imported evaluations (STAGE-2): one row an input, its provenance and its outcome; P1, V3 and V4 rest on them."""
