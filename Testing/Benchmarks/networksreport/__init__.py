"""Parts of networks_report.py: what the networks do, beside the HRNet paper (doi:10.2991/jaims.d.210428.001)."""
