"""Infrastructure: database, queue, keys, clock, HTTP, mail, documents, settings and log.

Only this layer uses redis, requests and the process environment, and it knows nothing about
hosting. All layers above may import it; it imports only domain.
"""
