# SPDX-License-Identifier: LGPL-2.1-or-later
"""Footage from Debian packages, unpacked without installing, and footage as single pictures."""

import pathlib
import re
import subprocess
import sys

# (package, path below /usr/share, what it shows)
FOOTAGE = [
    ("forensics-samples-files", "forensics-samples/original-files/movie2/movie-hello.mp4",
     "a telephone's camera, 720p, 30 frames a second"),
    ("opencv-doc", "doc/opencv-doc/examples/data/vtest.avi",
     "people in a street, 768×576, 10 frames a second"),
    ("forensics-samples-files", "forensics-samples/original-files/movie1/VID_20191220_170832.mp4",
     "a telephone's camera, 1080p"),
    ("opencv-doc", "doc/opencv-doc/examples/data/Megamind.avi", "a film's trailer, 720×528"),
]


def unpacked(directory):
    """[(path, package, what it shows)] of all that could be had; unpacks what is not there yet."""
    root = pathlib.Path(directory)
    out = []
    for package, path, what in FOOTAGE:
        file = root / package / "usr/share" / path
        if not file.exists():
            unpack(root, package)
        if file.exists():
            out.append((str(file), package, what))
        else:
            print(f"no {path} of {package} here: it is left out", file=sys.stderr)
    return out


def unpack(root, package):
    root.mkdir(parents=True, exist_ok=True)
    if (root / package).exists():
        return
    if subprocess.run(["apt-get", "download", "-q", package], cwd=root, check=False).returncode:
        return
    for archive in root.glob(f"{package}_*.deb"):
        subprocess.run(["dpkg", "-x", archive.name, package], cwd=root, check=True)
        archive.unlink()


def joined(folder, directory):
    """The path of a file with all JPEGs of `folder` one after the other, by the numbers in their
    names, written below `directory` under the folder's name."""
    folder = pathlib.Path(folder).resolve()
    file = pathlib.Path(directory) / re.sub(r"\W+", "-", str(folder.parent)).strip("-") / folder.name
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        pictures = [path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg")]
        pictures.sort(key=lambda path: [(int(digits or 0), text)
                                        for text, digits in re.findall(r"(\D*)(\d*)", path.name)])
        part = file.with_name(file.name + ".part")
        with part.open("wb") as out:
            for picture in pictures:
                out.write(picture.read_bytes())
        part.rename(file)
    return str(file)
