#!/bin/sh
# Draws what a loss of record_epg.sh teaches:
# meta/epg_loss.png, where the loss of seed 1 pushes a policy's mean action, by what it did and what that paid;
# meta/epg_lifetimes.png, returns over a lifetime beside PPO's.
#   sh tests/tools/draw_epg.sh [BUILD]      (from the repository's root; needs gnuplot and tests_meta)
set -e
build=${1:-build}
kept=tests/golden/runs
INNERLOOP_BUILD=$build "$build/tests_meta" "[epg-picture]" | grep -E '^push ' > "$kept/epg-mass-circle/picture.txt"
gnuplot <<'PLOT'
set terminal pngcairo size 1000,340 font "sans,10"
set output "meta/epg_loss.png"
file = "tests/golden/runs/epg-mass-circle/picture.txt"
set multiplot layout 1,3
set palette defined (-1 "#b2182b", 0 "#f7f7f7", 1 "#2166ac")
set xlabel "action along the y axis, a_y"
set ylabel "reward, normalised"
set cbrange [-1:1]
unset colorbox
do for [goal in "down ahead up"] {
  set title "goal: " . goal
  plot "< grep '^push " . goal . " ' " . file using 3:4:5 with image notitle
}
unset multiplot
PLOT

# A column per learner, a row per point of a lifetime: three evolved losses, the random start of the first, PPO.
for set in epg-mass:epg-ppo/right epg-mass-circle:epg-ppo/circle epg-unicycle:epg-ppo-unicycle/right; do
  runs=$kept/${set%:*}
  {
    for seed in 1 2 3; do sed -n 1p "$runs/seed-$seed/curve.csv"; done
    sed -n 2p "$runs/seed-1/curve.csv"
    cat "$kept/${set#*:}-curve.csv"
  } | awk -F, '{ for (k = 2; k <= NF; ++k) x[NR, k] = $k; points = NF }
               END { for (k = 2; k <= points; ++k) { row = k - 2; for (i = 1; i <= NR; ++i) row = row " " x[i, k]; print row } }' \
    > "$build/${set%:*}.dat"
done
gnuplot <<PLOT
set terminal pngcairo size 1300,380 font "sans,10"
set output "meta/epg_lifetimes.png"
set multiplot layout 1,3
set xlabel "updates of a fresh policy"
set ylabel "return, mean over 60 held-out goals"
set yrange [-8:33]
set key right bottom
set grid
do for [set in "epg-mass epg-mass-circle epg-unicycle"] {
  set title (set eq "epg-mass" ? "mass, goals on the right half" : set eq "epg-mass-circle" ? "mass, goals on the whole circle" \
    : "unicycle, goals on the right half")
  file = "$build/" . set . ".dat"
  oracle = set eq "epg-unicycle" ? 31.56 : 28
  plot file using 1:2 with lines lw 2 lc "#2166ac" title "evolved losses, seeds 1 to 3", \
       file using 1:3 with lines lw 2 lc "#2166ac" notitle, file using 1:4 with lines lw 2 lc "#2166ac" notitle, \
       file using 1:6 with lines lw 2 lc "#b2182b" title "PPO, tuned", \
       file using 1:5 with lines lw 2 lc "#999999" title "random start of the loss", \
       oracle with lines dt 2 lc "black" title "oracle"
  unset key  # the first panel's is for all
}
unset multiplot
PLOT
