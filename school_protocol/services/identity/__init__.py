"""How people prove who they are: passwords, second factors, passkeys, sessions, and who helps when one is lost."""
