"""Runs the command line by `python -m rrn_tf.cli`."""

from rrn_tf.cli.main import main

main(prog_name="rrn")
