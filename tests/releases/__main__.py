"""`python -m tests.releases`: packs what the present version leaves, for the versions that come after it."""

from tests.releases.making import main

main()
