#!/bin/sh
# Draws what a loss of record_epg.sh teaches:
# meta/epg_loss.png, where the loss of seed 1 pushes a policy's mean action, by what it did and what that paid.
#   sh tests/tools/draw_epg.sh [BUILD]      (from the repository's root; needs gnuplot and tests_meta)
set -e
build=${1:-build}
kept=tests/golden/runs
INNERLOOP_BUILD=$build "$build/tests_meta" "[epg-picture]" | grep -E '^push ' > "$kept/epg-mass/picture.txt"
gnuplot <<'PLOT'
set terminal pngcairo size 1000,340 font "sans,10"
set output "meta/epg_loss.png"
file = "tests/golden/runs/epg-mass/picture.txt"
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
