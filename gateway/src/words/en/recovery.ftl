# Forgotten passwords, recovery codes, and sign-ins that were somebody else's.

recovery-codes-title = Your recovery codes
not-me-title = Was it not you?
not-me-done-title = Signed out everywhere
forgot-title = Forgot your password?
link-sent-title = Look into your mail
reset-title = Choose a new password
reset-gone-title = Link not valid
