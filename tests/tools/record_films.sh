#!/bin/sh
# Trains a policy for each environment and draws it as a film-strip: app/film_<env>.png, the pictures of app/films.md.
# Arguments: the program, a folder for the runs.
set -eu
program=${1:-build/innerloop}
runs=${2:-runs/films}

# film <env> "<film flags>" <algorithm> <train flags>...
film() {
  env=$1 flags=$2 algorithm=$3
  shift 3
  [ -e "$runs/$env/config.toml" ] || "$program" train "$algorithm" --env "$env" "$@" --quiet --out "$runs/$env"
  # The flags are meant to be split at their blanks.
  # shellcheck disable=SC2086
  "$program" plot "$runs/$env" --film $flags > /dev/null
  cp "$runs/$env/plots/film.png" "app/film_$env.png"
  echo "app/film_$env.png"
}

film cartpole-v1 "" trpo --tasks 1 --trajectories 20 --hidden [16] --iterations 60
film pendulum-v1 "--until 100" trpo --tasks 1 --trajectories 40 --hidden [32,32] --activation tanh --iterations 40
film mountain-car-continuous-v0 "" trpo --tasks 1 --trajectories 20 --hidden [32,32] --activation tanh --log-sigma-init 1 --iterations 60
film acrobot-v1 "" trpo --tasks 1 --trajectories 100 --hidden [32,32] --activation tanh --iterations 100
film two-state-v1 "--frames 4" policy_gradient --tasks 1 --trajectories 20 --hidden [16] --iterations 50
film four-state-v1 "--frames 2 --steps 1 --task 2" maml --hidden [32] --alpha 5 --iterations 40
film promp-1d-v1 "--steps 1 --until 30" maml --hidden [32,32] --alpha 0.1 --iterations 40
film promp-corner-dense-v1 "--steps 1 --until 60" maml --hidden [32,32] --alpha 0.1 --iterations 40
film point-nav-v1 "--steps 2 --task 3 --until 14" maml --hidden [64,64] --alpha 0.1 --iterations 60
film gridworld-v1 "--steps 1 --task 26 --until 14" maml --hidden [64] --alpha 5 --iterations 60
film maze-v1 "--steps 2 --task 5 --until 21" maml --hidden [64] --alpha 5 --iterations 60
film maze-5x5-v1 "--steps 1 --task 5" rl2 --preset maze
film point-nav-oracle-v1 "--task 3 --until 14" trpo --tasks 20 --trajectories 10 --hidden [32,32] --activation tanh --iterations 40
film point-nav-raw-v1 "--steps 2 --task 3 --until 14" maml --tasks 10 --trajectories 10 --hidden [32,32] --alpha 0.1 --iterations 30
film point-nav-scale10-v1 "--steps 2 --task 3 --until 14" maml --tasks 10 --trajectories 10 --hidden [32,32] --alpha 0.1 --iterations 30
film point-robot-v1 "--steps 1 --task 3" maml --hidden [64,64] --alpha 0.1 --iterations 40
film semicircle-dense-v1 "--steps 1 --task 3" maml --hidden [64,64] --alpha 0.1 --iterations 40
film soft-lqr-v1 "" trpo --tasks 1 --trajectories 50 --hidden [8] --activation tanh --iterations 40
film soft-two-state-v1 "--until 7" policy_gradient --tasks 1 --trajectories 20 --hidden [16] --iterations 50
film grid-navi-v1 "--steps 2 --task 9" maml --hidden [64] --alpha 5 --iterations 60
film rl2-mdp-v1 "" maml --hidden [32] --alpha 1 --iterations 20
film two-step-v1 "--steps 1 --until 6" maml --hidden [32] --alpha 1 --iterations 20
film two-step-flip-v1 "--steps 1 --until 6" maml --hidden [32] --alpha 1 --iterations 20
film harlow-v1 "--until 5" maml --hidden [32] --alpha 1 --iterations 20
film promp-momentum-v1 "--steps 2 --until 40" maml --hidden [32,32] --alpha 0.1 --iterations 60
film promp-walls-v1 "--steps 1 --until 60" maml --hidden [32,32] --alpha 0.1 --iterations 40
film wheeled-dense-v1 "--steps 1 --task 3" maml --hidden [32,32] --alpha 0.1 --iterations 60
film pusher-dense-v1 "--steps 1 --task 3" maml --hidden [32,32] --alpha 0.1 --iterations 60
film discounting-chain-1-v2 "" policy_gradient --tasks 1 --trajectories 20 --hidden [16] --iterations 50
film lure-grid-v1 "--until 12" policy_gradient --tasks 1 --trajectories 20 --hidden [16] --iterations 50
film catch-v1 "" policy_gradient --tasks 1 --trajectories 20 --hidden [16] --iterations 50
film catch-tall-v1 "" policy_gradient --tasks 1 --trajectories 20 --hidden [16] --iterations 50
film mass-right-v1 "--steps 2 --task 3" maml --hidden [32] --alpha 0.1 --iterations 40
film unicycle-right-v1 "--steps 2 --task 3" maml --hidden [32] --alpha 0.1 --iterations 40
film wind-v1 "--steps 2 --task 3 --until 25" maml --hidden [32] --alpha 0.1 --iterations 40
film pendulum-varied-v1 "--until 100" trpo --tasks 10 --trajectories 4 --hidden [32,32] --activation tanh --iterations 40
film cartpole-varied-v1 "" trpo --tasks 10 --trajectories 4 --hidden [16] --iterations 60
