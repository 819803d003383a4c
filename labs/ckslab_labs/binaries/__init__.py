"""Control-plane programs, built from source.

``catalog`` says which programs there are, ``locate`` finds them and has the missing ones built, ``build`` runs Go,
``golang`` finds Go, ``doctor`` tells what is missing on this machine. Nothing here starts a control plane.
"""
