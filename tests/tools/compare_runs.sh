#!/bin/sh
# compare_runs.sh <reference program> <program>: every algorithm, trained by both at the settings of
# tests/app/device_flag_test.cpp on 1 and 2 threads, must leave the same bytes: metrics.csv and every checkpoint. A run
# that the reference stopped after its first iteration must be gone on with to the same bytes too.
# A change of structure is held by it: build the commit before and the one after on the same machine.
set -u
reference=$1
program=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

# same_bytes <what> <run> <run>
same_bytes() {
  for file in metrics.csv $(cd "$2" && ls checkpoints/*.safetensors); do
    cmp -s "$2/$file" "$3/$file" || { echo "DIFFERENT: $1: $file"; failed=1; }
  done
}

# compare <algorithm> <settings...>
compare() {
  for threads in 1 2; do
    rm -rf "$folder"/*
    settings="--iterations 2 --checkpoint-every 1 --quiet --threads $threads"
    "$reference" train "$@" $settings --out "$folder/before" > "$folder/log" 2>&1 || { cat "$folder/log"; failed=1; }
    "$program" train "$@" $settings --out "$folder/after" > "$folder/log" 2>&1 || { cat "$folder/log"; failed=1; }
    same_bytes "$* ($threads threads)" "$folder/before" "$folder/after"
    cp -r "$folder/before" "$folder/resumed"
    rm "$folder/resumed/checkpoints/iteration-000002.safetensors"
    echo iteration-000001.safetensors > "$folder/resumed/checkpoints/LATEST"
    "$program" train --resume "$folder/resumed" --quiet > "$folder/log" 2>&1 || { cat "$folder/log"; failed=1; }
    same_bytes "$* (resumed)" "$folder/before" "$folder/resumed"
    for run in before after; do
      which=$reference
      [ $run = after ] && which=$program
      "$which" adapt "$folder/$run" --tasks 2 --steps 1 --trajectories 2 --pictures 0 --json > "$folder/$run.json" 2>&1
    done
    sed "s|$folder/before|RUN|g" "$folder/before.json" > "$folder/a"
    sed "s|$folder/after|RUN|g" "$folder/after.json" > "$folder/b"
    cmp -s "$folder/a" "$folder/b" || { echo "DIFFERENT: $* ($threads threads): adapt"; failed=1; }
  done
  echo "compared: $*"
}

for dtype in f32 f64; do
  small="--hidden 8 --dtype $dtype"
  compare policy_gradient --env point-nav-v1 --tasks 2 --trajectories 2 $small
  compare policy_gradient --env point-nav-v1 --tasks 1 --trajectories 4 --baseline-fit previous-batch $small
  compare policy_gradient --env cartpole-v1 --tasks 2 --trajectories 2 --baseline mean --optimizer sgd $small
  compare trpo --cg-damping 0.1 --env point-nav-v1 --tasks 2 --trajectories 2 $small
  compare trpo --cg-damping 10 --env pendulum-v1 --baseline network --tasks 1 --trajectories 2 $small
  compare a2c --trajectories 3 --steps 6 $small
  compare a2c --env pendulum-v1 --core lstm --core-size 4 --trajectories 3 --steps 6 --normalise-observations $small
  compare ppo --trajectories 4 --steps 8 --epochs 2 --minibatches 2 --anneal $small
  compare ppo --core gru --core-size 4 --trajectories 4 --steps 8 --epochs 2 --minibatches 2 $small
  compare dqn --steps 12 --batch 8 --learning-starts 8 --update-every 1 --evaluation-episodes 1 $small
  compare dqn --steps 12 --batch 8 --learning-starts 8 --capacity 10 --huber --evaluation-episodes 1 $small
  replay="--env point-nav-v1 --steps 12 --batch 8 --learning-starts 8 --evaluation-episodes 1"
  compare sac $replay $small
  for preset in paper-v1 softlearning sb3 cleanrl; do compare sac --preset $preset $replay $small; done
  meta="--tasks 3 --trajectories 2 --cg-damping 0.1"
  for outer in trpo adam; do compare maml $meta --outer $outer $small; done
  for estimator in first-order likelihood-ratio dice; do
    compare maml $meta --inner-steps 2 --estimator $estimator --baseline mean $small
  done
done
compare q_learning --steps 12 --evaluation-episodes 1
[ $failed = 0 ] && echo "the same bytes everywhere"
exit $failed
