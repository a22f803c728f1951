"""What a desk keeps in its database, and several desks share: a queue with its results, and tokens.

An SQLite file beside the uploads, or a PostgreSQL database for several desks at once.
"""

from provenance.service.state.queue import Claim, Full, Outcome, Queue
from provenance.service.state.tables import DeskDatabase
from provenance.service.state.tokens import Token, Tokens

__all__ = ["Claim", "DeskDatabase", "Full", "Outcome", "Queue", "Token", "Tokens"]
