#!/usr/bin/env bash
# Fetches the emoji packages the pretraining pictures are made of, pinned, and what renders SVG.
#   usage: src/Pretraining/fetch-emoji.sh [DIR]     (default data/npm)
set -euo pipefail

dir="${1:-data/npm}"
mkdir -p "$dir"
npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --save-exact \
    @lobehub/fluent-emoji-3d@1.1.0 \
    @lobehub/fluent-emoji-flat@1.1.0 \
    @iconify-json/noto@1.2.9 \
    @iconify-json/twemoji@1.2.5 \
    @iconify-json/fluent-emoji-high-contrast@1.2.6 \
    unicode-emoji-json@0.9.0

if ! command -v rsvg-convert >/dev/null; then
    sudo=""
    [ "$(id -u)" -eq 0 ] || sudo="sudo"
    $sudo apt-get update -qq
    $sudo apt-get install -y --no-install-recommends librsvg2-bin
fi
rsvg-convert --version
