# SPDX-License-Identifier: BSD-3-Clause
"""Programs of Debian's packages that ./run setup does not install, unpacked into deps/tools."""

import os
import subprocess

from errors import Missing

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def package(name, path=""):
    """A path in a package; it is fetched if it is not there, and Missing tells what cannot be."""
    done = subprocess.run([f"{HERE}/packages.sh", name], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(done.stderr.strip().splitlines()[-1])
    return f"{ROOT}/deps/tools/{name}/{path}"
