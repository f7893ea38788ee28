# Files that break what reads them
# exercise: groups
# points: effect 0, group_means 0, new_people 0, differences 0, pd_lower 0
# feedback: effect | what was handed in cannot be read
# feedback: group_means | what was handed in cannot be read
# feedback: new_people | what was handed in cannot be read
# feedback: pd_lower | what was handed in cannot be read
# %% pd_lower
import os
import zipfile
from pathlib import Path

folder = Path(os.environ["MULTILEVEL_ANSWERS"])
with (folder / "effect.npz").open("wb") as file:
    np.save(file, np.ones(3))
with zipfile.ZipFile(folder / "group_means.npz", "w") as archive:
    archive.writestr("draws", b"these are no draws")
np.savez(folder / "new_people.npz", draws=np.zeros((4, 9, 2), dtype=[("a", float), ("b", int)]))
with zipfile.ZipFile(folder / "pd_lower.npz", "w") as archive:
    archive.writestr("number.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr':((((((((")
