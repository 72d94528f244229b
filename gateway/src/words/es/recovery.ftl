# Contraseñas olvidadas, códigos de recuperación e inicios de sesión ajenos.

recovery-codes-title = Sus códigos de recuperación
not-me-title = ¿No fue usted?
not-me-done-title = Sesión cerrada en todas partes
forgot-title = ¿Olvidó su contraseña?
link-sent-title = Revise su correo
reset-title = Elegir una contraseña nueva
reset-gone-title = Enlace no válido

# Donde se pide un enlace; el título es forgot-title.
forgot-lead = Introduzca la dirección de correo de su cuenta. Le enviamos allí un enlace para elegir una contraseña nueva.
e-mail-address = Dirección de correo
send-the-link = Enviar el enlace
forgot-hint = ¿No sabe cuál es esa dirección o ya no puede abrir su buzón? Consulte a su administrador.
# En lugar del formulario, donde no se envía correo.
forgot-without-mail = Su administrador puede darle un enlace para elegir una contraseña nueva. Pídaselo.
# Un enlace.
back-to-sign-in = Volver al inicio de sesión

# Lo mismo exista o no una cuenta con la dirección; el título es link-sent-title. $minutes es 30.
link-sent-lead = Si alguna cuenta tiene la dirección { $email }, va en camino un enlace para elegir una contraseña nueva. Funciona una sola vez y durante { $minutes } minutos.
link-sent-hint = ¿No llega nada en unos minutos? Mire en el correo no deseado, o compruebe la dirección y vuelva a pedirlo.
# Un enlace.
use-another-address = Usar otra dirección

# Donde se elige otra contraseña; el título es reset-title.
reset-lead = Después iniciará sesión con ella. Se cerrará la sesión en los navegadores, teléfonos y aplicaciones nativas donde ahora la tiene iniciada.
# Un botón.
save-the-password = Guardar la contraseña

# De un enlace de un correo que ya se usó o es demasiado antiguo.
link-gone-heading = Este enlace no se puede usar
reset-gone-lead = Ya se usó, es demasiado antiguo, lo sustituyó uno más reciente o no está completo.
# Un botón.
ask-for-a-new-link = Pedir un enlace nuevo

# De un inicio de sesión del que avisó un correo; el título es not-me-title. $device es, por ejemplo, «Firefox on Windows»; $when, «hace 2 minutos» o una fecha.
not-me-lead = Alguien inició sesión con { $device } desde { $address } ({ $when }).
# Un botón.
sign-out-everywhere = Cerrar sesión en todas partes
not-me-hint = Cierra su sesión en todos los navegadores, teléfonos y aplicaciones nativas. Si fue usted, no tiene que hacer nada.
not-me-done-heading = Se cerró su sesión en todas partes
not-me-done-lead = También se cerró la de quien haya sido. Alguien conoce su contraseña: elija otra ahora.
# Debajo de link-gone-heading.
not-me-gone-lead = Ya se usó, es demasiado antiguo o no está completo. Si alguien inició sesión en su nombre, conoce su contraseña: elija otra ahora.
# Un botón.
choose-another-password = Elegir otra contraseña
