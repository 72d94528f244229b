# Qué salió mal, encima de un formulario.

# Cuánto dura algo, en medio de frases.
span-seconds = { $count ->
    [one] 1 segundo
   *[other] { $count } segundos
}
span-minutes = { $count ->
    [one] 1 minuto
   *[other] { $count } minutos
}

# Al iniciar sesión. Nunca se dice si lo incorrecto es el nombre o la contraseña.
problem-wrong = Ese nombre de usuario y esa contraseña no coinciden. Revise ambos e inténtelo de nuevo.
# $span es una de las duraciones de arriba; $when, una hora del día con su zona horaria, «10:42 UTC».
problem-wait = Demasiados intentos. Inténtelo de nuevo en { $span } (a las { $when }).
problem-busy = Muchas personas están iniciando sesión. Inténtelo de nuevo en unos segundos.
problem-took-too-long = Este inicio de sesión tardó demasiado. Empiece de nuevo.
problem-session-over = Su sesión se cerró por inactividad.
problem-session-ended = Su sesión se cerró. Inicie sesión de nuevo para seguir.
problem-password-reset = Su contraseña ya está cambiada. Inicie sesión con ella.

# Códigos. Los dos primeros son los de la aplicación de autenticación; los dos siguientes, los de la lista de recuperación.
problem-wrong-code = Ese código no es correcto. Introduzca el más reciente. Si sigue fallando, compruebe que su teléfono ajusta la hora automáticamente.
problem-used-code = Este código ya se usó. Espere al siguiente.
problem-wrong-recovery-code = Ese código de recuperación no es correcto. Compárelo con su lista, letra por letra.
problem-used-recovery-code = Este código de recuperación ya se usó. Introduzca otro de su lista.
problem-too-many-codes = Demasiados códigos incorrectos. Empiece de nuevo.
# Códigos que se envían. $span y $when como arriba.
problem-wrong-sent-code = Ese código no es correcto. Solo vale el más reciente, y cada uno sirve durante diez minutos.
problem-sent-enough = Ya se enviaron muchos códigos. Use otra forma o pida uno en { $span } (a las { $when }).
# El número es un ejemplo.
problem-no-phone = No se puede contactar con ese número. Escriba el signo más, el prefijo del país y el número, por ejemplo, +34 600 123 456.

# Preguntas de seguridad.
problem-wrong-answer = Una de las respuestas no es correcta. Las mayúsculas y los espacios no importan.
problem-bad-question = Escriba dos preguntas distintas de al menos 8 caracteres.
problem-bad-answer = Dé dos respuestas distintas de al menos 3 caracteres, y ninguna que aparezca en su pregunta.

# Contraseñas nuevas. $least nunca baja de 8.
problem-too-short = Esa contraseña es demasiado corta. Use al menos { $least } caracteres.
problem-password-too-long = Esa contraseña es demasiado larga. Use menos caracteres.
problem-too-common = Esa contraseña es fácil de adivinar. Elija una que a pocos se les ocurriría.
problem-breached = Esa contraseña apareció en una filtración, así que los atacantes la prueban. Elija una que no use en ningún otro sitio.
problem-password-too-old = Su contraseña es más antigua de lo que permite su organización. Elija una nueva para seguir.
problem-differ = Las dos contraseñas son distintas. Introduzca dos veces la misma contraseña.
problem-wrong-current = Su contraseña actual no es correcta. Introdúzcala una vez más y, después, la nueva dos veces.
problem-same-password = Esa ya es su contraseña. Elija otra.

# Claves de acceso y llaves de seguridad.
problem-passkey-refused = Esa clave de acceso o llave no se pudo usar aquí. Inténtelo de nuevo o elija otra forma.
problem-passkey-not-added = Esa clave de acceso o llave no se pudo añadir. Inténtelo de nuevo; si ya es una de las suyas, use otra.
problem-too-many-passkeys = Ya tiene tantas claves de acceso como se permite. Elimine una que no use y, después, añada esta.
problem-passkey-name = El nombre de una clave de acceso o llave tiene de 1 a 64 caracteres. Escriba un nombre que le permita reconocerla.
problem-last-second-step = Este es el único segundo paso que le queda y debe tener uno. Añada otro primero.

# Tokens de API y contraseñas de aplicación.
problem-token-name = Un nombre tiene de 1 a 64 caracteres. Escriba para qué es el token.
problem-token-without-apps = Elija al menos una aplicación a la que dé acceso el token.
problem-too-many-tokens = Ya tiene tantos tokens como se permite. Revoque uno que no necesite y, después, cree este.
problem-app-password-name = Un nombre tiene de 1 a 64 caracteres. Escriba para qué programa es la contraseña de aplicación.
problem-too-many-app-passwords = Ya tiene tantas contraseñas de aplicación como se permite. Revoque una que no necesite y, después, cree esta.
problem-bad-addresses = Eso no es una lista de direcciones. Escriba 16 como máximo, por ejemplo 203.0.113.7 o 2001:db8::/48, separadas por comas.
