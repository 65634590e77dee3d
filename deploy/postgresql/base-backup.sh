#!/bin/sh
# A whole copy of the server while it runs, checked against its own list; what it needs of the log is with it.
# base-backup.sh FOLDER: prints the folder made in it, named by the moment (UTC) at which it was whole: none before
# that can be come back to. Whom to ask is said by PGHOST, PGPORT, PGUSER.
set -eu
umask 077
if [ $# -ne 1 ]; then
    echo "base-backup.sh FOLDER" >&2
    exit 2
fi
rm -rf "$1/.part"
pg_basebackup --pgdata "$1/.part" --checkpoint fast --no-password
made=$1/$(date -u +%Y%m%dT%H%M%SZ)
pg_verifybackup --quiet "$1/.part"
sync "$1/.part"
if [ -e "$made" ]; then
    echo "$made is there already" >&2
    exit 1
fi
mv "$1/.part" "$made"
printf '%s\n' "$made"
