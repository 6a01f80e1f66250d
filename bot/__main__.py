"""`python -m bot` is `tines-sync`: for machines on which the console script is not on the path."""

from bot.cli import main

if __name__ == "__main__":
    main(prog_name="tines-sync")
