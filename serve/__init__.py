"""Who sees it: the HTTP API, the planners' page, sign-in."""
