# Mails, text messages and calls.
