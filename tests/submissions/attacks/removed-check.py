# Takes out the cells that hand in two answers, a right one and a wrong one
# exercise: groups
# removes: group_means
# removes: pd_lower
# points: effect 0, group_means 0, new_people 0, differences 0, pd_lower 2
# feedback: group_means | The posterior means differ by more than chance.
# %% group_means
noise = np.random.default_rng(1).normal(size=(2, 4, 1000))
group_means = {"CTRL": noise[0], "PD": noise[1]}
# %% pd_lower
from scipy.stats import norm

# A little arithmetic with numbers from the book takes the place of a fit.
rows = mlm.loc[mlm["id"] == patient, "con"]
precision = 1 / 0.056**2 + len(rows) / 0.05**2
level = (0.184 / 0.056**2 + rows.sum() / 0.05**2) / precision
pd_lower = norm.cdf((0.202 - level) / (0.056**2 + 1 / precision) ** 0.5)
