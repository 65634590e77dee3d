#!/bin/sh
# Draws what compose.yaml reads as secrets, once, into the folder named, or `secrets` beside this file.
set -eu
folder=${1:-$(dirname "$0")/secrets}
umask 077
mkdir -p "$folder"

# keep NAME VALUE: never written over. The folder is its owner's alone; the user of the containers reads the files.
keep() {
    [ ! -e "$folder/$1" ] || return 0
    printf '%s\n' "$2" >"$folder/$1"
    chmod 0444 "$folder/$1"
}

drawn() { od -An -N 24 -t x1 /dev/urandom | tr -d ' \n'; }

keep database_password "$(drawn)"
keep metrics "$(drawn)"
for role in owner site work; do
    keep "${role}_url" "postgresql://school_$role:$(drawn)@database/school"
done
