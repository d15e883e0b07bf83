#!/usr/bin/env python3
"""Exports the drawings of the ready templates: <name>/art/**.svg to <name>/images/**.png at 1x, 2x and 3x.

Those in art/google/ are exported at 1x only: Google Wallet takes one size and makes its own of it. Words on the command line
choose the drawings whose path holds one of them.

Needs chromium on the PATH and Pillow. Each picture gets a palette of its own, which halves its size without a difference that
one can see on a phone.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

from PIL import Image

ROOT = pathlib.Path(__file__).parent


def export(drawing: pathlib.Path) -> None:
    template = drawing.relative_to(ROOT).parts[0]
    inside = drawing.relative_to(ROOT / template / "art").with_suffix("")
    width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', drawing.read_text()).groups())
    for scale in (1,) if inside.parts[0] == "google" else (1, 2, 3):
        name = inside.name + ("" if scale == 1 else f"@{scale}x") + ".png"
        target = ROOT / template / "images" / inside.parent / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            shot = pathlib.Path(folder) / "shot.png"
            # Drawn in a window larger than the picture: a small window would be widened.
            subprocess.run(
                ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                 "--default-background-color=00000000", f"--force-device-scale-factor={scale}",
                 "--window-size=1200,800", f"--screenshot={shot}", drawing.resolve().as_uri()],
                check=True, capture_output=True)
            picture = Image.open(shot).convert("RGBA").crop((0, 0, width * scale, height * scale))
        solid = picture.getchannel("A").getextrema()[0] == 255
        if solid:
            picture = picture.convert("RGB").quantize(128, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
        else:
            picture = picture.quantize(64, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        picture.save(target, optimize=True)
        print(f"{target.relative_to(ROOT)}  {target.stat().st_size} bytes")


for drawing in sorted(ROOT.glob("*/art/**/*.svg")):
    if len(sys.argv) < 2 or any(word in str(drawing) for word in sys.argv[1:]):
        export(drawing)
