#!/bin/sh
# Draws what RL² does in the five-armed bandit: the arms pulled in 40 trials, before and after training, as strips; and
# the regret of the five policies of two arms (record_rl2.sh, job matrix), each on what it was trained on, if they are there.
#   sh tests/tools/draw_rl2.sh RUN [BUILD]      (from the repository's root; RUN as record_rl2.sh left it)
set -e
run=${1:?which run?} program=${2:-build}/innerloop work=runs/draw-rl2
mkdir -p "$work"
"$program" adapt "$run" --tasks 40 --pictures 40 --seed 7 --quiet --out "$work/trained" > "$work/trained.txt"
# The same network before its first update: a run of one iteration at learning rate 0.
"$program" train rl2 --preset bandit --iterations 1 --learning-rate 0 --quiet --out "$work/untrained-run"
"$program" adapt "$work/untrained-run" --tasks 40 --pictures 40 --seed 7 --quiet --out "$work/untrained" > "$work/untrained.txt"
# x: the pull; y: the trial; colour: the arm; a white dot where it paid.
for kind in untrained trained; do
  awk -F, 'NR > 1 { print $2 + 1, $1 + 1, $4, $5 }' "$work/$kind/paths.csv" > "$work/$kind.dat"
done
gnuplot <<END
set terminal pngcairo size 900,620 font "sans,11"
set output "meta/rl2_arms.png"
set multiplot layout 1,2 title "Arms pulled in 40 new trials; a white dot: it paid"
set palette defined (0 "#1f77b4", 1 "#ff7f0e", 2 "#2ca02c", 3 "#d62728", 4 "#9467bd")
set cbrange [-0.5:4.5]
unset colorbox
set xrange [0.5:10.5]
set yrange [0.5:40.5]
set xtics 1
set xlabel "pull"
set ylabel "trial"
set title "untrained"
plot "$work/untrained.dat" using 1:2:3 with points pt 5 ps 1.9 lc palette notitle, \
     "$work/untrained.dat" using 1:(\$4 > 0 ? \$2 : 1/0) with points pt 7 ps 0.45 lc rgb "white" notitle
set title "trained"
plot "$work/trained.dat" using 1:2:3 with points pt 5 ps 1.9 lc palette notitle, \
     "$work/trained.dat" using 1:(\$4 > 0 ? \$2 : 1/0) with points pt 7 ps 0.45 lc rgb "white" notitle
END
echo "drew meta/rl2_arms.png"

matrix=runs/record-rl2/rl2-matrix
[ -d "$matrix" ] || exit 0
curves=
for kind in independent uniform easy medium hard; do
  "$program" adapt "$matrix/$kind/seed-1" --tasks 2000 --pictures 1 --seed 7 --quiet --threads 1 --out "$work/$kind" > "$work/$kind.txt"
  curves="$curves${curves:+, }\"$work/$kind/trial.dat\" index 0 using 1:2 with lines lw 2 title \"$kind\""
done
gnuplot <<END
set terminal pngcairo size 900,480 font "sans,11"
set output "meta/rl2_regret.png"
set title "Two arms, 100 pulls, 2 000 new trials each: regret so far, over that of pulling at random"
set xlabel "pulls"
set ylabel "1: random, 0: exact Bayes-optimal"
set grid back lc rgb "#dddddd"
set border 3
set tics nomirror
set yrange [0:1]
set key outside right top
plot $curves
END
echo "drew meta/rl2_regret.png"
