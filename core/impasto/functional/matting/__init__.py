"""The matting Laplacian of a photograph, and what follows from it by solving.

Within each window of 3×3 pixels the Laplacian measures how far values are from a linear function of the colours
there (Levin, Lischinski and Weiss 2008).  Two problems are solved with it: which part of each pixel belongs to a
figure (`closed_form_matting`), and a picture that varies only where the photograph does (`screened`).
"""

from .laplacian import EPS, MattingLaplacian
from .solve import closed_form_matting, screened

__all__ = ["EPS", "MattingLaplacian", "closed_form_matting", "screened"]
