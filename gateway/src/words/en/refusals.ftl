# Whoever does not come in, and why.

not-allowed-title = Not open to you
token-only-title = For programs only
certificate-required-title = Certificate missing
bad-request-title = Request not understood
not-found-title = Page not found
app-down-title = App not available
unavailable-title = Try again in a moment
