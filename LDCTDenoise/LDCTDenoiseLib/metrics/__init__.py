"""Image quality metrics: each module holds one idea, arrays are in HU, spacings in mm, frequencies in 1/mm."""

from .bias import bias_per_class, hu_bias
from .contrast import cnr_did, cnr_seed, roi_mean, roi_sd
from .masks import body_mask, tissue_classes
from .noiseanalysis import NoiseAnalysis, high_pass, noise_analysis
from .nps import NoisePowerSpectrum, noise_power_spectrum, rois_in_mask
from .observer import channel_outputs, detectability, dog_channels
from .rmse import psnr, rmse
from .similarity import ssim, ssim_map
from .ttf import TaskTransferFunction, task_transfer_function
from .vif import vif

__all__ = [
    "NoiseAnalysis", "NoisePowerSpectrum", "TaskTransferFunction", "bias_per_class", "body_mask", "channel_outputs",
    "cnr_did", "cnr_seed", "detectability", "dog_channels", "high_pass", "hu_bias", "noise_analysis",
    "noise_power_spectrum", "psnr", "rmse", "roi_mean", "roi_sd", "rois_in_mask", "ssim", "ssim_map",
    "task_transfer_function", "tissue_classes", "vif",
]
