"""Denoise the sample CT and report on it in demo/: python3 Testing/run_demo.py. The first run installs the packages."""

import sys

import environment


def work(steps) -> int:
    with steps.step("environment"):
        python = environment.ensure()
    with steps.step("demo"):
        return environment.run([str(python), str(environment.ROOT / "Testing" / "demo.py"), *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(environment.main(work))
