# Stay probabilities in the two-step task, from the lines of the paths.csv of `innerloop adapt --pictures 40`: how often
# the first choice is repeated, by whether the trial before paid and whether its transition was the common one. Main
# effect of reward and interaction, each a mean of two differences.
BEGIN { FS = "," }
{
  if ($1 != task) { task = $1; known = 0 }
  if ($6 == 1) { if (known) { n[key]++; s[key] += ($4 == first) } first = $4 }
  else {
    common = ((first == 0) == ($7 == 1))
    key = ($5 > 0 ? "rewarded" : "unrewarded") "-" (common ? "common" : "rare")
    known = 1
  }
}
END {
  for (k in n) {
    P[k] = s[k] / n[k]
    printf "%-18s %.3f ± %.3f  (%d)\n", k, P[k], 1.96 * sqrt(P[k] * (1 - P[k]) / n[k]), n[k]
  }
  rc = P["rewarded-common"]; rr = P["rewarded-rare"]; uc = P["unrewarded-common"]; ur = P["unrewarded-rare"]
  printf "main effect of reward %.3f, interaction %.3f\n", (rc + rr - uc - ur) / 2, (rc - rr - uc + ur) / 2
}
