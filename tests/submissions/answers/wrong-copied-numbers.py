# Numbers read off the book, as if every draw were the posterior mean
# exercise: groups
# points: effect 0, group_means 0, new_people 0, differences 0, pd_lower 0
# feedback: pd_lower | This is the probability that the mean of the patients is lower.
# %% effect
effect = {"gamma_1": np.full((4, 1000), -0.018), "sigma_alpha": np.full((4, 1000), 0.056)}
# %% group_means
group_means = {"CTRL": np.full((4, 1000), 0.202), "PD": np.full((4, 1000), 0.184)}
# %% new_people
new_people = group_means
# %% pd_lower
pd_lower = 0.88
