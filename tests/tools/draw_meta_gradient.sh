#!/bin/sh
# Draws what record_meta_gradient.sh recorded: meta/meta_gradient_by_state.png and meta_gradient_lambda_by_state.png, γ and
# λ by state beside the optimum; of control meta/meta_gradient_training.png, γ and λ while they were learned, and
# meta/meta_gradient_grid.png, the return of fixed (γ, λ) beside that of learned ones.
#   sh tests/tools/draw_meta_gradient.sh [BUILD]      (from the repository's root; needs gnuplot)
set -e
program=${1:-build}/innerloop
kept=tests/golden/runs work=runs/draw-meta-gradient
mkdir -p "$work"

# by_state PICTURE RUN...: learned by state, and the optimum.
by_state() {
  picture=$1
  shift
  "$program" plot "$@" --by-state --out "$work/by-state" > /dev/null
  cp "$work/by-state/by_state.png" "$picture"
  echo "drew $picture"
}
by_state meta/meta_gradient_by_state.png "$kept"/meta-signal-noise/seed-* "$kept/meta-signal-noise-online/seed-1"
by_state meta/meta_gradient_lambda_by_state.png "$kept/meta-noise-undone/seed-1" "$kept/meta-noise-undone-online/seed-1"

# curve SET METHOD ENV COLUMN: iteration, mean, least and greatest over seeds.
curve() {
  awk -F, -v method="$2" -v env="$3" -v c="$4" '
    $1 == method && $2 == env {
      sum[$4] += $c; ++n[$4]
      if (!($4 in low) || $c < low[$4]) low[$4] = $c
      if (!($4 in high) || $c > high[$4]) high[$4] = $c }
    END { for (i in n) print i, sum[i] / n[i], low[i], high[i] }' "$kept/$1/curves.csv" | sort -n
}

# cells SET ENV λ: γ's place on the axis, the mean of the score over the grid's seeds, the least and the greatest.
cells() {
  awk -F, -v env="$2" -v l="$3" '
    $1 ~ /-grid$/ && $3 == env && $2 ~ ("lambda-" l "$") {
      g = $2; sub(/.*gamma-/, "", g); sub(/-lambda.*/, "", g)
      sum[g] += $5; ++n[g]
      if (!(g in low) || $5 < low[g]) low[g] = $5
      if (!(g in high) || $5 > high[g]) high[g] = $5 }
    END { split("0.9 0.97 0.99 0.997 1", place, " ")
          for (i = 1; i <= 5; ++i) if (place[i] in n) print i, sum[place[i]] / n[place[i]], low[place[i]], high[place[i]] }' \
    "$kept/$1/results.csv"
}

# learned SET METHOD ENV: the mean score over seeds.
learned() {
  awk -F, -v method="$2" -v env="$3" '$1 ~ /-learned$/ && $2 == method && $3 == env { sum += $5; ++n }
    END { print sum / n }' "$kept/$1/results.csv"
}

for delay in 10 30 100; do
  curve meta-chain chain-learn-gamma "discounting-chain-$delay-v2" 6 > "$work/chain-$delay.dat"
done
curve meta-lure-grid lure-grid-learn-gamma lure-grid-v1 6 > "$work/lure.dat"
curve meta-lure-grid lure-grid-learn-both lure-grid-v1 6 > "$work/both-gamma.dat"
curve meta-lure-grid lure-grid-learn-both lure-grid-v1 7 > "$work/both-lambda.dat"
curve meta-noisy-cartpole noisy-cartpole-learn-gamma-lambda-1 noisy-cartpole-v1 6 > "$work/pole-gamma.dat"
curve meta-noisy-cartpole noisy-cartpole-learn-both noisy-cartpole-v1 6 > "$work/pole-both-gamma.dat"
curve meta-noisy-cartpole noisy-cartpole-learn-both noisy-cartpole-v1 7 > "$work/pole-both-lambda.dat"
gnuplot <<END
set terminal pngcairo size 1600,400 font "sans,10"
set output "meta/meta_gradient_training.png"
set multiplot layout 1,4
set style fill transparent solid 0.2 noborder
set xlabel "iteration"
set border 3
set tics nomirror
# 1 − γ on a logarithmic axis that runs upwards to γ = 1, which is drawn at the upper edge.
far(x) = 1 - x < 1e-5 ? 1e-5 : 1 - x
set title "discounting chain: γ learned (dashed: what the delay needs)"
set logscale y
set yrange [0.2:0.00001]
set ytics ("0.9" 0.1, "0.99" 0.01, "0.999" 0.001, "0.9999" 0.0001)
set ylabel "γ"
set key bottom right
plot "$work/chain-10.dat" using 1:(far(\$3)):(far(\$4)) with filledcurves lc rgb "#0072b2" notitle, \
     "$work/chain-30.dat" using 1:(far(\$3)):(far(\$4)) with filledcurves lc rgb "#d55e00" notitle, \
     "$work/chain-100.dat" using 1:(far(\$3)):(far(\$4)) with filledcurves lc rgb "#009e73" notitle, \
     "$work/chain-10.dat" using 1:(far(\$2)) with lines lw 2 lc rgb "#0072b2" title "delay 10", \
     "$work/chain-30.dat" using 1:(far(\$2)) with lines lw 2 lc rgb "#d55e00" title "delay 30", \
     "$work/chain-100.dat" using 1:(far(\$2)) with lines lw 2 lc rgb "#009e73" title "delay 100", \
     1 - 1.1**(-1.0/9) with lines dt 2 lc rgb "#0072b2" notitle, \
     1 - 1.1**(-1.0/29) with lines dt 2 lc rgb "#d55e00" notitle, \
     1 - 1.1**(-1.0/99) with lines dt 2 lc rgb "#009e73" notitle
set title "lure grid: γ learned, from 1"
plot "$work/lure.dat" using 1:(far(\$3)):(far(\$4)) with filledcurves lc rgb "#0072b2" notitle, \
     "$work/lure.dat" using 1:(far(\$2)) with lines lw 2 lc rgb "#0072b2" title "γ"
set xtics 500
set title "noisy cart-pole: γ alone, and γ and λ"
plot "$work/pole-gamma.dat" using 1:(far(\$3)):(far(\$4)) with filledcurves lc rgb "#009e73" notitle, \
     "$work/pole-both-gamma.dat" using 1:(far(\$3)):(far(\$4)) with filledcurves lc rgb "#0072b2" notitle, \
     "$work/pole-both-lambda.dat" using 1:(far(\$3)):(far(\$4)) with filledcurves lc rgb "#d55e00" notitle, \
     "$work/pole-gamma.dat" using 1:(far(\$2)) with lines lw 2 lc rgb "#009e73" title "γ alone", \
     "$work/pole-both-gamma.dat" using 1:(far(\$2)) with lines lw 2 lc rgb "#0072b2" title "γ", \
     "$work/pole-both-lambda.dat" using 1:(far(\$2)) with lines lw 2 lc rgb "#d55e00" title "λ"
set xtics autofreq
set title "lure grid: γ and λ learned"
unset logscale y
set yrange [0:1]
set ytics auto
set ylabel "γ, λ"
plot "$work/both-gamma.dat" using 1:3:4 with filledcurves lc rgb "#0072b2" notitle, \
     "$work/both-lambda.dat" using 1:3:4 with filledcurves lc rgb "#d55e00" notitle, \
     "$work/both-gamma.dat" using 1:2 with lines lw 2 lc rgb "#0072b2" title "γ", \
     "$work/both-lambda.dat" using 1:2 with lines lw 2 lc rgb "#d55e00" title "λ"
unset multiplot
END
echo "drew meta/meta_gradient_training.png"

# panel SET ENV TITLE METHOD...: gnuplot's plot of one grid, the learned ones as dashed lines.
panel() {
  set_name=$1 env=$2 title=$3
  shift 3
  # A grid that is not recorded is not drawn.
  grep -q "^[a-z-]*-grid,.*,$env," "$kept/$set_name/results.csv" || return 0
  echo "set title \"$title\""
  printf 'plot '
  colour=0
  for lambda in 0 0.8 1; do
    colour=$((colour + 1))
    cells "$set_name" "$env" "$lambda" > "$work/$env-$lambda.dat"
    printf '"%s" using 1:2:3:4 with yerrorlines pt 7 lw 1.5 lc %d title "λ = %s", ' "$work/$env-$lambda.dat" $colour "$lambda"
  done
  for method in "$@"; do
    colour=$((colour + 1))
    grep -q ",$method,$env," "$kept/$set_name/results.csv" || continue
    printf '%s with lines dt 2 lw 2 lc %d title "learned: %s", ' "$(learned "$set_name" "$method" "$env")" $colour \
      "$(echo "${method#*-learn-}" | sed 's/-.*//; s/gamma/γ/; s/lambda/λ/; s/both/γ, λ/')"
  done
  echo
}
{
  panel meta-chain discounting-chain-30-v2 "discounting chain, delay 30" chain-learn-gamma chain-learn-both \
    chain-learn-lambda-gamma-1-lambda-0.1
  panel meta-lure-grid lure-grid-v1 "lure grid" lure-grid-learn-gamma lure-grid-learn-both lure-grid-learn-lambda
  panel meta-noisy-cartpole noisy-cartpole-v1 "noisy cart-pole" noisy-cartpole-learn-gamma-lambda-1 \
    noisy-cartpole-learn-both noisy-cartpole-learn-lambda-gamma-0.997
} | sed 's/, $//' > "$work/panels.gp"
panels=$(grep -c '^plot' "$work/panels.gp")
gnuplot <<END
set terminal pngcairo size $((480 * panels)),420 font "sans,10"
set output "meta/meta_gradient_grid.png"
set multiplot layout 1,$panels
set border 3
set tics nomirror
set xlabel "fixed γ"
set xrange [0.7:5.3]
set xtics ("0.9" 1, "0.97" 2, "0.99" 3, "0.997" 4, "1" 5)
set ylabel "return, last ten iterations"
set key below maxrows 3
set linetype 1 lc rgb "#0072b2"
set linetype 2 lc rgb "#d55e00"
set linetype 3 lc rgb "#009e73"
set linetype 4 lc rgb "#000000"
set linetype 5 lc rgb "#cc79a7"
set linetype 6 lc rgb "#999999"
load "$work/panels.gp"
unset multiplot
END
echo "drew meta/meta_gradient_grid.png"
