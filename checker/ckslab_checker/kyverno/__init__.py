"""Kyverno's policies: what a file of them holds, and who decides what they do.

``policies`` reads the file and refuses what cannot be asked here, ``asking`` says who asks for what, ``cli`` lets
Kyverno's own command decide, ``apiserver`` lets a real API server decide what that command cannot.
"""
