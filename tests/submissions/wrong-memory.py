# Asks for memory without end
# exercise: groups
# points: effect 0, group_means 0, new_people 0, pd_lower 0
# feedback: effect | nothing handed in yet
# %% effect
people = []
while True:
    people.append(np.ones(10_000_000))
