# Contraseñas de aplicación.

new-app-password-title = Crear una contraseña de aplicación
app-password-made-title = Su nueva contraseña de aplicación
