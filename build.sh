#!/usr/bin/env bash
# The only entry: ./build.sh serve | test | site | native | bench | oracles | clean
# Everything it makes lies under build/ and .venv/ (npm's modules under web/node_modules/).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

python=""
for candidate in "${PYTHON:-}" python3 /usr/bin/python3 python3.14 python3.13 python3.12 python3.11; do
  if [[ -n $candidate ]] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [[ -z $python ]]; then
  echo "build.sh: there is no Python 3.11 or newer; install one (on Debian: apt-get install python3)." >&2
  exit 1
fi
export PYTHONDONTWRITEBYTECODE=1
exec "$python" -m scripts "$@"
