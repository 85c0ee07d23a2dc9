#!/usr/bin/env bash
# Lines that are too long, as file:line: length. Code has 130 characters, prose 120; tables may be wider, and what a link
# points to is not counted.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files -z -- '*.cs' '*.proto' '*.conf' '*.js' '*.mjs' '*.css' '*.html' '*.sh' '*.py' \
  '*.csproj' '*.props' '*.targets' '*.md' alignprop .ci/run |
  LC_ALL=C xargs -0 awk '
    FNR == 1 { fenced = 0; prose = FILENAME ~ /\.md$/ }
    prose && /^ *```/ { fenced = !fenced }
    {
      line = $0
      limit = prose && !fenced ? 120 : 130
      if (limit == 120) {
        if (line ~ /^ *\|/) next
        gsub(/\]\([^)]*\)/, "]", line)
        gsub(/https?:[^ )>]*/, "", line)
      }
      # A character of several bytes is one.
      gsub(/[\200-\277]/, "", line)
      if (length(line) > limit) { printf "%s:%d: %d characters, at most %d\n", FILENAME, FNR, length(line), limit; bad = 1 }
    }
    END { exit bad }' || exit 1
