"""``python -m LDCTDenoiseLib``: the same as the command ``ldct``."""

import sys

from .cli import main

sys.exit(main())
