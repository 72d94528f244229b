# Contraseñas olvidadas, códigos de recuperación e inicios de sesión ajenos.

recovery-codes-title = Sus códigos de recuperación
not-me-title = ¿No fue usted?
not-me-done-title = Sesión cerrada en todas partes
forgot-title = ¿Olvidó su contraseña?
link-sent-title = Revise su correo
reset-title = Elegir una contraseña nueva
reset-gone-title = Enlace no válido
