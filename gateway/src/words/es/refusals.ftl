# Quien no puede entrar, y por qué.

not-allowed-title = No está abierto para usted
token-only-title = Solo para programas
certificate-required-title = Falta el certificado
bad-request-title = Solicitud no entendida
not-found-title = Página no encontrada
app-down-title = Aplicación no disponible
unavailable-title = Vuelva a intentarlo en un momento
