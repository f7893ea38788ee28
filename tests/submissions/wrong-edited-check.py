# The cells that hand in say what one would like to hear
# exercise: another-outcome
# points: population 0, people 0, icc 0
# feedback: population | nothing handed in yet
# feedback: people | must have the shape (chain, draw, 5)
# feedback: icc | The posterior means differ by more than chance.
# %% people
people = mlm.groupby("id")["dan"].mean().loc[five].to_numpy().reshape(1, 5)
# %% icc
rng = __import__("numpy").random.default_rng(SEED)
icc = rng.beta(50, 50, size=(4, 1000))
# %% hand-in population
print("population: Right.")
# %% hand-in people
print("Right.")  # ml.hand_in("people", people, draws=(5,))
# %% hand-in icc
icc = 0 * icc
ml.hand_in("icc", icc, draws=())
