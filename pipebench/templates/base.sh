set -euo pipefail
commit() { git rev-parse --verify --quiet --end-of-options "$1^{commit}"; }
base_of() {
  case "$EVENT" in
    pull_request) commit 'HEAD^1' ;;  # HEAD merges the request into its target, as that is now
    merge_request_event | merge_group) commit "$BEFORE" ;;
    push) commit "$BEFORE" || commit 'HEAD^1' ;;  # a new branch has nothing before
    *)
      if [ -n "$ASKED" ]; then commit "$ASKED" || commit "origin/$ASKED"
      else commit "$(git rev-list -1 --first-parent --before='7 days ago' HEAD)" || commit 'HEAD^1'; fi ;;
  esac
}
BASE=$(base_of) || { echo "no base to hold HEAD against: event $EVENT" >&2; exit 2; }
echo "base $BASE, head $(commit HEAD)"

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir -p results/ci
read -ra limits <<< "$PIPEBENCH_LIMITS"
read -ra options <<< "$PIPEBENCH_OPTIONS"
report=(--junit results/ci/pipebench.xml --output results/ci)
