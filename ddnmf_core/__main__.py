"""`python -m ddnmf_core` is the command `ddnmf`."""

from ddnmf_core.cli.main import app

if __name__ == "__main__":
    app(prog_name="ddnmf")
