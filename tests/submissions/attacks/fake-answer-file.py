# Writes files of its own where answers are kept: a pickle, another shape, another kind
# exercise: groups
# points: effect 0, group_means 0, new_people 0, differences 0, pd_lower 0
# feedback: effect | what was handed in cannot be read
# feedback: group_means | The draws are of another number of quantities.
# feedback: new_people | draws were asked for
# feedback: pd_lower | nothing handed in yet
# %% imports
import os
from pathlib import Path

import numpy as np

import multilevel as ml
# %% pd_lower
folder = Path(os.environ["MULTILEVEL_ANSWERS"])
np.savez(folder / "effect.npz", draws=np.array([print], dtype=object))
np.savez(folder / "group_means.npz", draws=np.zeros((4, 1000, 91)))
np.savez(folder / "new_people.npz", number=np.array(0.42))
np.savez(folder / "pd_lower.right.npz", number=np.array(0.42))
(folder / "../pd_lower.npz").write_bytes((folder / "new_people.npz").read_bytes())
(folder / "pd_lower.json").write_text('{"name": "pd_lower", "within": 1, "points": 2}')
