"""Deep interactive denoiser: candidates along the noise-resolution trade-off of one image and one trained network."""
