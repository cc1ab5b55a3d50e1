"""`python -m tonnage`: see tonnage._run."""

from tonnage._run import main

main()
