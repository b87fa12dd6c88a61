"""Run all tests: python3 Testing/run_tests.py [arguments of pytest]. The first run installs the locked packages."""

import sys

import environment


def work(steps) -> int:
    with steps.step("environment"):
        python = environment.ensure()
    with steps.step("tests"):
        return environment.run([str(python), "-m", "pytest", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(environment.main(work))
