# Quien no puede entrar, y por qué.

not-allowed-title = Sin acceso
token-only-title = Solo para programas
certificate-required-title = Falta el certificado
bad-request-title = Solicitud no entendida
not-found-title = Página no encontrada
app-down-title = Aplicación no disponible
unavailable-title = Vuelva a intentarlo en un momento

# Debajo del título «Access denied from this IP address», que es igual en todos los idiomas: lo que dice.
refused-meaning = Acceso denegado desde esta dirección IP.
# Etiquetas de las dos líneas de debajo.
address-seen = Dirección que vimos
reference-code = Código de referencia
refused-hint = Comunique estas dos líneas a su administrador.

# Ha iniciado sesión, y esta aplicación no está abierta para esa persona.
not-allowed-heading = Usted no tiene acceso a { $app }
not-allowed-lead = Ha iniciado sesión como { $user }, que no está entre quienes pueden abrirla. Si la necesita, comunique este código a su administrador.
see-open-apps = Ver las aplicaciones a las que tiene acceso
sign-in-as-somebody-else = Iniciar sesión con otro usuario
# En lugar del nombre de una aplicación, donde no hay ninguna: primero al principio de una frase (certificate-required-lead), después dentro de una.
unnamed-page-at-start = Esta página
unnamed-page = esta página

# Una dirección de una aplicación que solo se abre con tokens.
token-only-heading = Esta dirección es para programas
token-only-lead = Esta parte de { $app } se abre con un token de acceso, no en un navegador.

# El dispositivo tiene que presentar un certificado de cliente.
certificate-required-heading = Falta un certificado
certificate-required-lead = { $app } solo se abre en dispositivos que tienen un certificado de { $organization }, y este navegador no presentó ninguno.
certificate-required-how = Pida el certificado a su administrador, instálelo, cierre el navegador y vuelva a abrir esta dirección. Si el navegador pregunta qué certificado usar, elija ese.

# Qué tiene de malo una solicitud: el título y, debajo, una de las frases siguientes. Los programas las leen en inglés.
bad-request-heading = No pudimos procesar esa solicitud
form-not-ours = Este formulario es demasiado antiguo o llegó de otro sitio. Vuelva atrás, recargue la página e inténtelo de nuevo.
form-not-ours-open-mail = Este formulario es demasiado antiguo o llegó de otro sitio. Vuelva a abrir el enlace de su correo.
form-not-ours-open-invitation = Este formulario es demasiado antiguo o llegó de otro sitio. Vuelva a abrir su invitación.
app-link-incomplete = Este enlace no está completo. Vuelva a abrir la aplicación.
cookie-not-kept = Su navegador no guardó la cookie con la que inicia sesión aquí. Permita las cookies de este sitio y vuelva a abrir la aplicación.
request-not-forwarded = Esta solicitud no se pudo reenviar tal como está.
client-address-unknown = No se pudo determinar la dirección del cliente.
method-not-served = Este método no se admite aquí.
header-too-large = El encabezado de la solicitud supera los 64 KiB. Elimine las cookies de este sitio e inténtelo de nuevo.
https-only = Esto solo se ofrece por https. Lo que se envió pudo leerse por el camino.
no-app-of-this-name = No hay ninguna aplicación con este nombre. Compruebe la dirección.
connection-to-another-host = Esta conexión se abrió hacia otro servidor. Abra una hacia este servidor y vuelva a intentarlo.
sent-too-large = Lo que se envió es demasiado grande.

# No existe la página; el título es not-found-title.
not-found-lead = No hay nada en esta dirección. Compruebe que esté bien escrita o empiece por la página de inicio.
go-to-first-page = Ir a la página de inicio

# La aplicación que está detrás de la puerta de enlace no responde.
app-down-heading = { $app } no responde
# $status es el número que la página muestra como error-code.
app-down-lead = { $status ->
    [503] No puede atender más solicitudes en este momento.
    [504] Tarda demasiado en responder.
   *[other] No está accesible en este momento.
} No hay ningún problema con su inicio de sesión. Inténtelo de nuevo en unos minutos y, si continúa, comunique estas dos líneas a su administrador.
error-code = Código de error

# La propia puerta de enlace no puede atender ahora; el título es unavailable-title.
unavailable-store = Ahora mismo no es posible iniciar sesión ni abrir aplicaciones. No se ha perdido nada suyo.
unavailable-busy = Están entrando muchas personas a la vez. Inténtelo de nuevo en unos segundos.
unavailable-too-many = Llegaron demasiadas solicitudes desde aquí en poco tiempo. Inténtelo de nuevo en { $seconds ->
    [one] 1 segundo
   *[other] { $seconds } segundos
}.
