# La página de la cuenta y lo que se cambia desde ella.

account-title = Su cuenta
new-password-title = Cambiar la contraseña
new-codes-title = Nuevos códigos de recuperación
questions-title = Preguntas de seguridad
authenticator-title = Aplicación de autenticación
new-token-title = Crear un token de API
token-made-title = Su nuevo token
