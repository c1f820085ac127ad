"""Who is asking: the session token of the web shop."""

import jwt


class NotSignedIn(Exception):
    """The token is missing, broken or too old."""


def customer_of(token, key):
    """The customer whose session this is."""
    try:
        claims = jwt.decode(token, key, algorithms=["HS256"])
        return claims["sub"]
    except (jwt.InvalidTokenError, KeyError) as error:
        raise NotSignedIn from error
