"""Reads, runs, trains and inspects Caffe prototxt nets."""
