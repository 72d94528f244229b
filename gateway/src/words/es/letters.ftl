# Correos, mensajes de texto y llamadas.

# Cómo empieza cada correo.
letter-hello = Hola, { $name }:
# En correos sin formato: lo que hace un enlace y, debajo, el enlace. $action es letter-not-me o letter-choose-password.
letter-action = { $action }:
# Datos, uno por línea. $when es letter-moment, $who es letter-administrator.
letter-when = Cuándo: { $when }
letter-from = Desde: { $address }
letter-with = Dispositivo: { $device }
letter-by = Por: { $who }
letter-administrator = un administrador
# $date es when-date, $time como 8:00 UTC.
letter-moment = { $date }, { $time }

# Alguien inició sesión desde un lugar nuevo.
letter-new-place-subject = Nuevo inicio de sesión en su cuenta de { $organization }
letter-new-place = Alguien inició sesión en su cuenta desde un lugar nuevo. Si fue usted, todo está bien.
# Un botón, y palabras encima de un enlace.
letter-not-me = No fui yo: cerrar sesión en todas partes
letter-new-place-otherwise = Si no fue usted, elija además otra contraseña: alguien conoce la actual.

# Un código por correo.
letter-code-subject = Código de inicio de sesión para { $organization }
letter-code = Su código de inicio de sesión es { $code }. Sirve una sola vez y durante { $minutes } minutos.
letter-code-otherwise = Solo se lo pide la página en la que está iniciando sesión, y nadie más. Si no está iniciando sesión, alguien conoce su contraseña. Cámbiela de inmediato.
# Un mensaje de texto; los teléfonos muestran el principio. Le sigue una línea para programas.
text-message-code = { $code } es su código de inicio de sesión para { $organization }. Nadie de { $organization } se lo pedirá nunca.
# Lo dice una voz. $digits es el código, cifra por cifra.
call-code = Su código de inicio de sesión para { $organization } es { $digits }. Otra vez: { $digits }.

# Una contraseña olvidada.
letter-reset-subject = Restablecer su contraseña de { $organization } (Password reset)
letter-reset = Alguien pidió restablecer la contraseña de su cuenta de { $organization }. Si fue usted, elija una nueva. El enlace funciona una sola vez y durante { $minutes } minutos.
# Un botón, y palabras encima de un enlace.
letter-choose-password = Elegir una contraseña nueva
letter-reset-otherwise = Si no fue usted, no tiene que hacer nada: su contraseña sigue como está.

# Cambió algo con lo que se inicia sesión. $what es uno de los asuntos de abajo; cada uno va con su primera frase.
letter-change-subject = { $what } · { $organization }
# Cómo termina un correo así.
letter-change-unexpected = Si no lo esperaba, avise de inmediato a su administrador y revise en qué dispositivos tiene la sesión iniciada: { $account }
letter-password-subject = Se cambió su contraseña
letter-password = Se cambió la contraseña de su cuenta.
letter-password-reset-subject = Se restableció su contraseña
letter-password-reset = Se cambió la contraseña de su cuenta con un enlace de un correo. Se cerró su sesión en todas partes.
letter-authenticator-subject = Se configuró una aplicación de autenticación
letter-authenticator = Se configuró una aplicación de autenticación para su cuenta. A partir de ahora sus códigos son su segundo paso.
letter-passkey-subject = Se añadió una clave de acceso (passkey)
letter-passkey = Una clave de acceso (passkey) o llave de seguridad llamada «{ $name }» da acceso a su cuenta.
letter-passkey-removed-subject = Se eliminó una clave de acceso (passkey)
letter-passkey-removed = La clave de acceso (passkey) o llave de seguridad llamada «{ $name }» ya no da acceso a su cuenta.
letter-two-step-off-subject = Se desactivó el inicio de sesión en dos pasos
letter-two-step-off = Se eliminó el segundo paso de su cuenta, con sus códigos de recuperación.
# $number se muestra en parte.
letter-telephone-subject = Se configuró un teléfono para códigos
letter-telephone = A partir de ahora los códigos de inicio de sesión van al número { $number }, si así lo elige.
letter-codes-by-mail-subject = Se configuraron los códigos por correo
letter-codes-by-mail = A partir de ahora los códigos de inicio de sesión van a esta dirección, si así lo elige.
letter-codes-off-subject = Se eliminó una forma de recibir códigos
letter-codes-off = Se eliminó una de las formas en que recibe los códigos de inicio de sesión.
letter-questions-subject = Se configuraron las preguntas de seguridad
letter-questions = Se configuraron preguntas de seguridad para su cuenta, en lugar de las que hubiera.
letter-recovery-codes-subject = Se crearon códigos de recuperación nuevos
letter-recovery-codes = Se crearon códigos de recuperación nuevos para su cuenta. Los anteriores ya no sirven.
letter-token-subject = Se creó un token de API
letter-token = A partir de ahora, con un token llamado «{ $name }» se puede actuar en su nombre.
letter-app-password-subject = Se creó una contraseña de aplicación
letter-app-password = A partir de ahora un programa al que usted llama «{ $name }» puede iniciar sesión en su nombre.
letter-address-subject = Se cambió la dirección de su cuenta
letter-address = A partir de ahora la dirección de su cuenta es { $address }.
# Lo mismo, si ya no tiene ninguna.
letter-no-address = A partir de ahora su cuenta no tiene dirección.
