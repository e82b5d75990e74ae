#!/bin/sh
# Draws a learner on the sparse half circle: its trajectories in six tasks, which shrink onto the goal from one to the next,
# and what they leave possible: the exact belief over the half circle after each of them, in the first of the tasks.
#   sh tests/tools/draw_belief.sh RUN [BUILD]      (from the repository's root; RUN as record_pearl.sh left it)
set -e
run=${1:?which run?} program=${2:-build}/innerloop work=runs/draw-belief
mkdir -p "$work"
"$program" adapt "$run" --steps 19 --trajectories 1 --tasks 4 --pictures 4 --seed 3 --quiet --threads 1 --out "$work" \
  > "$work/adapt.txt"
# The goals: the blocks of one line in what adapt draws from.
awk 'BEGIN { RS = ""; FS = "\n" } { line = ""; for (k = 1; k <= NF; ++k) if ($k !~ /^#/) { line = $k; ++n } if (n == 1) print goal++, line; n = 0 }' \
  "$work/paths.dat" > "$work/goals.dat"
# task,point,t,action0,action1,reward,observation0,observation1: where each step began; the reward is of where it led.
awk -F, 'NR > 1 { x = $7 + $4; y = $8 + $5; print $1, $2, x, y, $6; if ($3 == 19) print "" }' "$work/paths.csv" > "$work/steps.dat"
# Goals at 3600 angles: excluded where they would have been paid and nothing was, or where they pay something else. On the
# edge of a goal's circle either is possible. A degree is shown as long as one of its twenty angles is left.
awk 'NF == 5 && $1 == 0 {
       for (k = 0; k < 3600; ++k) {
         a = (k + 0.5) * 3.14159265 / 3600; d = sqrt(($3 - cos(a)) ^ 2 + ($4 - sin(a)) ^ 2)
         would = d <= 0.2 ? 1 - d : 0; miss = would - $5; if (miss < 0) miss = -miss
         if (miss > 0.01 && (d < 0.199 || d > 0.201)) out[k] = 1
       }
       for (k = 0; k < 180; ++k) {
         left[$2, k] = 0
         for (i = 0; i < 20; ++i) left[$2, k] += !out[20 * k + i]
       }
       if ($2 > most) most = $2
     }
     END { for (p = 0; p <= most; ++p) {
             n = 0; for (k = 0; k < 180; ++k) n += left[p, k]
             for (k = 0; k < 180; ++k) print p + 1, k + 0.5, left[p, k] / n
             print "" } }' "$work/steps.dat" > "$work/belief.dat"
gnuplot <<END
set terminal pngcairo size 1000,760 font "sans,10"
set output "meta/pearl_belief.png"
set multiplot
set palette defined (0 "#d0d7e5", 0.5 "#1f77b4", 1 "#d62728")
unset colorbox
set size ratio -1
do for [task = 0:3] {
  set size 0.5,0.3
  set origin 0.5*(task % 2), (task < 2 ? 0.68 : 0.38)
  set xrange [-1.3:1.3]
  set yrange [-0.3:1.3]
  set title sprintf("task %d: trajectories 1 (pale) to 20 (red), goal", task + 1)
  plot "$work/steps.dat" using (\$1 == task ? \$3 : 1/0):4:2 with lines lw 1 lc palette notitle, \
       [0:pi] '+' using (cos(\$1)):(sin(\$1)) with lines dt 2 lc rgb "#999999" notitle, \
       "$work/goals.dat" using (\$1 == task ? \$2 : 1/0):3 with points pt 3 ps 2 lw 2 lc rgb "black" notitle
}
set size noratio
set size 1,0.38
set origin 0,0
set xrange [0.5:20.5]
set yrange [0:180]
set cbrange [0:0.1]
set palette defined (0 "white", 0.02 "#c6dbef", 1 "#08306b")
set title "the exact belief over the half circle in task 1, after each trajectory"
set xlabel "trajectories seen"
set ylabel "angle of the goal"
plot "$work/belief.dat" using 1:2:3 with image notitle
END
echo "drew meta/pearl_belief.png"
