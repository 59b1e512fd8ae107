"""``neurograph completion``: commands, options and files completed by the shell."""

import click

_HOW = {
    "bash": "neurograph completion bash >> ~/.bashrc",
    "zsh": "neurograph completion zsh >> ~/.zshrc",
    "fish": "neurograph completion fish > ~/.config/fish/completions/neurograph.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_HOW)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    r"""Print what makes SHELL complete neurograph's commands and options.

    \b
    Example:
      neurograph completion bash >> ~/.bashrc
      neurograph completion zsh >> ~/.zshrc
      neurograph completion fish > ~/.config/fish/completions/neurograph.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    command = context.find_root().command
    click.echo(kind(command, {}, "neurograph", "_NEUROGRAPH_COMPLETE").source())
