# Qué salió mal, encima de un formulario.
