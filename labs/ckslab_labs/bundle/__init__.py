"""Bundles: one archive with all that a lab needs, for machines that reach no registry and no Go proxy.

``saving`` makes one and ``loading`` puts one in place; ``manifest`` says what is in it, ``archive`` writes and verifies
it, ``programs`` knows the cache of programs, ``images`` asks the Docker engine. A bundle holds exactly what this ckslab
would build and pull, under the same names, so nothing is asked about it afterwards.

Digests find damage, not malice: who makes a bundle chooses the programs that run where it is loaded.
"""
