"""Small servers of the tests that speak the wire formats of outside services, and can be told
to misbehave.
"""
