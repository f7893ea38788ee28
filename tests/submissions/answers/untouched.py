# The release as students get it
# exercise: another-outcome
# points: population 0, people 0, icc 0
# feedback: population | nothing handed in yet
