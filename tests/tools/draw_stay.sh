#!/bin/sh
# Draws how often a first choice is repeated in the two-step task of 2018: the exact filter and a model-free Q-learner
# (meta/bayes_optimal.md) beside the recorded runs of RL².
#   sh tests/tools/draw_stay.sh                     (from the repository's root; reads tests/golden/runs)
set -e
work=runs/draw-stay runs=tests/golden/runs/rl2-two-step-flip
mkdir -p "$work"
# label, then rewarded-common, rewarded-rare, unrewarded-common, unrewarded-rare.
{
  row() { awk -v l="$1" '/^rewarded-common/ { a = $2 } /^rewarded-rare/ { b = $2 } /^unrewarded-common/ { c = $2 }
                         /^unrewarded-rare/ { d = $2 } END { printf "\"%s\" %s %s %s %s\n", l, a, b, c, d }' "$2"; }
  numbers() { grep "^| $1" meta/bayes_optimal.md | head -n 1 | awk -F '|' -v l="$2" '{ print "\"" l "\"", $3, $4, $5, $6 }'; }
  numbers "belief filter" "exact"
  for run in "$runs"/seed-*; do row "RL² ${run##*/seed-}" "$run/stay.txt"; done
  numbers "habit" "habit"
} > "$work/stay.dat"
gnuplot <<END
set terminal pngcairo size 900,420 font "sans,11"
set output "meta/rl2_stay.png"
set style data histograms
set style histogram clustered gap 2
set style fill solid 0.9 noborder
set yrange [0.4:1]
set ylabel "first choice repeated"
set grid ytics lc rgb "#dddddd"
set key outside right top
set border 3
set xtics nomirror
set ytics nomirror
plot "$work/stay.dat" using 2:xtic(1) title "rewarded, common" lc rgb "#1f77b4", \
     "" using 3 title "rewarded, rare" lc rgb "#aec7e8", \
     "" using 4 title "unrewarded, common" lc rgb "#ffbb78", \
     "" using 5 title "unrewarded, rare" lc rgb "#ff7f0e"
END
echo "drew meta/rl2_stay.png"
