#!/bin/sh
# Records meta-gradient learning: γ and λ by state on the two reward processes, from v = 0 (ten seeds of signal and noise, one
# of the others) and online; then control, if named. Interrupted, it goes on where it stopped.
#   sh tests/tools/record_meta_gradient.sh [BUILD] [job ...]      (from the repository's root)
# Jobs: processes; alphas: the same with smaller and larger steps of the learner; pairs: one pair of trajectories a step,
# β constant; control: chain, lure-grid, noisy-cartpole; bias: who judges; catch: at two horizons.
set -e
build=${1:-build}
[ $# -gt 0 ] && shift
program=$build/innerloop work=runs/record-meta-gradient kept=tests/golden/runs
. tests/tools/recording.sh
mkdir -p "$work"

# record_set SET SEEDS ARGUMENTS...
record_set() {
  all=$1 seeds=$2
  shift 2
  for s in $seeds; do
    record "$all" "$s" meta_gradient "$@"
    # The first iterations, for whoever repeats them, and the last.
    awk 'NR <= 4 { print; next } { last = $0 } END { if (last) print last }' "$run/metrics.csv" \
      > "$kept/$all/seed-$s/metrics.csv"
  done
  facts "$all" "meta_gradient $*"
}

# sweep NAME SEEDS FIRST ENVS METHODS: runs of control, one after the other; a run that is there is not made again.
sweep() {
  look_at_clock
  start=$spent
  "$program" sweep --methods "$5" --envs "$4" --seeds "$2" --first-seed "$3" --set checkpoint_every=1000 --parallel 1 --quiet \
    --out "$work/$1" > "$work/$1.txt"
  look_at_clock
  echo "$start $spent" | awk '{ printf "%.1f\n", $2 - $1 }' >> "$work/$1.seconds"
}

# results SET SWEEP...: a line for every run, judged by its last ten iterations; on the chain also by what its greedy policy
# is paid. SET/curves.csv: γ and λ while they were learned, every tenth of the first hundred iterations, then every
# fiftieth.
results() {
  set_name=$1
  shift
  mkdir -p "$kept/$set_name"
  echo "sweep,method,env,seed,score,greedy,gamma,lambda" > "$kept/$set_name/results.csv"
  echo "method,env,seed,iteration,return,gamma,lambda" > "$kept/$set_name/curves.csv"
  for name in "$@"; do
    [ -d "$work/$name" ] || continue
    for folder in "$work/$name"/*/*/seed-*; do
      seed=${folder##*/seed-} env=$(basename "$(dirname "$folder")") method=$(basename "$(dirname "$(dirname "$folder")")")
      method=${method#meta_gradient-}
      # Only what is finished counts.
      grep -q "^iterations = $(tail -n 1 "$folder/metrics.csv" | cut -d, -f1)\$" "$folder/config.toml" || continue
      greedy=
      case $env in discounting-chain-*)
        [ -e "$folder/greedy.txt" ] || "$program" adapt "$folder" --steps 0 --pictures 0 --quiet --threads 1 \
          --out "$work/adapt" --evaluation deterministic --trajectories 1 > "$folder/greedy.txt"
        greedy=$(awk '/^meta_gradient/ { print $NF }' "$folder/greedy.txt")
        ;;
      esac
      awk -F, -v head="$name,$method,$env,$seed" -v greedy="$greedy" '
        NR == 1 { for (i = 1; i <= NF; ++i) at[$i] = i; next }
        { r[NR] = $at["return"]; gamma = $at["gamma"]; lambda = $at["lambda"] }
        END { for (i = NR - 9; i <= NR; ++i) sum += r[i]
              printf "%s,%.4f,%s,%.5f,%.5f\n", head, sum / 10, greedy, gamma, lambda }' "$folder/metrics.csv" \
        >> "$kept/$set_name/results.csv"
      case $name in *-learned)
        awk -F, -v head="$method,$env,$seed" '
          NR == 1 { for (i = 1; i <= NF; ++i) at[$i] = i; next }
          ($1 - 1) % ($1 <= 100 ? 10 : 50) == 0 && head !~ /beta-0/ {
            printf "%s,%d,%.3f,%.5f,%.5f\n", head, $1, $at["return"], $at["gamma"], $at["lambda"] }' \
          "$folder/metrics.csv" >> "$kept/$set_name/curves.csv"
        ;;
      esac
    done
  done
}

# control PRESET "ENVIRONMENTS" SEEDS γ̄ λ̄ LEARNED...: η learned, each as LEARNED says, beside η̄ itself and a γ that goes by
# hand from 0.9 to γ̄; a grid of fixed (γ, λ), three seeds each, and its best cell again with ten fresh seeds.
control() {
  preset=$1 envs=$2 seeds=$3 gamma_bar=$4 lambda_bar=$5
  shift 5
  base=meta_gradient:$preset
  methods=
  for learned in "$@"; do methods="$methods $base+$learned"; done
  sweep "$preset-learned" "$seeds" 1 "$envs" "$methods"
  sweep "$preset-fixed" "$seeds" 1 "$envs" "$base+learn=none+gamma=$gamma_bar+lambda=$lambda_bar \
    $base+learn=none+anneal_gamma=true+gamma=0.9+gamma_end=$gamma_bar"
  methods=
  for gamma in 0.9 0.97 0.99 0.997 1; do
    for lambda in 0 0.8 1; do methods="$methods $base+learn=none+gamma=$gamma+lambda=$lambda"; done
  done
  sweep "$preset-grid" 3 1 "$envs" "$methods"
  results "meta-$preset" "$preset-learned" "$preset-fixed" "$preset-grid"
  # The cell with the highest mean over environments and seeds.
  best=$(awk -F, -v grid="$preset-grid" '$1 == grid { sum[$2] += $5; ++n[$2] }
    END { for (m in sum) if (!(best in sum) || sum[m] / n[m] > sum[best] / n[best]) best = m; print best }' \
    "$kept/meta-$preset/results.csv")
  gamma=${best#*gamma-} gamma=${gamma%-lambda*} lambda=${best##*lambda-}
  echo "$preset: the best cell is γ = $gamma, λ = $lambda"
  sweep "$preset-best" 10 11 "$envs" "$base+learn=none+gamma=$gamma+lambda=$lambda"
  results "meta-$preset" "$preset-learned" "$preset-fixed" "$preset-grid" "$preset-best"
  {
    echo "command    sh tests/tools/record_meta_gradient.sh build $preset"
    echo "commit     ${COMMIT:-$(git rev-parse --short=12 HEAD)}"
    echo "date       $(date -u +%F)"
    echo "processor  $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), one thread"
    cat "$work/$preset"-*.seconds | awk '{ all += $1 } END { printf "seconds    of processor time: %.0f in all\n", all }'
  } > "$kept/meta-$preset/recorded.txt"
}

for job in ${*:-processes}; do
  case $job in
  processes)
    record_set meta-signal-noise "1 2 3 4 5 6 7 8 9 10" --preset signal-noise
    record_set meta-noise-undone "1" --preset noise-undone
    record_set meta-signal-noise-online "1" --preset signal-noise-online
    record_set meta-noise-undone-online "1" --preset noise-undone-online
    ;;
  alphas)
    for alpha in 0.5 0.01; do
      record_set "meta-signal-noise-alpha-$alpha" "1 2 3" --preset signal-noise --learning-rate "$alpha" \
        --meta-optimiser adam --beta 0.05 --meta-steps 50 --iterations 30
    done
    ;;
  pairs)
    record_set meta-signal-noise-pairs "1 2 3" --preset signal-noise --trajectories 1 --beta 0.5 --no-anneal-beta \
      --meta-steps 1000 --iterations 100
    ;;
  chain)
    control chain "discounting-chain-1-v2 discounting-chain-3-v2 discounting-chain-10-v2 discounting-chain-30-v2 \
      discounting-chain-100-v2" 5 1 0.9 learn=gamma learn=gamma+beta=0 learn=both learn=both+lambda=0.8 \
      learn=lambda+lambda=0.8 learn=lambda+gamma=1+lambda=0.1
    ;;
  bias)
    # Who judges: the inner critic, whose values are of γ, or one of its own; with returns that bootstrap, and that do not.
    base=meta_gradient:chain
    sweep chain-bias 3 1 discounting-chain-30-v2 \
      "$base+outer_critic=false $base+outer_critic=false+lambda_bar=1 $base+lambda_bar=1"
    results meta-chain-bias chain-bias
    ;;
  catch)
    for env in catch-v1 catch-tall-v1; do
      record_set "meta-$env" "1" --env $env --learn gamma --gamma 0.9 --lambda 0.9 --outer-critic --eta-after 40 --beta 0.05 \
        --max-meta-gradient-norm 1e-6 --learning-rate 0.005 --hidden 16 --steps 40 --iterations 300
    done
    ;;
  lure-grid) control lure-grid lure-grid-v1 10 0.997 0.8 learn=gamma learn=gamma+beta=0 learn=both learn=lambda ;;
  noisy-cartpole) control noisy-cartpole noisy-cartpole-v1 10 0.997 1 learn=gamma+lambda=1 learn=gamma+lambda=1+beta=0 \
    learn=both learn=both+beta=0 learn=lambda+gamma=1+lambda=0.1 learn=lambda+gamma=1+lambda=0.1+beta=0 \
    learn=lambda+gamma=0.997 learn=lambda+gamma=0.997+beta=0 \
    learn=lambda+gamma=0.997+iterations=1000 learn=lambda+gamma=0.997+beta=0+iterations=1000 ;;
  *) echo "there is no job '$job'" >&2; exit 2 ;;
  esac
done
