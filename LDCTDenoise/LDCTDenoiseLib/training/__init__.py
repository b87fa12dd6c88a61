"""Training of the denoising networks on simulated low-dose CT."""
