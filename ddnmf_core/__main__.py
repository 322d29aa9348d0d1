"""`python -m ddnmf_core` is the command `ddnmf`."""

from ddnmf_core.cli.main import main_app

if __name__ == "__main__":
    main_app(prog_name="ddnmf")
