# Iniciar sesión: nombre y contraseña, el segundo paso y su configuración.

sign-in-title = Iniciar sesión
sign-in-to = para continuar a { $app }
user-name = Nombre de usuario
password = Contraseña
continue = Continuar
sign-in-with-passkey = Iniciar sesión con una clave de acceso
forgot-password = ¿Olvidó la contraseña?
set-up-title = Configurar el inicio de sesión en dos pasos
invitation-title = Elegir una contraseña
invitation-gone-title = Invitación no válida
send-code-title = Recibir un código
sent-code-title = Introducir el código
enter-code-title = Introducir el código
recovery-code-title = Introducir un código de recuperación
