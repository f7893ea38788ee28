# The release as students get it
# exercise: another-outcome
# points: population 0, people 0, shares 0
# feedback: population | nothing handed in yet
