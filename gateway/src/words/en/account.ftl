# The account page and what is changed from it.

account-title = Your account
new-password-title = Change your password
new-codes-title = New recovery codes
questions-title = Security questions
authenticator-title = Authenticator app
new-token-title = Make an API token
token-made-title = Your new token
