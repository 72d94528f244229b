# Correos, mensajes de texto y llamadas.
