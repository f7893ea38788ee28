# Many processes, each of which asks for less than the limit
# exercise: groups
# points: effect 0, group_means 0, new_people 0, pd_lower 0
# feedback: effect | memory and was stopped
# %% effect
import os
import time

for _ in range(8):
    if os.fork() == 0:
        kept = np.ones(200_000_000)
        time.sleep(100)
        os._exit(0)
time.sleep(100)
