"""The command line: one thin module a command. Heavy imports wait until a command runs, so that help is instant."""
