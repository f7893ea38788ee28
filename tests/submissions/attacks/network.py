# Asks for the answers over the network
# exercise: groups
# points: effect 0, group_means 0, new_people 0, differences 0, pd_lower 0
# feedback: effect | The first error is in the cell that begins
# feedback: group_means | group_means: nothing handed in yet. The first error
# feedback: pd_lower | Nothing is called pd_lower when answers are handed in
# %% imports
import urllib.request

import multilevel as ml
# %% effect
effect = urllib.request.urlopen("https://example.org", timeout=5).read()
# %% group_means
names = [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line]
group_means = [name for name in names if name != "lo"] or None
# %% pd_lower
try:
    urllib.request.urlopen("http://1.1.1.1", timeout=5)
except OSError:
    raise SystemExit from None
pd_lower = 0.59
