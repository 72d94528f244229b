# App passwords.

new-app-password-title = Make an app password
app-password-made-title = Your new app password
