"""Engine of the LDCTDenoise extension: networks, inference, dose simulation, metrics and CT volumes."""

__version__ = "0.1.0"
